"""Runs the programs, a few at a time, before the tests ask what they came to."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.attacks.cheats import CHEATS, WITHOUT_EFFECT
from tests.attacks.honest import HONEST, steps
from tests.attacks.laboratory import BASE, Laboratory
from worker.runner import RunReport, clock, running

SHORT = clock.Limits(startup_s=25, window_s=1.5, grace_s=2, answer_s=4, exam_s=6)
WORKERS = min(4, max(2, os.cpu_count() or 2))
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


@pytest.fixture(scope="session")
def wanted(request: pytest.FixtureRequest) -> set[str]:
    """The names of the programs whose tests were selected."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    return {item.callspec.params["name"] for item in items if "reports" in item.fixturenames}


@pytest.fixture(scope="package")
def reports(
    laboratory: Laboratory,
    short_limits: None,  # noqa: ARG001 - asked for its effect
    wanted: set[str],
) -> Iterator[Mapping[str, "Future[RunReport]"]]:
    """What the selected programs, and the plain one, came to, past the policy check."""
    # Programs whose scores are compared train for a count of steps, not for a time.
    compared = HONEST | {name: CHEATS[name] for name in WITHOUT_EFFECT} | {"": BASE}
    programs = {"": BASE} | CHEATS | {name: steps(source) for name, source in compared.items()}
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(WORKERS) as pool:
        patch.setattr(running, "check_policy", lambda _: [])
        yield {
            name: pool.submit(laboratory.run, source)
            for name, source in programs.items()
            if name in wanted or not name
        }
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def own_scores(laboratory: Laboratory, wanted: set[str]) -> Mapping[str, float]:
    """What the selected honest programs score in their own process."""
    return laboratory.run_in_process({n: steps(HONEST[n]) for n in HONEST if n in wanted})
