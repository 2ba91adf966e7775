"""Opaque keyset cursors."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from coordinator.errors import BadCursorError
from shared.wire.experiments import Page

MAX_CHARACTERS = 2**21  # of a page, about
MAX_ROWS = 50  # that are read at once

Item = TypeVar("Item")


def to_cursor(last_id: UUID) -> str:
    """Return the cursor that continues after the item ``last_id``."""
    return base64.urlsafe_b64encode(last_id.bytes).decode().rstrip("=")


def from_cursor(cursor: str | None) -> UUID | None:
    """Return the id inside a cursor, ``None`` for no cursor.

    Raises:
        BadCursorError: It is not one of ours.
    """
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadCursorError from error


async def fill_page(
    fetch: Callable[[UUID | None, int], Awaitable[list[Item]]],
    *,
    before: UUID | None,
    limit: int,
    id_of: Callable[[Item], UUID],
    length_of: Callable[[Item], int],
) -> Page[Item]:
    """Return a page of what ``fetch`` finds before an id, so many of them.

    It ends before ``limit`` where its texts become long: one experiment may have 100 KB, and
    nobody is to fill the memory with pages that he asks for and does not read.
    """
    items: list[Item] = []
    while True:
        room = min(MAX_ROWS, limit - len(items))
        part = to_page(await fetch(before, room + 1), limit=room, id_of=id_of)
        items += part.items
        is_full = len(items) == limit or sum(map(length_of, items)) > MAX_CHARACTERS
        if is_full or part.next_cursor is None:
            return Page(items=items, next_cursor=part.next_cursor)
        before = id_of(items[-1])


def to_page(found: list[Item], *, limit: int, id_of: Callable[[Item], UUID]) -> Page[Item]:
    """Return a page of ``limit`` items out of ``found``, which holds one more if there are more."""
    items = found[:limit]
    has_more = len(found) > limit
    return Page(items=items, next_cursor=to_cursor(id_of(items[-1])) if has_more else None)
