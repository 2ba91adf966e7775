"""Registration of agents."""

from uuid import UUID

from pydantic import Field

from shared.wire.base import Name, Number, ShortText, WireModel


class AgentCreate(WireModel):
    """Ask for an identity; ``hardware.platform`` is the exact accelerator model."""

    name: Name
    invite: ShortText | None = None
    hardware: dict[ShortText, ShortText | Number | bool | None] = Field(
        default_factory=dict, max_length=32
    )


class AgentsOnline(WireModel):
    """Who was heard of lately, by name; ``None`` where nobody can tell at the moment."""

    agents: list[str] | None


class AgentCreated(WireModel):
    """The identity; ``api_key`` is shown this once and stored hashed."""

    agent_id: UUID
    name: Name
    api_key: str
