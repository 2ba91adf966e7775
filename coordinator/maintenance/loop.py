"""The outermost loop of maintenance."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from coordinator.maintenance.expiry import sweep_expired_leases
from coordinator.maintenance.rereading import read_again

log = structlog.get_logger()

SWEEP_EVERY_S = 10.0

Sessions = async_sessionmaker[AsyncSession]


async def run_maintenance(sessions: Sessions) -> None:
    """Do the chores until cancelled; a chore that fails is logged and tried again."""
    await asyncio.gather(
        _repeat(sweep_expired_leases, sessions, done="leases_expired"),
        # Once: from then on whatever this process writes is read by its own rules.
        _repeat(read_again, sessions, done="experiments_read_again", is_once=True),
    )


async def _repeat(
    chore: Callable[[Sessions], Awaitable[int]],
    sessions: Sessions,
    *,
    done: str,
    is_once: bool = False,
) -> None:
    while True:
        try:
            count = await chore(sessions)
        except Exception:
            log.exception("maintenance_failed", chore=chore.__name__)
        else:
            if count:
                log.info(done, count=count)
            if is_once:
                return
        await asyncio.sleep(SWEEP_EVERY_S)
