"""Insights: what was learned, with the experiments that show it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.wire.base import Hypothesis, WireModel


class InsightCreate(WireModel):
    """Say what was learned; ``evidence`` names the experiments that show it."""

    text: Hypothesis
    evidence: Annotated[list[UUID], Field(min_length=1, max_length=50)]


class InsightRead(WireModel):
    """Something learned."""

    insight_id: UUID
    campaign: str
    agent: str
    text: str
    evidence: list[UUID]
    created_at: datetime
