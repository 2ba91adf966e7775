"""HTTP of agents."""

from fastapi import APIRouter, Request, status

from coordinator.agents.presence import list_present
from coordinator.agents.service import register_agent
from coordinator.db import Session
from coordinator.settings import CoordinatorSettings
from shared.wire.agents import AgentCreate, AgentCreated, AgentsOnline

router = APIRouter(prefix="/v1/agents", tags=["agents"])


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_agent(body: AgentCreate, session: Session, request: Request) -> AgentCreated:
    """Register an agent; the key is shown this once."""
    settings: CoordinatorSettings = request.app.state.settings
    invite = settings.invite.get_secret_value() if settings.invite else None
    return await register_agent(session, body, invite=invite)


@router.get("/online")
async def get_agents_online(request: Request) -> AgentsOnline:
    """Name the agents that kept a claim or sent a result in the last minute and a half."""
    return AgentsOnline(agents=await list_present(request.app.state.redis))
