"""HTTP of bests."""

from fastapi import APIRouter, Request, Response

from coordinator.bests.service import get_best, get_best_source
from coordinator.campaigns.routes import CampaignInPath
from coordinator.conditional import text_response
from coordinator.db import Session
from coordinator.query import QueryText
from shared.states import Scope
from shared.wire.bests import BestRead

router = APIRouter(prefix="/v1/campaigns/{campaign}/best", tags=["bests"])


@router.get("")
async def get_scope_best(
    campaign: CampaignInPath,
    session: Session,
    scope: Scope = Scope.GLOBAL,
    value: QueryText | None = None,
) -> BestRead:
    """Return the record of a scope with the manifest of its program."""
    return await get_best(session, campaign, scope, value)


@router.get("/train.py", response_class=Response)
async def get_scope_best_source(
    campaign: CampaignInPath,
    session: Session,
    request: Request,
    scope: Scope = Scope.GLOBAL,
    value: QueryText | None = None,
) -> Response:
    """Return the record program of a scope; with If-None-Match, 304 while it has not changed."""
    source, sha256 = await get_best_source(session, campaign.id, scope, value)
    return text_response(request, source, sha256=sha256, is_python=True)
