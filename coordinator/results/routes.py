"""HTTP of results."""

from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Request, Response, status

from coordinator.agents.presence import note_presence
from coordinator.auth import CurrentAgent
from coordinator.campaigns.routes import CampaignInPath
from coordinator.db import Session
from coordinator.results.service import record_result
from shared.wire.results import ResultPut, ResultRead

router = APIRouter(prefix="/v1/campaigns/{campaign}/results", tags=["results"])


@router.put("/{result_id}", status_code=status.HTTP_201_CREATED)
async def put_result(
    campaign: CampaignInPath,
    result_id: UUID,
    body: ResultPut,
    agent: CurrentAgent,
    session: Session,
    request: Request,
    response: Response,
    after: BackgroundTasks,
) -> ResultRead:
    """Store a result: 201 the first time, 200 for the same again, 409 for another body."""
    answer, is_new = await record_result(
        session, request.app.state.embedder, campaign, agent, result_id, body
    )
    if not is_new:
        response.status_code = status.HTTP_200_OK
    # Runs shorter than a third of a lease send no heartbeat.
    after.add_task(
        note_presence,
        request.app.state.redis,
        agent.name,
        experiment_id=answer.experiment_id,
        progress=None,
    )
    return answer
