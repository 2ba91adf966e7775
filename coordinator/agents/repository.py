"""Queries on agents."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent


async def find_agent_by_key(session: AsyncSession, api_key_sha256: bytes) -> Agent | None:
    """Return the agent with this key."""
    return await session.scalar(select(Agent).where(Agent.api_key_sha256 == api_key_sha256))
