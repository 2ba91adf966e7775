"""One worker's belongings: what every step of the loop works with."""

import random
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.ids import new_id
from shared.states import Tier
from worker.board import Board
from worker.campaign import Campaign
from worker.client import Client
from worker.events import Reporter
from worker.history import History
from worker.notebook import Notebook
from worker.outbox import Outbox
from worker.proposers import Proposer
from worker.runner import RunReport
from worker.schedule import Schedule
from worker.steps.prepare import Preparation
from worker.workbench import Workbench

# Tests of the loop swap the run for one that takes no time.
Runner = Callable[..., RunReport]


@dataclass(kw_only=True)
class Researcher:
    """A worker in one campaign on one platform.

    ``quota`` is how many experiments are asked for. ``stop`` asks for no further experiment,
    ``abandon`` for the end of the one that runs.
    """

    name: str
    client: Client
    campaign: Campaign
    platform: str
    tier: Tier
    notebook: Notebook
    outbox: Outbox
    workbench: Workbench
    history: History
    board: Board
    proposer: Proposer
    reporter: Reporter
    runner: Runner
    runs_dir: Path
    data_dir: Path
    cache_dir: Path
    num_threads: int | None = None
    gpu_index: int | None = None
    gpu_variables: dict[str, str] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)
    stop: threading.Event = field(default_factory=threading.Event)
    abandon: threading.Event = field(default_factory=threading.Event)
    quota: int | None = None
    is_alone: bool = False
    waiting_for: str | None = None
    preparation: Preparation | None = None
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def experiments(self) -> int:
        """Return how many experiments were finished since the start."""
        return sum(self.outcomes.values())

    @property
    def is_done(self) -> bool:
        """Whether the experiments asked for are finished."""
        return self.quota is not None and self.experiments >= self.quota

    @property
    def is_at_last(self) -> bool:
        """Whether the experiment at hand is the last one asked for."""
        return self.quota is not None and self.experiments + 1 >= self.quota

    def emit(self, event: str, **fields: Any) -> None:
        """Report an event."""
        self.waiting_for = None
        self.reporter.emit(event, **fields)

    def lose_swarm(self, reason: Exception) -> None:
        """Say once that the swarm is out of reach; the work goes on."""
        if not self.is_alone:
            self.is_alone = True
            self.emit("solo", reason=f"{reason} Going on alone; results wait in the outbox.")

    def find_swarm(self) -> None:
        """Say once that the swarm is back."""
        if self.is_alone:
            self.is_alone = False
            self.emit("rejoined", waiting_results=self.outbox.count())

    def wait(self, reason: str, seconds: float) -> None:
        """Do nothing for about ``seconds``, or until asked to stop; say what for, once."""
        if reason != self.waiting_for:
            self.emit("waiting", reason=reason)
            self.waiting_for = reason
        self.stop.wait(seconds * random.uniform(0.7, 1.3))


def own_seed() -> int:
    """Return a seed for an experiment that no coordinator gives one."""
    return secrets.randbelow(2**31)


def own_id() -> UUID:
    """Return an id for a result or a claim."""
    return new_id()
