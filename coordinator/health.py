"""Is it alive, and can it serve."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import text

from coordinator.db import Session
from coordinator.redis import or_none

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def get_health() -> dict[str, str]:
    """Answer while the process lives; asks nothing of anybody."""
    return {"status": "ok"}


@router.get("/readyz")
async def get_readiness(session: Session, request: Request) -> dict[str, Any]:
    """Answer 200 when Postgres serves. Redis is reported, but nothing needs it."""
    await session.execute(text("SELECT 1"))
    pong = await or_none(request.app.state.redis.ping(), purpose="readiness")
    return {"status": "ok", "postgres": "ok", "redis": "ok" if pong else "unavailable"}
