"""Queries on programs."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.programs.models import Program


async def store_program(
    session: AsyncSession, *, source_sha256: str, fingerprint: str, source: str
) -> None:
    """Store a text once, whoever else stores the same one at the same time."""
    await session.execute(
        insert(Program)
        .values(
            source_sha256=source_sha256,
            fingerprint=fingerprint,
            source=source,
            size_bytes=len(source.encode()),
        )
        .on_conflict_do_nothing(index_elements=[Program.source_sha256])
    )


async def find_fingerprint(session: AsyncSession, source_sha256: str) -> str | None:
    """Return the fingerprint of a stored program, ``None`` if it is not stored."""
    return await session.scalar(
        select(Program.fingerprint).where(Program.source_sha256 == source_sha256)
    )


async def find_source(session: AsyncSession, source_sha256: str) -> str | None:
    """Return the text of a stored program, ``None`` if it is not stored."""
    return await session.scalar(
        select(Program.source).where(Program.source_sha256 == source_sha256)
    )
