"""HTTP of claims."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Query, Request, status

from coordinator.agents.presence import note_presence
from coordinator.auth import CurrentAgent
from coordinator.campaigns.routes import CampaignInPath
from coordinator.claims.keeping import release_claim, renew_claim
from coordinator.claims.service import claim_experiment
from coordinator.db import Session
from coordinator.settings import CoordinatorSettings
from shared.wire.claims import ClaimCreate, ClaimRead, HeartbeatCreate, HeartbeatRead

router = APIRouter(prefix="/v1", tags=["claims"])


@router.post("/campaigns/{campaign}/claims", status_code=status.HTTP_201_CREATED)
async def create_claim(
    campaign: CampaignInPath,
    body: ClaimCreate,
    agent: CurrentAgent,
    session: Session,
    request: Request,
) -> ClaimRead:
    """Claim an experiment; 409 ``duplicate-claim`` names what it repeats."""
    settings: CoordinatorSettings = request.app.state.settings
    return await claim_experiment(
        session,
        request.app.state.embedder,
        request.app.state.cross_encoder,
        campaign,
        agent,
        body,
        ttl_s=settings.lease_ttl_s,
    )


@router.post("/experiments/{experiment_id}/heartbeat")
async def create_heartbeat(
    experiment_id: UUID,
    body: HeartbeatCreate,
    agent: CurrentAgent,
    session: Session,
    request: Request,
    after: BackgroundTasks,
) -> HeartbeatRead:
    """Keep a claim; 409 ``lease-lost`` means that it has ended."""
    settings: CoordinatorSettings = request.app.state.settings
    renewed = await renew_claim(
        session, agent, experiment_id, epoch=body.epoch, ttl_s=settings.lease_ttl_s
    )
    # After the commit and the answer: a Redis that hangs delays no heartbeat and holds no row.
    after.add_task(
        note_presence,
        request.app.state.redis,
        agent.name,
        experiment_id=experiment_id,
        progress=body.progress,
    )
    return renewed


@router.delete("/experiments/{experiment_id}/claim", status_code=status.HTTP_204_NO_CONTENT)
async def delete_claim(
    experiment_id: UUID,
    epoch: Annotated[int, Query(ge=0, lt=2**63)],
    agent: CurrentAgent,
    session: Session,
) -> None:
    """Give a claim back."""
    await release_claim(session, agent, experiment_id, epoch=epoch)
