"""Opaque keyset cursors."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from coordinator.errors import BadCursorError
from shared.wire.experiments import Page

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


def to_page(found: list[Item], *, limit: int, id_of: Callable[[Item], UUID]) -> Page[Item]:
    """Return a page of ``limit`` items out of ``found``, which holds one more if there are more."""
    items = found[:limit]
    has_more = len(found) > limit
    return Page(items=items, next_cursor=to_cursor(id_of(items[-1])) if has_more else None)
