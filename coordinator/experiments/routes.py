"""HTTP of the history."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from coordinator.campaigns.routes import CampaignInPath
from coordinator.conditional import text_response
from coordinator.db import Session
from coordinator.experiments.cursor import from_cursor, to_cursor
from coordinator.experiments.repository import HistoryFilter, list_history
from coordinator.experiments.service import get_experiment, get_source
from coordinator.query import QueryText
from shared.states import ExperimentStatus, Outcome
from shared.wire.experiments import ExperimentRead, Page

router = APIRouter(prefix="/v1", tags=["experiments"])


@router.get("/campaigns/{campaign}/experiments")
async def get_experiments(
    campaign: CampaignInPath,
    session: Session,
    status: ExperimentStatus | None = None,
    outcome: Outcome | None = None,
    agent: QueryText | None = None,
    platform: QueryText | None = None,
    cursor: QueryText | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[ExperimentRead]:
    """List the history, the newest first."""
    wanted = HistoryFilter(status=status, outcome=outcome, agent=agent, platform=platform)
    items = await list_history(
        session,
        campaign.id,
        wanted,
        before=None if cursor is None else from_cursor(cursor),
        limit=limit + 1,
    )
    has_more = len(items) > limit
    items = items[:limit]
    return Page(items=items, next_cursor=to_cursor(items[-1].experiment_id) if has_more else None)


@router.get("/experiments/{experiment_id}")
async def get_one_experiment(experiment_id: UUID, session: Session) -> ExperimentRead:
    """Return one experiment."""
    return await get_experiment(session, experiment_id)


@router.get("/experiments/{experiment_id}/source", response_class=Response)
async def get_experiment_source(
    experiment_id: UUID, session: Session, request: Request
) -> Response:
    """Return the experiment's full ``train.py``."""
    source, sha256 = await get_source(session, experiment_id)
    return text_response(request, source, sha256=sha256, is_python=True)
