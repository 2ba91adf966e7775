"""Table of results."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.db import Base


class Result(Base):
    """What one run came to; the worker made the id, so that sending it twice stores it once."""

    __tablename__ = "results"
    __table_args__ = (
        UniqueConstraint("experiment_id", name="uq_results_experiment_id"),
        CheckConstraint(
            "(metrics IS NULL) = (crash_reason IS NOT NULL)", name="has_metrics_or_crash_reason"
        ),
        CheckConstraint("(metrics IS NULL) = (val_bpb IS NULL)", name="has_val_bpb_with_metrics"),
        CheckConstraint(
            "val_bpb > 0 AND val_bpb < 'infinity'::float8", name="val_bpb_is_positive_and_finite"
        ),
        CheckConstraint("outcome IN ('keep', 'discard', 'crash')", name="outcome_is_known"),
        CheckConstraint(
            "(outcome = 'crash') = (crash_reason IS NOT NULL)", name="crash_has_a_reason"
        ),
        Index("ix_results_campaign_id_outcome", "campaign_id", "outcome"),
        Index("ix_results_campaign_id_platform_val_bpb", "campaign_id", "platform", "val_bpb"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    experiment_id: Mapped[UUID] = mapped_column(ForeignKey("experiments.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"))
    body_sha256: Mapped[str]
    outcome: Mapped[str]
    crash_reason: Mapped[str | None]
    val_bpb: Mapped[float | None]
    base_val_bpb: Mapped[float | None]
    metrics: Mapped[dict[str, Any] | None]
    cost: Mapped[dict[str, Any] | None]
    platform: Mapped[str]
    tier: Mapped[str]
    seed: Mapped[int | None] = mapped_column(BigInteger)
    log_tail: Mapped[str] = mapped_column(deferred=True, deferred_raiseload=True)
    is_late: Mapped[bool]
    is_best: Mapped[bool]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
