"""From a folder to a campaign in the database."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from coordinator.campaigns.data import fingerprint_data
from coordinator.campaigns.folder import read_campaign_folder
from coordinator.campaigns.models import Campaign
from coordinator.campaigns.service import create_campaign
from coordinator.db import make_engine, make_sessions


async def create_from_folder(
    database_url: str,
    folder: Path,
    profile: str,
    *,
    home: Path,
    should_stop: Callable[[], bool] = lambda: False,
) -> Campaign:
    """Create the campaign of ``folder`` under ``profile``, or return the one that is there.

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
        async with make_sessions(engine)() as session, session.begin():
            return await create_campaign(session, content, data_sha256=data_sha256)
    finally:
        await engine.dispose()
