"""Tables of experiments and of the leases that were given on them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.db import Base
from shared.ids import new_id

# What text search takes for no part of a word: a full stop is one inside numbers only.
NO_WORD = r"'([^\w.]|_|\.(?!\d))+'"
# Literally what the index is made of, or the planner does not recognise it; with the brackets that
# Postgres writes, or Alembic does not. No stemming and no stop words: in this field "no", "down"
# and "off" carry the meaning.
WORDS = (
    "to_tsvector('simple', regexp_replace((experiments.hypothesis || ' ') ||"
    f" coalesce(experiments.rationale, ''), {NO_WORD}, ' ', 'g'))"
)


class Experiment(Base):
    """Hypothesis + base + program, with the state of its claim inside.

    ``dedup_key`` names what may exist once: the program's fingerprint (for a baseline together
    with the platform, which each needs its own of). It is null for a repeat, which is linked by
    ``repeat_of`` instead, and for a claim without source.

    ``change`` is the canonical difference to the base. What the words and the change say is kept
    in the form that finds its like: ``parameters_key`` names the parameter touched,
    ``values_key`` also what becomes of it, ``change_key`` the difference as a whole, and
    ``embedding`` (384 numbers of unit length) stands for the sound of the words. ``reading`` is
    what the rules of ``reading_version`` read.
    """

    __tablename__ = "experiments"
    __table_args__ = (
        UniqueConstraint("campaign_id", "dedup_key", name="uq_experiments_dedup_key"),
        CheckConstraint(
            "status IN ('claimed', 'released', 'expired', 'done')", name="status_is_known"
        ),
        CheckConstraint("(status = 'done') = (completed_at IS NOT NULL)", name="done_is_completed"),
        CheckConstraint(
            "status <> 'claimed' OR (lease_expires_at IS NOT NULL AND epoch >= 1)",
            name="claimed_has_a_lease",
        ),
        CheckConstraint("status <> 'done' OR source_sha256 IS NOT NULL", name="done_has_source"),
        CheckConstraint("epoch >= 0", name="epoch_is_not_negative"),
        Index("ix_experiments_campaign_id_id", "campaign_id", "id"),
        Index("ix_experiments_campaign_id_source_sha256", "campaign_id", "source_sha256"),
        Index("ix_experiments_base_sha256", "campaign_id", "base_sha256"),
        Index("ix_experiments_agent_id", "agent_id", "id"),
        Index("ix_experiments_change_key", "campaign_id", "change_key"),
        Index(
            "ix_experiments_parameters_key",
            *("campaign_id", "parameters_key", "values_key", "id"),
        ),
        Index(
            "ix_experiments_live",
            *("campaign_id", "parameters_key"),
            postgresql_where=text("status = 'claimed'"),
        ),
        Index("ix_experiments_campaign_id_created_at", "campaign_id", "created_at"),
        Index("ix_experiments_campaign_id_completed_at", "campaign_id", "completed_at"),
        Index(
            "ix_experiments_repeat_of",
            "repeat_of",
            postgresql_where=text("repeat_of IS NOT NULL"),
        ),
        Index("ix_experiments_words", literal_column(WORDS), postgresql_using="gin"),
        Index("ix_experiments_changed_names", "changed_names", postgresql_using="gin"),
        Index(
            "ix_experiments_embedding",
            "embedding",
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "halfvec_cosine_ops"},
        ),
        Index(
            "ix_experiments_lease_expires_at",
            "lease_expires_at",
            postgresql_where=text("status = 'claimed'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"))
    hypothesis: Mapped[str]
    rationale: Mapped[str | None]
    base_sha256: Mapped[str | None] = mapped_column(ForeignKey("programs.source_sha256"))
    source_sha256: Mapped[str | None] = mapped_column(ForeignKey("programs.source_sha256"))
    change: Mapped[dict[str, Any] | None]
    change_key: Mapped[str | None]
    changed_names: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    parameters_key: Mapped[str | None]
    values_key: Mapped[str | None]
    embedding: Mapped[npt.NDArray[np.float32] | None] = mapped_column(
        HALFVEC(384), deferred=True, deferred_raiseload=True
    )
    reading: Mapped[str | None] = mapped_column(deferred=True, deferred_raiseload=True)
    reading_version: Mapped[str | None]
    dedup_key: Mapped[str | None]
    platform: Mapped[str]
    seed: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str]
    epoch: Mapped[int] = mapped_column(BigInteger)
    lease_expires_at: Mapped[datetime | None]
    repeat_of: Mapped[UUID | None] = mapped_column(ForeignKey("experiments.id"))
    retest_of: Mapped[UUID | None] = mapped_column(ForeignKey("experiments.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None]


class Lease(Base):
    """One grant of a claim. The key allows no epoch twice; the rows are never changed."""

    __tablename__ = "leases"
    __table_args__ = (UniqueConstraint("agent_id", "claim_key", name="uq_leases_claim_key"),)

    experiment_id: Mapped[UUID] = mapped_column(ForeignKey("experiments.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"))
    claim_key: Mapped[UUID | None]
    request_sha256: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    granted_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
