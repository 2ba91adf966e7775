"""Writing down which leases have run out.

A lease ends by the clock, not by this chore: claims compare the expiry themselves. The chore
makes the end visible in the history and in the events.
"""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from coordinator.claims.repository import expire_leases
from coordinator.events.repository import add_event

BATCH = 500


async def sweep_expired_leases(sessions: async_sessionmaker[AsyncSession]) -> int:
    """Mark all claims whose lease has run out, and return how many there were."""
    count = 0
    while True:
        marked = await _mark_batch(sessions)
        count += marked
        # Less than a batch: the others are none, or another replica has them in hand.
        if marked < BATCH:
            return count


async def _mark_batch(sessions: async_sessionmaker[AsyncSession]) -> int:
    async with sessions() as session, session.begin():
        expired = await expire_leases(session, limit=BATCH)
        for row in expired:
            await add_event(
                session,
                "expired",
                campaign_id=row.campaign_id,
                agent_id=row.agent_id,
                experiment_id=row.id,
                epoch=row.epoch,
            )
    return len(expired)
