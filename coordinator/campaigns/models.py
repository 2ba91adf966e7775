"""Tables of campaigns and their frozen files."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.db import Base
from shared.ids import new_id


class Campaign(Base):
    """A research question; its files never change, another harness is another campaign."""

    __tablename__ = "campaigns"
    __table_args__ = (
        UniqueConstraint("name", name="uq_campaigns_name"),
        CheckConstraint("direction IN ('minimize')", name="direction_is_known"),
        CheckConstraint("time_budget_s > 0", name="time_budget_is_positive"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    title: Mapped[str]
    metric: Mapped[str]
    direction: Mapped[str]
    time_budget_s: Mapped[float]
    harness_sha256: Mapped[str]
    data_sha256: Mapped[str]
    baseline_sha256: Mapped[str] = mapped_column(ForeignKey("programs.source_sha256"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CampaignFile(Base):
    """One frozen file of a campaign."""

    __tablename__ = "campaign_files"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(deferred=True, deferred_raiseload=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int]
