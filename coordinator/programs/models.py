"""Table of programs."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from coordinator.db import Base


class Program(Base):
    """One text; ``fingerprint`` is equal for texts that behave alike."""

    __tablename__ = "programs"
    __table_args__ = (
        CheckConstraint("source_sha256 ~ '^[0-9a-f]{64}$'", name="source_sha256_is_hex"),
        CheckConstraint(
            "source_sha256 = encode(sha256(convert_to(source, 'UTF8')), 'hex')",
            name="is_content_addressed",
        ),
        Index("ix_programs_fingerprint", "fingerprint"),
    )

    source_sha256: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    source: Mapped[str] = mapped_column(deferred=True, deferred_raiseload=True)
    size_bytes: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
