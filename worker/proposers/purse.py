"""What thinking costs, and the day's limit on it.

The account is on disk and shared by every worker of this home, so that neither a restart nor a
second worker spends the limit twice.
"""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS spending (
    at TEXT NOT NULL,
    model TEXT NOT NULL,
    tokens INTEGER NOT NULL CHECK (tokens >= 0),
    usd REAL NOT NULL CHECK (usd >= 0)
)
"""


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars per million tokens; reading the cache costs a tenth, filling it a quarter more."""

    input: float
    output: float

    def of(self, *, fresh: int, cache_filled: int, cache_read: int, output: int) -> float:
        """Return what a call with so many tokens costs, in US dollars."""
        input_tokens = fresh + 1.25 * cache_filled + 0.1 * cache_read
        return (input_tokens * self.input + output * self.output) / 1e6


# Estimates by model family.
PRICES = {
    "claude-opus": Price(input=15.0, output=75.0),
    "claude-sonnet": Price(input=3.0, output=15.0),
    "claude-haiku": Price(input=1.0, output=5.0),
}
DEAREST = PRICES["claude-opus"]
FREE = Price(input=0.0, output=0.0)


def price_of(model: str, *, is_own_server: bool = False) -> Price:
    """Return the price of a model; an unknown one costs nothing on a server of one's own.

    Elsewhere it is taken for the dearest, so that the limit holds.
    """
    known = [price for family, price in PRICES.items() if model.startswith(family)]
    return known[0] if known else FREE if is_own_server else DEAREST


class Purse:
    """The account and the limit of the last 24 hours."""

    def __init__(
        self,
        path: Path,
        *,
        usd_per_day: float | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._usd_per_day = usd_per_day
        self._now = now
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def is_empty(self) -> bool:
        """Whether the day's limit is reached."""
        return self._usd_per_day is not None and self.spent_usd() >= self._usd_per_day

    def spent_usd(self) -> float:
        """Return what the last 24 hours cost."""
        since = (self._now() - timedelta(days=1)).isoformat()
        with self._lock:
            row = self._db.execute("SELECT sum(usd) FROM spending WHERE at > ?", (since,))
            return float(row.fetchone()[0] or 0.0)

    def pay(self, *, model: str, tokens: int, usd: float) -> None:
        """Write down a call."""
        with self._lock:
            self._db.execute(
                "INSERT INTO spending (at, model, tokens, usd) VALUES (?, ?, ?, ?)",
                (self._now().isoformat(), model, tokens, usd),
            )
