"""The coordinator's time: when a lease ends is said in it, and a volunteer's clock may be off."""

import contextlib
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Timekeeper:
    """Tells the time of the last answer that said what time it is; until then our own."""

    def __init__(self) -> None:
        self._zero_at = time.time() - time.monotonic()  # when the monotonic clock showed 0

    def note(self, date: str) -> None:
        """Take the ``Date`` header of an answer, exact to a second or so."""
        with contextlib.suppress(ValueError):  # it has none, or not in the form of HTTP
            self._zero_at = parsedate_to_datetime(date).timestamp() - time.monotonic()

    def now(self) -> datetime:
        """Return what time it is at the coordinator."""
        return datetime.fromtimestamp(self._zero_at + time.monotonic(), UTC)
