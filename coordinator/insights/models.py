"""Tables of insights and of what shows them."""

from datetime import datetime
from uuid import UUID

import numpy as np
import numpy.typing as npt
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.db import Base
from shared.ids import new_id


class Insight(Base):
    """Something learned. The same body of the same agent is the same insight."""

    __tablename__ = "insights"
    __table_args__ = (
        UniqueConstraint("campaign_id", "agent_id", "body_sha256", name="uq_insights_body"),
        Index("ix_insights_campaign_id_id", "campaign_id", "id"),
        Index(
            "ix_insights_embedding",
            "embedding",
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "halfvec_cosine_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"))
    text: Mapped[str]
    embedding: Mapped[npt.NDArray[np.float32]] = mapped_column(
        HALFVEC(384), deferred=True, deferred_raiseload=True
    )
    body_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class InsightEvidence(Base):
    """An experiment that shows an insight."""

    __tablename__ = "insight_evidence"

    insight_id: Mapped[UUID] = mapped_column(ForeignKey("insights.id"), primary_key=True)
    experiment_id: Mapped[UUID] = mapped_column(ForeignKey("experiments.id"), primary_key=True)
