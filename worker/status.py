"""What the workers of this machine are at, read from what they keep on disk."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from shared.terminal import in_one_line
from worker.errors import SetupError
from worker.identity import Identity, campaign_at_work
from worker.notebook import Notebook, Page
from worker.outbox import Entry, Outbox
from worker.workbench import Experiment, Workbench

RECENT = 10_000


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One worker in one campaign; entries are oldest first."""

    identity: Identity
    campaign: str
    is_running: bool
    tip: Page | None
    at_hand: Experiment | None
    entries: list[Entry]
    notebook_path: Path

    @property
    def outcomes(self) -> Counter[str]:
        """Return how many experiments came to what."""
        return Counter(entry.outcome for entry in self.entries)

    def in_state(self, state: str) -> int:
        """Return how many results wait, were sent or were refused."""
        return sum(entry.state == state for entry in self.entries)


def read_desks(home: Path, name: str | None = None) -> Iterator[Desk]:
    """Yield what each worker of this home left on its desk; changes nothing.

    Raises:
        SetupError: it cannot be read.
    """
    try:
        for path in sorted((home / "workers").glob("*/identity.json")):
            if name is not None and path.parent.name != name:
                continue
            identity = Identity.model_validate_json(path.read_bytes())
            for desk in sorted(path.parent.glob("*/outbox.sqlite")):
                yield _read_desk(identity, desk.parent)
    except (OSError, sqlite3.OperationalError) as error:
        raise SetupError(
            f"What the workers keep in {home} cannot be read ({error}): to look at it takes the "
            "right to write there, as for the worker itself."
        ) from error


def status_lines(desk: Desk) -> list[str]:
    """Return the state of a worker in five lines."""
    outcomes = desk.outcomes
    counts = ", ".join(f"{outcomes[each]} {each}" for each in ("keep", "discard", "crash"))
    at_hand = desk.at_hand
    if at_hand is None:
        now = "thinking or waiting" if desk.is_running else "nothing at hand"
    else:
        claim = "alone, without a claim" if at_hand.experiment_id is None else "claimed"
        interrupted = "" if desk.is_running else "interrupted: "
        now = f"{interrupted}{at_hand.step}, {claim}: {in_one_line(at_hand.hypothesis)}"
    tip = desk.tip
    if tip is None or tip.val_bpb is None:
        best = "nothing measured yet"
    else:
        best = f"val_bpb {tip.val_bpb:.6f}, {in_one_line(tip.hypothesis)}"
    refused = desk.in_state("refused")
    return [
        f"{desk.identity.name} in {desk.campaign} at {desk.identity.coordinator_url}: "
        + ("at work" if desk.is_running else "not running"),
        f"  now      {now}",
        f"  builds on {best}",
        f"  finished {len(desk.entries)} experiments: {counts}",
        f"  outbox   {desk.in_state('waiting')} waiting"
        + (f", {refused} refused by the coordinator" if refused else ""),
    ]


def _read_desk(identity: Identity, desk: Path) -> Desk:
    with ExitStack() as stack:
        outbox = stack.enter_context(Outbox(desk / "outbox.sqlite"))
        tip = None
        if (desk / "notebook" / ".git").is_dir():
            notebook = Notebook(desk / "notebook", campaign=desk.name, agent=identity.name)
            stack.callback(notebook.close)
            tip = notebook.base() if notebook.is_open else None
        return Desk(
            identity=identity,
            campaign=desk.name,
            is_running=campaign_at_work(desk.parent) == desk.name,
            tip=tip,
            at_hand=Workbench(desk / "workbench.json").get(),
            entries=outbox.recent(RECENT)[::-1],
            notebook_path=desk / "notebook",
        )
