"""HTTP of agents."""

from fastapi import APIRouter, Request, status

from coordinator.agents.service import register_agent
from coordinator.db import Session
from coordinator.settings import CoordinatorSettings
from shared.wire.agents import AgentCreate, AgentCreated

router = APIRouter(prefix="/v1/agents", tags=["agents"])


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_agent(body: AgentCreate, session: Session, request: Request) -> AgentCreated:
    """Register an agent; the key is shown this once."""
    settings: CoordinatorSettings = request.app.state.settings
    invite = settings.invite.get_secret_value() if settings.invite else None
    return await register_agent(session, body, invite=invite)
