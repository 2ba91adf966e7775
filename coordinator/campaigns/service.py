"""Creating and reading campaigns."""

import hashlib
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.campaigns.folder import EDITABLE_FILE, CampaignFolder, harness_sha256
from coordinator.campaigns.models import Campaign, CampaignFile
from coordinator.campaigns.repository import find_campaign, find_file, list_files
from coordinator.db import lock_until_commit
from coordinator.errors import HarnessMismatchError, UnknownCampaignError, UnknownFileError
from coordinator.events.repository import add_event
from coordinator.programs.repository import find_sizes, find_source
from coordinator.programs.service import take_in_program
from shared.ids import new_id
from shared.wire.campaigns import CampaignFileRead, CampaignRead


async def create_campaign(
    session: AsyncSession, folder: CampaignFolder, *, data_sha256: str
) -> Campaign:
    """Create the campaign, or return it if it is already there with the same content.

    Raises:
        HarnessMismatchError: A campaign of this name has other files, data, budget or baseline.
        InvalidSourceError: Its ``train.py`` is not a program.
    """
    profile = folder.profile
    harness = harness_sha256(
        folder.frozen, data_sha256=data_sha256, time_budget_s=profile.time_budget_s
    )
    await lock_until_commit(session, f"campaign:{profile.name}")
    baseline = await take_in_program(session, folder.baseline)
    existing = await find_campaign(session, profile.name)
    if existing is not None:
        if (existing.harness_sha256, existing.baseline_sha256) != (
            harness,
            baseline.source_sha256,
        ):
            raise HarnessMismatchError(
                f"The campaign {profile.name} exists with other files, data or constants, and its "
                "results would not compare with new ones: give the changed one another name."
            )
        return existing
    campaign = Campaign(
        id=new_id(),
        name=profile.name,
        title=profile.title,
        metric=profile.metric,
        direction=profile.direction,
        time_budget_s=profile.time_budget_s,
        harness_sha256=harness,
        data_sha256=data_sha256,
        baseline_sha256=baseline.source_sha256,
    )
    session.add(campaign)
    await session.flush()
    session.add_all(
        CampaignFile(
            campaign_id=campaign.id,
            path=path,
            text=text,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            size_bytes=len(text.encode()),
        )
        for path, text in folder.frozen.items()
    )
    await add_event(session, "campaign_created", campaign_id=campaign.id, name=campaign.name)
    return campaign


async def get_campaign(session: AsyncSession, name: str) -> Campaign:
    """Return the campaign of this name.

    Raises:
        UnknownCampaignError: There is none.
    """
    # A NUL cannot be stored, so nothing is named by it; Postgres would refuse to compare.
    campaign = None if "\0" in name else await find_campaign(session, name)
    if campaign is None:
        raise UnknownCampaignError
    return campaign


async def describe_campaign(session: AsyncSession, campaign: Campaign) -> CampaignRead:
    """Return the campaign with its list of files, ``train.py`` (the baseline) among them."""
    (described,) = await describe_campaigns(session, [campaign])
    return described


async def describe_campaigns(
    session: AsyncSession, campaigns: Sequence[Campaign]
) -> list[CampaignRead]:
    """Return campaigns with their lists of files; as many statements for many as for one."""
    frozen = await list_files(session, [campaign.id for campaign in campaigns])
    baselines = await find_sizes(session, [campaign.baseline_sha256 for campaign in campaigns])
    return [
        _describe(
            campaign,
            [file for file in frozen if file.campaign_id == campaign.id],
            baseline_bytes=baselines[campaign.baseline_sha256],
        )
        for campaign in campaigns
    ]


def _describe(
    campaign: Campaign, frozen: Sequence[CampaignFile], *, baseline_bytes: int
) -> CampaignRead:
    files = [
        CampaignFileRead(path=file.path, sha256=file.sha256, size_bytes=file.size_bytes)
        for file in frozen
    ]
    files.append(
        CampaignFileRead(
            path=EDITABLE_FILE, sha256=campaign.baseline_sha256, size_bytes=baseline_bytes
        )
    )
    return CampaignRead(
        campaign_id=campaign.id,
        name=campaign.name,
        title=campaign.title,
        metric=campaign.metric,
        direction=campaign.direction,
        time_budget_s=campaign.time_budget_s,
        harness_sha256=campaign.harness_sha256,
        data_sha256=campaign.data_sha256,
        baseline_sha256=campaign.baseline_sha256,
        files=files,
        created_at=campaign.created_at,
    )


async def read_file(session: AsyncSession, campaign: Campaign, path: str) -> tuple[str, str]:
    """Return text and SHA-256 of a file of the campaign.

    Raises:
        UnknownFileError: It has no such file.
    """
    if path == EDITABLE_FILE:
        source = await find_source(session, campaign.baseline_sha256)
        assert source is not None
        return source, campaign.baseline_sha256
    file = None if "\0" in path else await find_file(session, campaign.id, path)
    if file is None:
        raise UnknownFileError
    return file.text, file.sha256
