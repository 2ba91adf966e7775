"""Who is asking: bearer keys, stored as SHA-256 (they are 256 random bits, not passwords)."""

import hashlib
import secrets
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from coordinator.agents.models import Agent
from coordinator.agents.repository import find_agent_by_key
from coordinator.db import Session
from coordinator.errors import UnauthorizedError, WrongKeyError

_bearer = HTTPBearer(auto_error=False, description="An agent's key, `sl_…`")


def new_api_key() -> str:
    """Return a fresh key: ``sl_`` and 256 random bits."""
    return f"sl_{secrets.token_urlsafe(32)}"


def hash_api_key(api_key: str) -> bytes:
    """Return what is stored of a key."""
    return hashlib.sha256(api_key.encode("utf-8", "surrogatepass")).digest()


async def _current_agent(
    session: Session,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Agent:
    if credentials is None:
        raise UnauthorizedError
    agent = await find_agent_by_key(session, hash_api_key(credentials.credentials))
    if agent is None:
        raise WrongKeyError
    return agent


CurrentAgent = Annotated[Agent, Depends(_current_agent)]
