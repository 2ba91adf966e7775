"""Tables of ideas, of what speaks for them, and of the experiments claimed for them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.db import Base
from shared.ids import new_id


class Idea(Base):
    """A published hypothesis; it holds no status, because that follows from its experiments.

    ``parameters_key``, ``values_key`` and ``embedding`` find what says the same, as they do for
    experiments. The same body of the same agent is the same idea.
    """

    __tablename__ = "ideas"
    __table_args__ = (
        UniqueConstraint("campaign_id", "agent_id", "body_sha256", name="uq_ideas_body"),
        CheckConstraint("priority BETWEEN 1 AND 5", name="priority_is_1_to_5"),
        Index("ix_ideas_priority", "campaign_id", "priority", "id"),
        Index("ix_ideas_parameters_key", "campaign_id", "parameters_key"),
        Index(
            "ix_ideas_embedding",
            "embedding",
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "halfvec_cosine_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaigns.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"))
    hypothesis: Mapped[str]
    rationale: Mapped[str | None]
    priority: Mapped[int]
    changes: Mapped[list[dict[str, Any]] | None]
    parameters_key: Mapped[str]
    values_key: Mapped[str]
    embedding: Mapped[npt.NDArray[np.float32]] = mapped_column(
        HALFVEC(384), deferred=True, deferred_raiseload=True
    )
    body_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class IdeaEvidence(Base):
    """An experiment that speaks for an idea."""

    __tablename__ = "idea_evidence"

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    experiment_id: Mapped[UUID] = mapped_column(ForeignKey("experiments.id"), primary_key=True)


class IdeaClaim(Base):
    """An experiment that was claimed to test an idea."""

    __tablename__ = "idea_claims"

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    experiment_id: Mapped[UUID] = mapped_column(ForeignKey("experiments.id"), primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(server_default=func.now())
