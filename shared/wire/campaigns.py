"""Campaigns as workers see them."""

from datetime import datetime
from uuid import UUID

from shared.wire.base import WireModel


class CampaignFileRead(WireModel):
    """One file of a campaign; its text is at ``/v1/campaigns/{c}/files/{path}``."""

    path: str
    sha256: str
    size_bytes: int


class CampaignRead(WireModel):
    """A research question: frozen harness, editable program, metric, time budget."""

    campaign_id: UUID
    name: str
    title: str
    metric: str
    direction: str
    time_budget_s: float
    harness_sha256: str
    data_sha256: str
    baseline_sha256: str
    files: list[CampaignFileRead]
    created_at: datetime
