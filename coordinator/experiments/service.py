"""Reading the history."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.errors import NoSourceYetError, UnknownExperimentError
from coordinator.experiments.repository import find_experiment
from coordinator.programs.repository import find_source
from shared.wire.experiments import ExperimentRead


async def get_experiment(session: AsyncSession, experiment_id: UUID) -> ExperimentRead:
    """Return one experiment.

    Raises:
        UnknownExperimentError: There is none of this id.
    """
    experiment = await find_experiment(session, experiment_id)
    if experiment is None:
        raise UnknownExperimentError
    return experiment


async def get_source(session: AsyncSession, experiment_id: UUID) -> tuple[str, str]:
    """Return text and SHA-256 of the experiment's program.

    Raises:
        UnknownExperimentError: There is no experiment of this id.
        NoSourceYetError: It was claimed without source and is not done.
    """
    experiment = await get_experiment(session, experiment_id)
    if experiment.source_sha256 is None:
        raise NoSourceYetError
    source = await find_source(session, experiment.source_sha256)
    assert source is not None
    return source, experiment.source_sha256
