"""Queries on insights."""

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Select, Uuid, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.campaigns.models import Campaign
from coordinator.insights.models import Insight, InsightEvidence
from shared.wire.insights import InsightRead


def _insights() -> Select[Insight, str, str, Any]:
    evidence = (
        select(InsightEvidence.experiment_id)
        .where(InsightEvidence.insight_id == Insight.id)
        .order_by(InsightEvidence.experiment_id)
        .correlate(Insight)
    )
    return (
        select(
            Insight,
            Agent.name.label("agent"),
            Campaign.name.label("campaign"),
            func.array(evidence.scalar_subquery(), type_=ARRAY(Uuid)).label("evidence"),
        )
        .join(Agent, Agent.id == Insight.agent_id)
        .join(Campaign, Campaign.id == Insight.campaign_id)
    )


def _read(row: Row[Any]) -> InsightRead:
    insight: Insight = row.Insight
    return InsightRead(
        insight_id=insight.id,
        campaign=row.campaign,
        agent=row.agent,
        text=insight.text,
        evidence=row.evidence,
        created_at=insight.created_at,
    )


async def add_insight(session: AsyncSession, *, evidence: list[UUID], **values: Any) -> None:
    """Add an insight with the experiments that show it."""
    await session.execute(insert(Insight).values(**values))
    rows = [{"insight_id": values["id"], "experiment_id": each} for each in evidence]
    await session.execute(insert(InsightEvidence).values(rows))


async def find_same_insight(
    session: AsyncSession, campaign_id: UUID, agent_id: UUID, body_sha256: str
) -> InsightRead | None:
    """Return the insight that the agent published with this very body."""
    rows = await session.execute(
        _insights().where(
            Insight.campaign_id == campaign_id,
            Insight.agent_id == agent_id,
            Insight.body_sha256 == body_sha256,
        )
    )
    row = rows.one_or_none()
    return None if row is None else _read(row)


async def list_insights(
    session: AsyncSession, campaign_id: UUID, *, before: UUID | None, limit: int
) -> list[InsightRead]:
    """Return insights, the newest first, that came before the id ``before``."""
    query = _insights().where(Insight.campaign_id == campaign_id)
    if before is not None:
        query = query.where(Insight.id < before)
    rows = await session.execute(query.order_by(Insight.id.desc()).limit(limit))
    return [_read(row) for row in rows]
