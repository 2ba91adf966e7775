"""Everything that the environment may say to the coordinator; read here and nowhere else."""

import os
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CoordinatorSettings(BaseSettings):
    """Settings of one coordinator process; ``DATABASE_URL`` and ``REDIS_URL`` have no prefix."""

    model_config = SettingsConfigDict(
        env_prefix="SWARMLAB_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    database_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="Postgres 16+ with pgvector; unset: the embedded one starts",
    )
    redis_url: str | None = Field(
        default=None,
        validation_alias="REDIS_URL",
        description="Redis 6.2+; unset: the embedded one starts",
    )
    home: Path = Field(
        default=Path("~/.local/share/swarmlab"),
        description="where embedded services, data, notebooks and outboxes live",
    )
    lease_ttl_s: int = Field(
        default=120,
        ge=1,
        description="seconds that a claim lives without a heartbeat",
    )
    embedding_model: str | None = Field(
        default=None,
        description="hub name or folder of a 384-dimensional model; unset: the packaged MiniLM",
    )
    invite: SecretStr | None = Field(
        default=None,
        description="word that a new agent must bring; unset: anyone may join",
    )

    def child_environment(self, *, database_url: str, redis_url: str) -> dict[str, str]:
        """Return the environment of a process that shares these services and this home."""
        invite = {} if self.invite is None else {"SWARMLAB_INVITE": self.invite.get_secret_value()}
        return {
            **os.environ,
            **invite,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SWARMLAB_HOME": str(self.home_path),
        }

    @property
    def home_path(self) -> Path:
        """Return ``home`` as an absolute path."""
        return self.home.expanduser().resolve()
