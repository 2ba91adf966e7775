"""Record programs."""

from datetime import datetime
from uuid import UUID

from shared.states import Scope
from shared.wire.base import WireModel


class BestRead(WireModel):
    """The record of a scope and the manifest of its program."""

    best_id: UUID
    scope: Scope
    value: str
    sequence: int
    experiment_id: UUID
    agent: str
    hypothesis: str
    platform: str
    val_bpb: float
    status: str
    source_sha256: str
    source_bytes: int
    harness_sha256: str
    created_at: datetime
