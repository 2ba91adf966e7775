"""Queries on campaigns."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from coordinator.campaigns.models import Campaign, CampaignFile


async def list_campaigns(session: AsyncSession) -> Sequence[Campaign]:
    """Return all campaigns, the oldest first."""
    return (await session.scalars(select(Campaign).order_by(Campaign.id))).all()


async def find_campaign(session: AsyncSession, name: str) -> Campaign | None:
    """Return the campaign of this name."""
    return await session.scalar(select(Campaign).where(Campaign.name == name))


async def list_files(session: AsyncSession, campaign_ids: Sequence[UUID]) -> Sequence[CampaignFile]:
    """Return the frozen files of all these campaigns without their texts, by path."""
    return (
        await session.scalars(
            select(CampaignFile)
            .where(CampaignFile.campaign_id.in_(campaign_ids))
            .order_by(CampaignFile.path)
        )
    ).all()


async def find_file(session: AsyncSession, campaign_id: UUID, path: str) -> CampaignFile | None:
    """Return one frozen file with its text."""
    return await session.scalar(
        select(CampaignFile)
        .where(CampaignFile.campaign_id == campaign_id, CampaignFile.path == path)
        .options(undefer(CampaignFile.text))
    )
