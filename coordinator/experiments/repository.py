"""Queries on the history."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.campaigns.models import Campaign
from coordinator.experiments.models import Experiment
from coordinator.results.models import Result
from shared.states import CrashReason, ExperimentStatus, Outcome, Tier
from shared.wire.claims import Match
from shared.wire.experiments import ExperimentRead
from shared.wire.results import Metrics


@dataclass(frozen=True, kw_only=True)
class HistoryFilter:
    """What a part of the history is asked for; ``None`` asks for everything."""

    status: ExperimentStatus | None = None
    outcome: Outcome | None = None
    agent: str | None = None
    platform: str | None = None


def _history() -> Select[Experiment, Result, str, str]:
    return (
        select(Experiment, Result, Agent.name, Campaign.name)
        .join(Agent, Agent.id == Experiment.agent_id)
        .join(Campaign, Campaign.id == Experiment.campaign_id)
        .outerjoin(Result, Result.experiment_id == Experiment.id)
    )


def _read(row: Any) -> ExperimentRead:
    experiment, result, agent, campaign = row
    return ExperimentRead(
        experiment_id=experiment.id,
        campaign=campaign,
        agent=agent,
        hypothesis=experiment.hypothesis,
        rationale=experiment.rationale,
        base_sha256=experiment.base_sha256,
        source_sha256=experiment.source_sha256,
        status=ExperimentStatus(experiment.status),
        epoch=experiment.epoch,
        lease_expires_at=experiment.lease_expires_at,
        seed=result.seed if result else experiment.seed,
        outcome=Outcome(result.outcome) if result else None,
        crash_reason=CrashReason(result.crash_reason) if result and result.crash_reason else None,
        metrics=Metrics.model_validate(result.metrics) if result and result.metrics else None,
        base_val_bpb=result.base_val_bpb if result else None,
        platform=result.platform if result else experiment.platform,
        tier=Tier(result.tier) if result else None,
        late=result.is_late if result else False,
        repeat_of=experiment.repeat_of,
        created_at=experiment.created_at,
        completed_at=experiment.completed_at,
    )


async def list_history(
    session: AsyncSession,
    campaign_id: UUID,
    wanted: HistoryFilter,
    *,
    before: UUID | None,
    limit: int,
) -> list[ExperimentRead]:
    """Return experiments, the newest first, that were made before ``before``."""
    query = _history().where(Experiment.campaign_id == campaign_id)
    if wanted.status is not None:
        query = query.where(Experiment.status == wanted.status)
    if wanted.outcome is not None:
        query = query.where(Result.outcome == wanted.outcome)
    if wanted.agent is not None:
        query = query.where(Agent.name == wanted.agent)
    if wanted.platform is not None:
        query = query.where(Experiment.platform == wanted.platform)
    if before is not None:
        query = query.where(Experiment.id < before)
    rows = await session.execute(query.order_by(Experiment.id.desc()).limit(limit))
    return [_read(row) for row in rows]


async def find_experiment(session: AsyncSession, experiment_id: UUID) -> ExperimentRead | None:
    """Return one experiment as it is read."""
    row = (await session.execute(_history().where(Experiment.id == experiment_id))).one_or_none()
    return None if row is None else _read(row)


async def find_matches_by_dedup_key(
    session: AsyncSession, campaign_id: UUID, dedup_key: str
) -> list[Match]:
    """Return the experiment that stands in the way of a claim."""
    rows = await session.execute(
        select(Experiment, Result.outcome, Result.val_bpb, Agent.name)
        .join(Agent, Agent.id == Experiment.agent_id)
        .outerjoin(Result, Result.experiment_id == Experiment.id)
        .where(Experiment.campaign_id == campaign_id, Experiment.dedup_key == dedup_key)
    )
    return [
        Match(
            experiment_id=experiment.id,
            hypothesis=experiment.hypothesis,
            agent=agent,
            status=experiment.status,
            outcome=Outcome(outcome) if outcome else None,
            val_bpb=val_bpb,
            similarity=1.0,
        )
        for experiment, outcome, val_bpb, agent in rows
    ]
