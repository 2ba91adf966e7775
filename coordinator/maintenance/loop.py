"""The outermost loop of maintenance."""

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from coordinator.maintenance.expiry import sweep_expired_leases

log = structlog.get_logger()

SWEEP_EVERY_S = 10.0


async def run_maintenance(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Do the chores until cancelled; a chore that fails is logged and tried again."""
    while True:
        try:
            expired = await sweep_expired_leases(sessions)
            if expired:
                log.info("leases_expired", count=expired)
        except Exception:
            log.exception("maintenance_failed", chore="sweep_expired_leases")
        await asyncio.sleep(SWEEP_EVERY_S)
