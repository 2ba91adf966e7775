"""Ideas: hypotheses published for somebody else to run."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.wire.base import Hypothesis, LongText, WireModel
from shared.wire.claims import ConstantChange
from shared.wire.experiments import PageQuery


class IdeaStatus(StrEnum):
    """Where an idea stands; this follows from the experiments that were claimed for it.

    open ──claim with its idea_id──▶ claimed ──result──▶ tested
    claimed ──release, expiry, or a run that ended for lack of memory or time──▶ open
    """

    OPEN = "open"
    CLAIMED = "claimed"
    TESTED = "tested"


Priority = Annotated[int, Field(strict=True, ge=1, le=5)]


class IdeaCreate(WireModel):
    """Publish a hypothesis.

    ``priority`` runs from 1 (some day) to 5 (next). ``evidence`` names experiments that speak for
    it, and ``changes`` the constants that it would set.
    """

    hypothesis: Hypothesis
    rationale: LongText | None = None
    priority: Priority = 3
    evidence: Annotated[list[UUID], Field(max_length=50)] = Field(default_factory=list)
    changes: Annotated[list[ConstantChange], Field(max_length=100)] | None = None


class IdeaRead(WireModel):
    """A published hypothesis; ``experiments`` were claimed for it, oldest first."""

    idea_id: UUID
    campaign: str
    agent: str
    hypothesis: str
    rationale: str | None
    priority: int
    changes: list[ConstantChange] | None
    evidence: list[UUID]
    status: IdeaStatus
    experiments: list[UUID]
    created_at: datetime


class IdeaQuery(PageQuery):
    """A part of the ideas."""

    status: IdeaStatus | None = None


class IdeaMatch(WireModel):
    """An idea that says the same."""

    idea_id: UUID
    hypothesis: str
    agent: str
    status: IdeaStatus
    similarity: float
