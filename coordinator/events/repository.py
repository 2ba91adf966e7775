"""Writes of events."""

from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.db import table_of
from coordinator.events.models import Event


async def add_event(
    session: AsyncSession,
    kind: str,
    *,
    campaign_id: UUID | None = None,
    agent_id: UUID | None = None,
    experiment_id: UUID | None = None,
    **payload: Any,
) -> None:
    """Add an event that exists if, and only if, the transaction commits."""
    event = {
        "kind": kind,
        "campaign_id": campaign_id,
        "agent_id": agent_id,
        "experiment_id": experiment_id,
        "payload": payload,
    }
    await session.execute(insert(table_of(Event)), event)
