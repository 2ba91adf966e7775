"""From a folder to a campaign in the database."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from coordinator.campaigns.data import fingerprint_data
from coordinator.campaigns.folder import read_campaign_folder
from coordinator.campaigns.models import Campaign
from coordinator.campaigns.service import create_campaign
from coordinator.db import make_engine, make_sessions
from coordinator.errors import HarnessMismatchError


async def create_from_folder(
    database_url: str,
    folder: Path,
    profile: str,
    *,
    home: Path,
    may_rename: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Campaign:
    """Create the campaign of ``folder`` under ``profile``, or return the one that is there.

    With ``may_rename``, a campaign whose name is taken by other content gets a name of its own
    that ends in its hash: the folder has changed since, as after an update.

    Raises:
        FileNotFoundError: The folder or the profile lacks a file.
        DataPreparationError: ``prepare.py`` failed.
        PreparationStoppedError: ``should_stop`` became true.
        HarnessMismatchError: A campaign of this name has other content.
    """
    content = read_campaign_folder(folder, profile)
    data_dir = home / "data" / content.profile.name
    data_sha256 = await asyncio.to_thread(
        fingerprint_data, content, data_dir, should_stop=should_stop
    )
    engine = make_engine(database_url)
    try:
        sessions = make_sessions(engine)
        try:
            async with sessions() as session, session.begin():
                return await create_campaign(session, content, data_sha256=data_sha256)
        except HarnessMismatchError:
            if not may_rename:
                raise
        renamed = content.renamed_by_content(data_sha256)
        async with sessions() as session, session.begin():
            return await create_campaign(session, renamed, data_sha256=data_sha256)
    finally:
        await engine.dispose()
