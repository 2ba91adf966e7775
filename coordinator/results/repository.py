"""Queries on results."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.db import CLOCK
from coordinator.experiments.models import Experiment
from coordinator.results.models import Result
from shared.states import ExperimentStatus


async def find_result(session: AsyncSession, result_id: UUID) -> Result | None:
    """Return the result of this id."""
    return await session.scalar(select(Result).where(Result.id == result_id))


async def find_experiment_by_dedup_key(
    session: AsyncSession, campaign_id: UUID, dedup_key: str
) -> UUID | None:
    """Return the experiment that stands for this program."""
    return await session.scalar(
        select(Experiment.id).where(
            Experiment.campaign_id == campaign_id, Experiment.dedup_key == dedup_key
        )
    )


async def complete_experiment(
    session: AsyncSession, experiment_id: UUID, *, epoch: int, **values: Any
) -> bool:
    """Mark the experiment done if ``epoch`` is still its current one; return whether it was."""
    rows = await session.execute(
        update(Experiment)
        .where(
            Experiment.id == experiment_id,
            Experiment.epoch == epoch,
            Experiment.status != ExperimentStatus.DONE,
        )
        .values(status=ExperimentStatus.DONE, completed_at=CLOCK, lease_expires_at=None, **values)
        .returning(Experiment.id)
        .execution_options(synchronize_session=False)
    )
    return rows.one_or_none() is not None


async def add_done_experiment(session: AsyncSession, **values: Any) -> bool:
    """Add an experiment that nobody claimed here; return whether its ``dedup_key`` was free."""
    rows = await session.execute(
        postgresql.insert(Experiment)
        .values(
            status=ExperimentStatus.DONE,
            epoch=0,
            completed_at=CLOCK,
            **values,
        )
        .on_conflict_do_nothing(constraint="uq_experiments_dedup_key")
        .returning(Experiment.id)
    )
    return rows.one_or_none() is not None
