"""Table of events."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.db import Base


class Event(Base):
    """Something that happened, written in the transaction that made it happen."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_campaign_id_id", "campaign_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaigns.id"))
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id"))
    experiment_id: Mapped[UUID | None] = mapped_column(ForeignKey("experiments.id"))
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
