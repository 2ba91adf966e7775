"""Registration."""

import secrets

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.auth import hash_api_key, new_api_key
from coordinator.errors import InviteRequiredError
from coordinator.events.repository import add_event
from shared.ids import new_id
from shared.wire.agents import AgentCreate, AgentCreated


async def register_agent(
    session: AsyncSession, request: AgentCreate, *, invite: str | None
) -> AgentCreated:
    """Create an identity and return its key, which is not kept.

    Raises:
        InviteRequiredError: The swarm is by invitation and the word is missing or wrong.
        NameTakenError: By the constraint on names, when the row is written.
    """
    if invite is not None and not secrets.compare_digest(
        invite.encode(), (request.invite or "").encode()
    ):
        raise InviteRequiredError
    api_key = new_api_key()
    agent = Agent(
        id=new_id(),
        name=request.name,
        api_key_sha256=hash_api_key(api_key),
        hardware=request.hardware,
    )
    session.add(agent)
    await session.flush()
    await add_event(session, "agent_joined", agent_id=agent.id, name=agent.name)
    return AgentCreated(agent_id=agent.id, name=agent.name, api_key=api_key)
