"""Reading again what other rules read.

After an upgrade whose rules read hypotheses otherwise, claims would read each experiment that they
meet anew, and find those by the keys of the old rules that the new ones name otherwise not at all.
"""

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from coordinator.campaigns.models import Campaign
from coordinator.dedup.description import (
    campaign_vocabulary,
    change_from_json,
    reading_columns,
    vocabulary_on,
)
from coordinator.dedup.readings import reading_version
from coordinator.dedup.repository import find_outdated, store_reading
from coordinator.programs.repository import find_source
from shared.dedup import parse_experiment

BATCH = 20
PAUSE_S = 0.1  # between batches: claims come first


async def read_again(sessions: async_sessionmaker[AsyncSession]) -> int:
    """Read every experiment that other rules read, and return how many there were.

    Replicas may do so at once, and what another writes meanwhile stays as it is.
    """
    count = 0
    oldest: UUID | None = None
    while True:
        async with sessions() as session:
            rows = await find_outdated(session, reading_version(), before=oldest, limit=BATCH)
            for row in rows:
                await store_reading(session, row, **await _reading_of(session, row))
                await session.commit()  # who holds one row at a time waits in no circle
        if not rows:
            return count
        count += len(rows)
        oldest = rows[-1].id
        await asyncio.sleep(PAUSE_S)


async def _reading_of(session: AsyncSession, row: Any) -> dict[str, str]:
    campaign = await session.get_one(Campaign, row.campaign_id)
    vocabulary = await campaign_vocabulary(session, campaign)
    base = await find_source(session, row.base_sha256) if row.base_sha256 else None
    if base is not None:
        vocabulary = await asyncio.to_thread(vocabulary_on, vocabulary, base)
    change = change_from_json(row.change) if row.change else None
    parsed = await asyncio.to_thread(parse_experiment, row.hypothesis, change, vocabulary)
    return reading_columns(parsed)
