"""Keeping claims and giving them back."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.claims.repository import (
    find_lease,
    lock_experiment,
    read_claim,
    renew_lease,
    set_released,
)
from coordinator.claims.rules import may_renew, must_renew
from coordinator.claims.service import state_of
from coordinator.errors import (
    LeaseLostError,
    NotYourClaimError,
    UnknownEpochError,
    UnknownExperimentError,
)
from coordinator.events.repository import add_event
from coordinator.experiments.models import Experiment
from shared.states import ExperimentStatus
from shared.wire.claims import HeartbeatRead


async def renew_claim(
    session: AsyncSession, agent: Agent, experiment_id: UUID, *, epoch: int, ttl_s: int
) -> HeartbeatRead:
    """Keep the claim for another while; most of the time that is one read and no write.

    Raises:
        UnknownExperimentError: There is no such experiment.
        UnknownEpochError: This epoch was never given out.
        NotYourClaimError: Another agent got this epoch.
        LeaseLostError: The claim has ended or was given to somebody else.
    """
    claim = await read_claim(session, experiment_id, epoch)
    if claim is None:
        raise UnknownExperimentError
    _check_holder(agent, claim.holder_id)
    state = state_of(claim)
    if not may_renew(state, epoch=epoch):
        raise LeaseLostError
    expires_at = state.lease_expires_at
    if must_renew(state, now=claim.now, ttl_s=ttl_s):
        expires_at = await renew_lease(session, experiment_id, epoch=epoch, lease_ttl_s=ttl_s)
    if expires_at is None:
        raise LeaseLostError  # somebody took it over since we read
    return HeartbeatRead(lease_expires_at=expires_at)


async def release_claim(
    session: AsyncSession, agent: Agent, experiment_id: UUID, *, epoch: int
) -> None:
    """Give the claim back, so that anybody may have it; doing so twice changes nothing more.

    Raises:
        UnknownExperimentError: There is no such experiment.
        UnknownEpochError: This epoch was never given out.
        NotYourClaimError: Another agent got this epoch.
        LeaseLostError: The experiment is done, or was given to somebody else.
    """
    experiment = await _held_by(session, agent, experiment_id, epoch)
    if experiment.status == ExperimentStatus.RELEASED and experiment.epoch == epoch:
        return
    if not may_renew(state_of(experiment), epoch=epoch):
        raise LeaseLostError
    await set_released(session, experiment_id)
    await add_event(
        session,
        "released",
        campaign_id=experiment.campaign_id,
        agent_id=agent.id,
        experiment_id=experiment_id,
        epoch=epoch,
        agent=agent.name,
    )


async def _held_by(
    session: AsyncSession, agent: Agent, experiment_id: UUID, epoch: int
) -> Experiment:
    locked = await lock_experiment(session, experiment_id)
    if locked is None:
        raise UnknownExperimentError
    experiment, _ = locked
    lease = await find_lease(session, experiment_id, epoch)
    _check_holder(agent, lease.agent_id if lease else None)
    return experiment


def _check_holder(agent: Agent, holder_id: UUID | None) -> None:
    if holder_id is None:
        raise UnknownEpochError
    if holder_id != agent.id:
        raise NotYourClaimError
