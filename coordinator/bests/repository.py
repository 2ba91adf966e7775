"""Queries on bests."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.bests.models import Best
from coordinator.experiments.models import Experiment
from coordinator.programs.models import Program
from coordinator.results.models import Result
from shared.states import Scope


async def mean_val_bpb(
    session: AsyncSession, campaign_id: UUID, *, source_sha256: str, platform: str
) -> float | None:
    """Return a program's mean score on a platform; one lucky run is not its score."""
    mean: float | None = await session.scalar(
        select(func.avg(Result.val_bpb))
        .join(Experiment, Experiment.id == Result.experiment_id)
        .where(
            Experiment.campaign_id == campaign_id,
            Experiment.source_sha256 == source_sha256,
            Result.platform == platform,
        )
    )
    return mean


def _latest(campaign_id: UUID, scope: Scope, value: str) -> Select[Best]:
    return (
        select(Best)
        .where(Best.campaign_id == campaign_id, Best.scope == scope, Best.value == value)
        .order_by(Best.sequence.desc())
        .limit(1)
    )


async def find_best(
    session: AsyncSession, campaign_id: UUID, scope: Scope, value: str
) -> Best | None:
    """Return the record of a scope."""
    return (await session.scalars(_latest(campaign_id, scope, value))).one_or_none()


async def find_best_in_full(
    session: AsyncSession, campaign_id: UUID, scope: Scope, value: str
) -> Any | None:
    """Return ``(best, hypothesis, platform, agent name, source bytes)`` of a scope's record."""
    best = _latest(campaign_id, scope, value).subquery()
    rows = await session.execute(
        select(Best, Experiment.hypothesis, Result.platform, Agent.name, Program.size_bytes)
        .join(best, best.c.id == Best.id)
        .join(Experiment, Experiment.id == Best.experiment_id)
        .join(Result, Result.id == Best.result_id)
        .join(Agent, Agent.id == Experiment.agent_id)
        .join(Program, Program.source_sha256 == Best.source_sha256)
    )
    return rows.one_or_none()
