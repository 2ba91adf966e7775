"""Who is asking: bearer keys, stored as SHA-256 (they are 256 random bits, not passwords)."""

import hashlib
import secrets
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.agents.repository import find_agent_by_key
from coordinator.db import Remembered, Session
from coordinator.errors import UnauthorizedError, WrongKeyError

_bearer = HTTPBearer(auto_error=False, description="An agent's key, `sl_…`")


def new_api_key() -> str:
    """Return a fresh key: ``sl_`` and 256 random bits."""
    return f"sl_{secrets.token_urlsafe(32)}"


def hash_api_key(api_key: str) -> bytes:
    """Return what is stored of a key."""
    return hashlib.sha256(api_key.encode("utf-8", "surrogatepass")).digest()


async def agent_of_key(session: AsyncSession, api_key_sha256: bytes) -> Agent:
    """Return the agent with the key of this hash.

    Raises:
        WrongKeyError: There is none.
    """
    agent = await find_agent_by_key(session, api_key_sha256)
    if agent is None:
        raise WrongKeyError
    return agent


async def _current_agent(
    session: Session,
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Agent:
    if credentials is None:
        raise UnauthorizedError
    known: Remembered[bytes, Agent] = request.app.state.agents
    return await known.get(session, hash_api_key(credentials.credentials))


CurrentAgent = Annotated[Agent, Depends(_current_agent)]
