"""HTTP of the history."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from coordinator.campaigns.routes import CampaignInPath
from coordinator.conditional import text_response
from coordinator.db import Session
from coordinator.experiments.service import (
    get_children,
    get_diff,
    get_experiment_detail,
    get_history,
    get_lineage,
    get_source,
)
from shared.wire.experiments import (
    AncestorRead,
    ExperimentDetailRead,
    ExperimentRead,
    HistoryQuery,
    Page,
    PageQuery,
)

router = APIRouter(prefix="/v1", tags=["experiments"])


@router.get("/campaigns/{campaign}/experiments")
async def get_experiments(
    campaign: CampaignInPath, session: Session, wanted: Annotated[HistoryQuery, Query()]
) -> Page[ExperimentRead]:
    """List the history, the newest first; filters combine."""
    return await get_history(session, campaign.id, wanted)


@router.get("/experiments/{experiment_id}")
async def get_one_experiment(experiment_id: UUID, session: Session) -> ExperimentDetailRead:
    """Return one experiment, with its times and the end of its log, which lists leave out."""
    return await get_experiment_detail(session, experiment_id)


@router.get("/experiments/{experiment_id}/source", response_class=Response)
async def get_experiment_source(
    experiment_id: UUID, session: Session, request: Request
) -> Response:
    """Return the experiment's full ``train.py``."""
    source, sha256 = await get_source(session, experiment_id)
    return text_response(request, source, sha256=sha256, is_python=True)


@router.get("/experiments/{experiment_id}/diff", response_class=Response)
async def get_experiment_diff(
    experiment_id: UUID, session: Session, against: Literal["base", "best"] | UUID = "base"
) -> Response:
    """Return the unified diff to the base, to the platform's best or to another experiment."""
    diff = await get_diff(session, experiment_id, against)
    return Response(diff, media_type="text/x-diff; charset=utf-8")


@router.get("/experiments/{experiment_id}/lineage")
async def get_experiment_lineage(experiment_id: UUID, session: Session) -> list[AncestorRead]:
    """Return the bases that the experiment stands on, the nearest first, down to the baseline."""
    return await get_lineage(session, experiment_id)


@router.get("/experiments/{experiment_id}/children")
async def get_experiment_children(
    experiment_id: UUID, session: Session, part: Annotated[PageQuery, Query()]
) -> Page[ExperimentRead]:
    """List the experiments that started from this one's program, the newest first."""
    return await get_children(session, experiment_id, part)
