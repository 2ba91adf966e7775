"""The worker's settings: the only place of the worker that reads the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorkerSettings(BaseSettings):
    """What a volunteer may set; every name takes the prefix ``SWARMLAB_``."""

    model_config = SettingsConfigDict(env_prefix="SWARMLAB_", frozen=True, env_ignore_empty=True)

    coordinator_url: str = Field(
        default="http://127.0.0.1:8000", description="Where the swarm's coordinator answers."
    )
    home: Path = Field(
        default=Path("~/.local/share/swarmlab"),
        description="Where keys, notebooks, outboxes and prepared data are kept.",
    )
    campaign: str | None = Field(
        default=None, description="The campaign to work on; not needed where there is only one."
    )
    agent_name: str | None = Field(
        default=None, description="The agent's name; a codename is chosen where there is none."
    )
    invite: str | None = Field(
        default=None, description="The invitation, where the operator asks for one."
    )
    proposer: str = Field(default="tpe", description="Who thinks of the next experiment.")

    @property
    def home_path(self) -> Path:
        """Return ``home`` as an absolute path."""
        return self.home.expanduser().resolve()
