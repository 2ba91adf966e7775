"""A worker for tests: everything is real but the training, which takes no time.

The score of a program is computed from its constants, so that proposers have something to find.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.constants import read_constants
from shared.states import CrashReason, Tier
from shared.wire.results import Metrics
from worker.board import Board
from worker.campaign import load_campaign
from worker.client import Client
from worker.history import History
from worker.identity import sign_in
from worker.notebook import Notebook
from worker.outbox import Outbox
from worker.proposers.tpe import TpeProposer
from worker.researcher import Researcher
from worker.runner import Progress, RunReport, RunRequest
from worker.workbench import Workbench

CAMPAIGN = "tiny"
PLATFORM = "test-gpu"

Score = Callable[[str], float | None]


def score_of(source: str) -> float | None:
    """Best at MATRIX_LR 0.07 and DEPTH 6; a DEPTH above 8 crashes."""
    constants = read_constants(source)
    rate, depth = constants["MATRIX_LR"].value, constants["DEPTH"].value
    if depth > 8:
        return None
    return 1.5 + 0.1 * math.log(rate / 0.07) ** 2 + 0.01 * abs(depth - 6)


def make_runner(score: Score = score_of, before: Callable[[RunRequest], None] | None = None):
    """A runner that asks ``score``; ``before`` is called while the run is under way."""

    def run(request: RunRequest, *, on_progress: Any, **_: Any) -> RunReport:
        started_at = datetime.now(UTC)
        on_progress(Progress(phase="training", fraction=0.5, step=1, loss=2.0))
        if before is not None:
            before(request)
        val_bpb = score(request.source)
        return RunReport(
            metrics=None if val_bpb is None else Metrics(val_bpb=val_bpb, peak_vram_mb=2048.0),
            crash_reason=CrashReason.ERROR if val_bpb is None else None,
            log_tail="out of depth" if val_bpb is None else "",
            started_at=started_at,
            finished_at=datetime.now(UTC),
        )

    return run


class Events:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.agent = "test"
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def emit(self, event: str, **fields: Any) -> None:
        self.seen.append((event, fields))

    def close(self) -> None:
        pass

    def names(self) -> list[str]:
        return [name for name, _ in self.seen if name not in {"progress", "online"}]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.seen if event == name]


@contextmanager
def researcher_at(
    url: str, home: Path, *, name: str = "otter", seed: int = 1, **overrides: Any
) -> Iterator[Researcher]:
    """A worker of the tiny campaign; starting it again finds what it left."""
    with ExitStack() as stack:
        with Client(url) as anonymous:
            seat, identity, _ = sign_in(home, anonymous, name, hardware={"platform": PLATFORM})
        stack.callback(seat.leave)
        client = stack.enter_context(Client(url, api_key=identity.api_key))
        seat.work_in(CAMPAIGN)
        desk = seat.directory / CAMPAIGN
        campaign = load_campaign(client, CAMPAIGN, desk / "campaign.json")
        notebook = Notebook(desk / "notebook", campaign=CAMPAIGN, agent=name)
        stack.callback(notebook.close)
        parts: dict[str, Any] = {
            "name": name,
            "client": client,
            "campaign": campaign,
            "platform": PLATFORM,
            "tier": Tier.SMALL,
            "notebook": notebook,
            "outbox": stack.enter_context(Outbox(desk / "outbox.sqlite")),
            "workbench": Workbench(desk / "workbench.json"),
            "history": History(desk, campaign=CAMPAIGN, agent=name, platform=PLATFORM),
            "board": Board(CAMPAIGN),
            "proposer": TpeProposer(seed=seed),
            "reporter": Events(),
            "runner": make_runner(),
            "runs_dir": desk / "runs",
            "data_dir": home / "data",
            "cache_dir": home / "cache",
        }
        yield Researcher(**(parts | overrides))
