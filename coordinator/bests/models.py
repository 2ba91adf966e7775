"""Table of bests."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.db import Base
from shared.ids import new_id


class Best(Base):
    """One record of a scope. Rows are only ever added, and each is better than the one before.

    The table itself holds this: ``sequence`` counts without gap or fork (the unique key, and the
    foreign key to the record before), and ``previous_val_bpb``, bound to that record by the
    same foreign key, must be beaten.
    """

    __tablename__ = "bests"
    __table_args__ = (
        UniqueConstraint("campaign_id", "scope", "value", "sequence", name="uq_bests_sequence"),
        UniqueConstraint(
            "campaign_id", "scope", "value", "sequence", "val_bpb", name="uq_bests_record"
        ),
        ForeignKeyConstraint(
            ["campaign_id", "scope", "value", "previous_sequence", "previous_val_bpb"],
            ["bests.campaign_id", "bests.scope", "bests.value", "bests.sequence", "bests.val_bpb"],
            name="fk_bests_previous",
        ),
        CheckConstraint(
            "(sequence = 1 AND previous_sequence IS NULL AND previous_val_bpb IS NULL)"
            " OR (sequence > 1 AND previous_sequence IS NOT NULL"
            " AND previous_sequence = sequence - 1 AND previous_val_bpb IS NOT NULL)",
            name="follows_the_previous",
        ),
        CheckConstraint("val_bpb < previous_val_bpb", name="goes_only_forward"),
        CheckConstraint("scope IN ('global', 'tier', 'platform', 'agent')", name="scope_is_known"),
        CheckConstraint("status IN ('provisional', 'confirmed')", name="status_is_known"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    scope: Mapped[str]
    value: Mapped[str]
    sequence: Mapped[int]
    val_bpb: Mapped[float]
    previous_sequence: Mapped[int | None]
    previous_val_bpb: Mapped[float | None]
    result_id: Mapped[UUID] = mapped_column(ForeignKey("results.id"))
    experiment_id: Mapped[UUID] = mapped_column(ForeignKey("experiments.id"))
    source_sha256: Mapped[str] = mapped_column(ForeignKey("programs.source_sha256"))
    status: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
