"""The worker's settings: the only place of the worker that reads the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from worker.errors import SetupError


class WorkerSettings(BaseSettings):
    """What a volunteer may set; every name takes the prefix ``SWARMLAB_``."""

    model_config = SettingsConfigDict(
        env_prefix="SWARMLAB_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

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
    proposer: Literal["tpe", "ideas", "llm", "centaur", "command"] | None = Field(
        default=None,
        description="Who thinks of the next experiment; centaur with a key, tpe without.",
    )
    proposer_command: str | None = Field(
        default=None, description="The agent's command line that the proposer `command` runs."
    )
    model: str = Field(default="claude-sonnet-5-5", description="The language model that thinks.")
    max_usd_per_day: float | None = Field(
        default=None, ge=0, description="When to stop paying for thoughts; training goes on."
    )
    anthropic_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="ANTHROPIC_API_KEY",
        description="The key of the language model's API.",
    )
    anthropic_base_url: str | None = Field(
        default=None,
        validation_alias="ANTHROPIC_BASE_URL",
        description="Another server that speaks the same API.",
    )

    @field_validator("coordinator_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            is_whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:  # brackets that do not match, a port beyond the last
            is_whole = False
        if not is_whole or any(character.isspace() for character in url):
            raise ValueError(f"{url!r} is no address, such as https://swarm.example.org")
        return url

    @property
    def home_path(self) -> Path:
        """Return ``home`` as an absolute path."""
        return self.home.expanduser().resolve()


def read_settings(**given: Any) -> WorkerSettings:
    """Return the settings of the environment, those given in place of theirs.

    Args:
        given: by the names of the fields; ``None`` for what is not given.

    Raises:
        SetupError: one of them cannot be used as it is.
    """
    try:
        return WorkerSettings(**{name: each for name, each in given.items() if each is not None})
    except ValidationError as error:
        raise SetupError(
            "; ".join(
                f"correct the {str(name).replace('_', ' ')} (SWARMLAB_{str(name).upper()}): "
                + each["msg"].removeprefix("Value error, ")
                for each in error.errors()
                for name in each["loc"][:1]
            )
        ) from error


def gpu_variables(gpu_index: int | None, ours: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables by which a program, which gets no others, finds the driver and its GPU.

    Args:
        gpu_index: which of the GPUs that the worker sees; ``None`` for all of them.
        ours: the worker's own environment.

    Raises:
        SetupError: the worker sees no GPU of this index.
    """
    passed = {name: ours[name] for name in ("LD_LIBRARY_PATH", "CUDA_DEVICE_ORDER") if name in ours}
    visible = ours.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return passed if gpu_index is None else passed | {"CUDA_VISIBLE_DEVICES": str(gpu_index)}
    if gpu_index is None:
        return passed | {"CUDA_VISIBLE_DEVICES": visible}
    devices = visible.split(",")
    if gpu_index >= len(devices):
        raise SetupError(
            f"GPU {gpu_index} is asked for, but CUDA_VISIBLE_DEVICES={visible} shows "
            f"{len(devices)}: choose from 0 to {len(devices) - 1}, or unset it."
        )
    return passed | {"CUDA_VISIBLE_DEVICES": devices[gpu_index].strip()}
