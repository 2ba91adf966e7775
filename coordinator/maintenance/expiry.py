"""Writing down which leases have run out.

A lease ends by the clock, not by this chore: claims compare the expiry themselves. The chore
makes the end visible in the history and in the events.
"""

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from coordinator.claims.repository import expire_leases
from coordinator.events.repository import add_event


async def sweep_expired_leases(sessions: async_sessionmaker[AsyncSession]) -> int:
    """Mark the claims whose lease has run out, and return how many there were."""
    async with sessions() as session, session.begin():
        expired = await expire_leases(session)
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
