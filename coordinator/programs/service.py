"""Taking in programs."""

import asyncio
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.errors import InvalidSourceError
from coordinator.programs.repository import store_program
from shared.fingerprints import program_fingerprint
from shared.sources import SourceError, source_sha256


@dataclass(frozen=True, kw_only=True)
class StoredProgram:
    """The two names of a program: of its text, and of what it does."""

    source_sha256: str
    fingerprint: str


async def take_in_program(session: AsyncSession, source: str) -> StoredProgram:
    """Check, fingerprint and store a program.

    Raises:
        InvalidSourceError: The text is not a program; the message says what to do.
    """
    try:
        # A thread: parsing the largest allowed source takes long enough to be felt by others.
        fingerprint = await asyncio.to_thread(program_fingerprint, source)
    except SourceError as error:
        raise InvalidSourceError(error.message, reason=error.reason) from error
    program = StoredProgram(source_sha256=source_sha256(source), fingerprint=fingerprint)
    await store_program(
        session,
        source_sha256=program.source_sha256,
        fingerprint=fingerprint,
        source=source,
    )
    return program
