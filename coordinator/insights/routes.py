"""HTTP of insights."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status

from coordinator.auth import CurrentAgent
from coordinator.campaigns.routes import CampaignInPath
from coordinator.db import Session
from coordinator.insights.service import get_insights, publish_insight
from shared.wire.experiments import Page, PageQuery
from shared.wire.insights import InsightCreate, InsightRead

router = APIRouter(prefix="/v1/campaigns/{campaign}/insights", tags=["insights"])


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_insight(
    campaign: CampaignInPath,
    body: InsightCreate,
    agent: CurrentAgent,
    session: Session,
    request: Request,
    response: Response,
) -> InsightRead:
    """Publish an insight: 201 the first time, 200 for the same again."""
    insight, is_new = await publish_insight(
        session, request.app.state.embedder, campaign, agent, body
    )
    if not is_new:
        response.status_code = status.HTTP_200_OK
    return insight


@router.get("")
async def get_campaign_insights(
    campaign: CampaignInPath, session: Session, part: Annotated[PageQuery, Query()]
) -> Page[InsightRead]:
    """List the insights, the newest first."""
    return await get_insights(session, campaign, part)
