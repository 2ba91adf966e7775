"""Opaque keyset cursors."""

import base64
import binascii
from uuid import UUID

from coordinator.errors import BadCursorError


def to_cursor(last_id: UUID) -> str:
    """Return the cursor that continues after the item ``last_id``."""
    return base64.urlsafe_b64encode(last_id.bytes).decode().rstrip("=")


def from_cursor(cursor: str) -> UUID:
    """Return the id inside a cursor.

    Raises:
        BadCursorError: It is not one of ours.
    """
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadCursorError from error
