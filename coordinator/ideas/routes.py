"""HTTP of ideas."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status

from coordinator.auth import CurrentAgent
from coordinator.campaigns.routes import CampaignInPath
from coordinator.db import Session
from coordinator.ideas.service import get_ideas, publish_idea
from shared.wire.experiments import Page
from shared.wire.ideas import IdeaCreate, IdeaQuery, IdeaRead

router = APIRouter(prefix="/v1/campaigns/{campaign}/ideas", tags=["ideas"])


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_idea(
    campaign: CampaignInPath,
    body: IdeaCreate,
    agent: CurrentAgent,
    session: Session,
    request: Request,
    response: Response,
) -> IdeaRead:
    """Publish an idea: 201 the first time, 200 for the same again, 409 ``duplicate-idea``."""
    state = request.app.state
    idea, is_new = await publish_idea(
        session, state.embedder, state.cross_encoder, campaign, agent, body
    )
    if not is_new:
        response.status_code = status.HTTP_200_OK
    return idea


@router.get("")
async def get_campaign_ideas(
    campaign: CampaignInPath, session: Session, wanted: Annotated[IdeaQuery, Query()]
) -> Page[IdeaRead]:
    """List the ideas, the most urgent first, then the newest."""
    return await get_ideas(session, campaign, wanted)
