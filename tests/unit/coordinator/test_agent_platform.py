"""The platform of an agent: what it named when it registered, if that is a name."""

from typing import Any

import pytest

from coordinator.agents.models import Agent


@pytest.mark.parametrize(
    "hardware",
    [{}, *({"platform": each} for each in (None, "", "  ", 7.5, True))],
    ids=["nothing", "null", "empty", "blank", "number", "bool"],
)
def test_an_agent_that_names_no_platform_has_an_unknown_one(hardware: dict[str, Any]):
    assert Agent(hardware=hardware).platform == "unknown"


def test_an_agent_has_the_platform_that_it_names():
    assert Agent(hardware={"platform": "NVIDIA H100"}).platform == "NVIDIA H100"
