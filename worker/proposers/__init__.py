"""Proposers: what is known in, a hypothesis and a new `train.py` out.

A proposer is given a `Briefing` and returns a `Proposal`; it neither knows the coordinator nor
touches the notebook. What it is told of other agents' work is data from strangers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.states import CrashReason, Outcome
from shared.wire.claims import ConstantChange, Match
from shared.wire.ideas import IdeaCreate, IdeaRead
from shared.wire.insights import InsightRead
from shared.wire.results import Cost


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A finished experiment on this platform; ``source`` is ``None`` where it is not at hand."""

    experiment_id: UUID
    agent: str
    hypothesis: str
    outcome: Outcome
    source_sha256: str
    source: str | None = None
    base_sha256: str | None = None
    val_bpb: float | None = None
    base_val_bpb: float | None = None
    crash_reason: CrashReason | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A hypothesis and the program that tests it.

    ``cost`` is what it took to think of it. ``insight`` is what its author learned
    from its results in ``evidence``, ``idea`` what somebody else might try: both are for the board.
    """

    hypothesis: str
    source: str
    rationale: str | None = None
    changes: tuple[ConstantChange, ...] = ()
    idea_id: UUID | None = None
    cost: Cost | None = None
    insight: str | None = None
    evidence: tuple[UUID, ...] = ()
    idea: IdeaCreate | None = None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A proposal that the swarm has already tried, and who tried it."""

    proposal: Proposal
    reason: str
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Crash:
    """This worker's last experiment, where it broke and nobody has tried to repair it."""

    hypothesis: str
    log_tail: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An experiment that did not help, on whatever platform: its score does not compare here."""

    agent: str
    hypothesis: str
    outcome: Outcome | None


def _no_failures(_words: str) -> Sequence[Failure]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Briefing:
    """All that a proposer may know.

    ``refusals`` are those of this round: the next proposal has to differ from them. ``latest`` is
    the id of this worker's newest result, for the evidence of an insight. ``find_failures``
    searches for experiments that failed and resemble some words; it never raises.
    """

    campaign: str
    program_md: str
    base_source: str
    base_sha256: str
    base_val_bpb: float
    history: Sequence[Measured] = ()
    refusals: Sequence[Refusal] = ()
    ideas: Sequence[IdeaRead] = ()
    insights: Sequence[InsightRead] = ()
    crash: Crash | None = None
    latest: tuple[UUID, ...] = ()
    find_failures: Callable[[str], Sequence[Failure]] = _no_failures


class Proposer(Protocol):
    """Thinks of experiments."""

    def propose(self, briefing: Briefing) -> Proposal:
        """Return the next experiment.

        Raises:
            NoProposalError: there is nothing (more) to suggest.
        """
