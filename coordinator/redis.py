"""Redis: disposable. Whatever it holds can be lost at any moment; nothing waits for it long."""

from collections.abc import Awaitable
from typing import TypeVar

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = structlog.get_logger()
Answer = TypeVar("Answer")

PRESENCE_TTL_S = 90


def make_redis(redis_url: str) -> Redis:
    """Return a client that gives up within a second instead of delaying a request."""
    return Redis.from_url(
        redis_url,
        decode_responses=True,
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
    )


async def or_none(answer: Awaitable[Answer], *, purpose: str) -> Answer | None:
    """Return what Redis says, or ``None`` where it does not: the answer then does without it."""
    try:
        return await answer
    except (RedisError, OSError) as error:
        log.warning("redis_unavailable", purpose=purpose, error=str(error))
        return None
