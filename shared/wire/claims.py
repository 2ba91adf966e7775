"""Claims: leases on experiments."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.states import Outcome
from shared.wire.base import Count, Hypothesis, LongText, Number, Sha256, ShortText, Text, WireModel


class ConstantChange(WireModel):
    """A named constant of ``train.py`` and its values as source text, e.g. ``"0.04"``."""

    name: Annotated[ShortText, Field(min_length=1)]
    old: ShortText | None = None
    new: ShortText | None = None


class ClaimCreate(WireModel):
    """Ask for the exclusive right to run an experiment.

    ``base`` is the ``source_sha256`` that the change starts from; ``None`` with the campaign's
    own ``train.py`` as source claims the baseline. ``claim_key`` is made by the client: the same
    key gives the same claim back, so that a crashed worker finds its own. ``platform`` defaults
    to that of the agent's hardware.
    """

    hypothesis: Hypothesis
    rationale: LongText | None = None
    base: Sha256 | None = None
    source: Text | None = None
    changes: list[ConstantChange] | None = Field(default=None, max_length=100)
    idea_id: UUID | None = None
    claim_key: UUID | None = None
    platform: Annotated[ShortText, Field(min_length=1)] | None = None


class Match(WireModel):
    """An experiment that a claim resembles."""

    experiment_id: UUID
    hypothesis: str
    agent: str
    status: str
    outcome: Outcome | None = None
    val_bpb: float | None = None
    similarity: float | None = None


class BaseRead(WireModel):
    """The program that a claim starts from, with its score on the claimer's platform."""

    source_sha256: str
    val_bpb: float | None = None


class ClaimRead(WireModel):
    """A lease: only the holder of the current ``epoch`` can complete the experiment.

    ``similar`` names what it resembles, and ``retest_of`` the experiment that made the same
    change on a base that has moved on since.
    """

    experiment_id: UUID
    epoch: int
    lease_expires_at: datetime
    seed: int
    base: BaseRead | None = None
    similar: list[Match] = Field(default_factory=list)
    retest_of: UUID | None = None


class HeartbeatCreate(WireModel):
    """I am alive; ``progress`` is what a screen may show of it."""

    epoch: Count
    progress: dict[ShortText, ShortText | Number | None] | None = Field(default=None, max_length=20)


class HeartbeatRead(WireModel):
    """The renewed lease."""

    lease_expires_at: datetime
