"""A circuit breaker: leaves a coordinator that does not answer alone for a while.

```
closed ──failure──▶ open (no call goes out until retry_at) ──first call after it──▶ probe
   ▲                 ▲                                                               │
   └────success──────│───────────────────────────────────────────────────────success─┤
                     └── twice the pause, up to the cap ◀──────────────────────failure┘
```
"""

import random
import threading
import time
from collections.abc import Callable

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


class Breaker:
    """Jittered exponential back-off, shared by every call of one worker."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._lock = threading.Lock()
        self._failures = 0
        self._retry_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    @property
    def seconds_left(self) -> float:
        """How long no call goes out, in seconds; 0 where one may."""
        return max(0.0, self._retry_at - self._clock()) if self.is_open else 0.0

    def record_failure(self, *, retry_after_s: float | None = None) -> None:
        """Open, for at least ``retry_after_s`` where the other side asked for it."""
        with self._lock:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**self._failures)
            self._failures = min(self._failures + 1, 32)
            # Between half and all of the pause, so that a thousand workers do not return at once.
            pause_s *= 0.5 + 0.5 * self._jitter()
            self._retry_at = self._clock() + max(pause_s, retry_after_s or 0.0)

    def record_success(self) -> None:
        """Close."""
        with self._lock:
            self._failures = 0
