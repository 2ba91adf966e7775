"""The history."""

from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from shared.states import CrashReason, ExperimentStatus, Outcome, Tier
from shared.wire.base import WireModel
from shared.wire.results import Metrics

Item = TypeVar("Item")


class ExperimentRead(WireModel):
    """One experiment: hypothesis, base, program, claim state and result."""

    experiment_id: UUID
    campaign: str
    agent: str
    hypothesis: str
    rationale: str | None
    base_sha256: str | None
    source_sha256: str | None
    status: ExperimentStatus
    epoch: int
    lease_expires_at: datetime | None
    seed: int | None
    outcome: Outcome | None
    crash_reason: CrashReason | None
    metrics: Metrics | None
    base_val_bpb: float | None
    platform: str | None
    tier: Tier | None
    late: bool
    repeat_of: UUID | None
    created_at: datetime
    completed_at: datetime | None


class Page(WireModel, Generic[Item]):
    """Part of a list; hand ``next_cursor`` back for the next part, ``None`` is the end."""

    items: list[Item]
    next_cursor: str | None
