"""Runs the programs past the policy check, with less patience than in earnest."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.attacks.cheats import CHEATS, WITHOUT_EFFECT
from tests.attacks.honest import HONEST, steps
from tests.attacks.laboratory import BASE, Laboratory
from worker.runner import RunReport, clock, running

SHORT = clock.Limits(startup_s=25, window_s=1.5, grace_s=2, answer_s=4, exam_s=6)
RUN_DIR_BYTES = 100 * 2**20


@pytest.fixture(scope="session")
def laboratory() -> Iterator[Laboratory]:
    with tempfile.TemporaryDirectory(prefix="swarmlab-attacks-") as home:
        yield Laboratory(Path(home))


# The fixtures that patch the runner end with this package: the tests after it need it whole.
@pytest.fixture(scope="package")
def short_limits() -> Iterator[None]:
    """The same rules with less patience, so that those who hang are not waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "limits_for", lambda *_, **__: SHORT)
        patch.setattr(running, "RUN_DIR_BYTES", RUN_DIR_BYTES)
        yield


@pytest.fixture(scope="package")
def report_of(
    laboratory: Laboratory,
    short_limits: None,  # noqa: ARG001 - asked for its effect
) -> Iterator[Callable[[str], RunReport]]:
    """Return what a program comes to past the policy check; the plain one has no name."""
    # Programs whose scores are compared train for a count of steps, not for a time.
    compared = HONEST | {name: CHEATS[name] for name in WITHOUT_EFFECT} | {"": BASE}
    programs = CHEATS | {name: steps(source) for name, source in compared.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "check_policy", lambda _: [])
        yield cache(lambda name: laboratory.run(programs[name]))


@pytest.fixture(scope="session")
def own_scores(laboratory: Laboratory) -> Mapping[str, float]:
    """What the honest programs score in their own process."""
    return laboratory.run_in_process({name: steps(HONEST[name]) for name in HONEST})
