"""Queries for what is nearest in meaning, by the approximate indexes of the embeddings."""

from typing import Any
from uuid import UUID

from sqlalchemy import Float, Row, Select, String, literal, null, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from coordinator.agents.models import Agent
from coordinator.experiments.models import Experiment
from coordinator.ideas.models import Idea
from coordinator.ideas.repository import idea_status
from coordinator.insights.models import Insight
from coordinator.results.models import Result
from coordinator.search.embedder import Vector
from shared.states import Outcome
from shared.wire.search import SearchHit, SearchKind

_NOTHING = null().cast(String).label("status"), null().label("outcome"), null().label("val_bpb")


def _nearest(
    table: type[Experiment | Idea | Insight],
    words: InstrumentedAttribute[str],
    columns: tuple[Any, ...],
    vector: Vector,
) -> Select[Any]:
    distance = table.embedding.cosine_distance(vector)
    return (
        select(
            table.id,
            words.label("text"),
            Agent.name.label("agent"),
            (literal(1.0, Float) - distance).label("similarity"),
            table.created_at,
            *columns,
        )
        .join(Agent, Agent.id == table.agent_id)
        .where(table.embedding.is_not(None))
        .order_by(distance)
    )


def _query(kind: SearchKind, campaign_id: UUID, vector: Vector) -> Select[Any]:
    match kind:
        case SearchKind.EXPERIMENT:
            columns: tuple[Any, ...] = (Experiment.status, Result.outcome, Result.val_bpb)
            return (
                _nearest(Experiment, Experiment.hypothesis, columns, vector)
                .outerjoin(Result, Result.experiment_id == Experiment.id)
                .where(Experiment.campaign_id == campaign_id)
            )
        case SearchKind.IDEA:
            columns = (idea_status().label("status"), *_NOTHING[1:])
            return _nearest(Idea, Idea.hypothesis, columns, vector).where(
                Idea.campaign_id == campaign_id
            )
        case SearchKind.INSIGHT:
            return _nearest(Insight, Insight.text, _NOTHING, vector).where(
                Insight.campaign_id == campaign_id
            )


async def find_nearest(
    session: AsyncSession, kind: SearchKind, campaign_id: UUID, vector: Vector, *, limit: int
) -> list[SearchHit]:
    """Return what of this kind is nearest to the vector, the nearest first."""
    # Look on where the nearest belong to other campaigns.
    await session.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
    rows = await session.execute(_query(kind, campaign_id, vector).limit(limit))
    return [_read(kind, row) for row in rows]


def _read(kind: SearchKind, row: Row[Any]) -> SearchHit:
    return SearchHit(
        kind=kind,
        id=row.id,
        text=row.text,
        agent=row.agent,
        similarity=row.similarity,
        status=row.status,
        outcome=Outcome(row.outcome) if row.outcome else None,
        val_bpb=row.val_bpb,
        created_at=row.created_at,
    )
