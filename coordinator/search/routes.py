"""HTTP of the search."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from coordinator.campaigns.routes import CampaignInPath
from coordinator.db import Session
from coordinator.search.service import search
from shared.wire.search import SearchQuery, SearchRead

router = APIRouter(prefix="/v1/campaigns/{campaign}/search", tags=["search"])


@router.get("")
async def get_search(
    campaign: CampaignInPath,
    session: Session,
    wanted: Annotated[SearchQuery, Query()],
    request: Request,
) -> SearchRead:
    """Search experiments, ideas and insights by meaning."""
    return await search(session, request.app.state.embedder, campaign.id, wanted)
