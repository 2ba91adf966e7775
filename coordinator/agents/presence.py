"""Who is online and what they are at: in Redis, because losing it costs nothing."""

import json
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from coordinator.redis import PRESENCE_TTL_S, or_none


async def note_presence(
    redis: Redis, agent: str, *, experiment_id: UUID, progress: dict[str, Any] | None
) -> None:
    """Remember for a while that the agent is alive."""
    value = json.dumps({"experiment_id": str(experiment_id), "progress": progress})
    await or_none(redis.set(f"presence:{agent}", value, ex=PRESENCE_TTL_S), purpose="presence")


async def list_present(redis: Redis) -> list[str] | None:
    """Return the names of the agents that are alive, ``None`` where Redis does not answer."""

    async def names() -> list[str]:
        return [key.partition(":")[2] async for key in redis.scan_iter("presence:*", count=1000)]

    found = await or_none(names(), purpose="presence")
    return None if found is None else sorted(set(found))
