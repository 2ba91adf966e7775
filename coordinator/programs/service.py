"""Taking in programs."""

import asyncio
from functools import lru_cache

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.errors import InvalidSourceError
from coordinator.programs.records import ReadProgram
from coordinator.programs.repository import store_program
from shared.fingerprints import program_fingerprint
from shared.sources import SourceError, source_sha256


async def read_program(source: str) -> ReadProgram:
    """Check and fingerprint a program.

    Raises:
        InvalidSourceError: The text is not a program; the message says what to do.
    """
    try:
        # A thread: parsing the largest allowed source takes long enough to be felt by others.
        fingerprint = await asyncio.to_thread(_fingerprint, source)
    except SourceError as error:
        raise InvalidSourceError(error.message, reason=error.reason) from error
    return ReadProgram(source=source, source_sha256=source_sha256(source), fingerprint=fingerprint)


async def take_in_program(session: AsyncSession, source: str) -> ReadProgram:
    """Check, fingerprint and store a program.

    Raises:
        InvalidSourceError: The text is not a program; the message says what to do.
    """
    program = await read_program(source)
    await store_program(session, program)
    return program


# A result brings the program of its claim once more, and a retry of either brings it again.
_fingerprint = lru_cache(maxsize=256)(program_fingerprint)
