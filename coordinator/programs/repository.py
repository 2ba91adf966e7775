"""Queries on programs."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.programs.models import Program
from coordinator.programs.records import ReadProgram


async def store_program(session: AsyncSession, program: ReadProgram) -> None:
    """Store a text once, whoever else stores the same one at the same time."""
    await session.execute(
        insert(Program)
        .values(
            source_sha256=program.source_sha256,
            fingerprint=program.fingerprint,
            source=program.source,
            size_bytes=len(program.source.encode()),
        )
        .on_conflict_do_nothing(index_elements=[Program.source_sha256])
    )


async def find_fingerprint(session: AsyncSession, source_sha256: str) -> str | None:
    """Return the fingerprint of a stored program, ``None`` if it is not stored."""
    return await session.scalar(
        select(Program.fingerprint).where(Program.source_sha256 == source_sha256)
    )


async def find_sizes(session: AsyncSession, sources_sha256: Sequence[str]) -> dict[str, int]:
    """Return the bytes of those of these programs that are stored, by their hash."""
    rows = await session.execute(
        select(Program.source_sha256, Program.size_bytes).where(
            Program.source_sha256.in_(sources_sha256)
        )
    )
    return {row.source_sha256: row.size_bytes for row in rows}


async def find_source(session: AsyncSession, source_sha256: str) -> str | None:
    """Return the text of a stored program, ``None`` if it is not stored."""
    return await session.scalar(
        select(Program.source).where(Program.source_sha256 == source_sha256)
    )
