"""HTTP of campaigns."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from coordinator.campaigns.models import Campaign
from coordinator.campaigns.repository import list_campaigns
from coordinator.campaigns.service import describe_campaign, describe_campaigns, read_file
from coordinator.conditional import text_response
from coordinator.db import Remembered, Session
from shared.wire.campaigns import CampaignRead

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])


async def _campaign_in_path(campaign: str, session: Session, request: Request) -> Campaign:
    known: Remembered[str, Campaign] = request.app.state.campaigns
    return await known.get(session, campaign)


CampaignInPath = Annotated[Campaign, Depends(_campaign_in_path)]


@router.get("")
async def get_campaigns(session: Session) -> list[CampaignRead]:
    """List the campaigns, the oldest first."""
    return await describe_campaigns(session, await list_campaigns(session))


@router.get("/{campaign}")
async def get_one_campaign(campaign: CampaignInPath, session: Session) -> CampaignRead:
    """Return one campaign with the list of its files."""
    return await describe_campaign(session, campaign)


@router.get("/{campaign}/files/{path:path}", response_class=Response)
async def get_campaign_file(
    campaign: CampaignInPath, path: str, session: Session, request: Request
) -> Response:
    """Return the text of a file: a frozen one, or ``train.py``, the baseline."""
    text, sha256 = await read_file(session, campaign, path)
    return text_response(request, text, sha256=sha256, is_python=path.endswith(".py"))
