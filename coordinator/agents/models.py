"""Table of agents."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.db import Base
from shared.ids import new_id


class Agent(Base):
    """An identity; the key itself is never stored."""

    __tablename__ = "agents"
    __table_args__ = (
        UniqueConstraint("name", name="uq_agents_name"),
        UniqueConstraint("api_key_sha256", name="uq_agents_api_key_sha256"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    api_key_sha256: Mapped[bytes]
    hardware: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def platform(self) -> str:
        """Return the exact accelerator model that the agent registered with, if it named one."""
        named = self.hardware.get("platform")
        return named if isinstance(named, str) and named.strip() else "unknown"
