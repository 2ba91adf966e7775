"""The life of a claim, as pure decisions. All times are database times.

| state    | event                            | state    | note                                   |
| -------- | -------------------------------- | -------- | -------------------------------------- |
| (none)   | claim                            | claimed  | epoch 1                                |
| claimed  | heartbeat of the current epoch   | claimed  | later expiry if half the time is gone  |
| claimed  | the lease runs out               | expired  | at once; the sweep only writes it down |
| claimed  | release by the holder            | released |                                        |
| expired  | heartbeat of the current epoch   | claimed  | nobody took it: the holder goes on     |
| expired, | claim of the same program        | claimed  | epoch + 1, a new holder, a new seed    |
| released |                                  |          | unless a late result has answered it   |
| any but  | result of the current epoch      | done     | late unless the lease is live          |
| done     |                                  |          |                                        |
| any      | result of an older epoch         | as it is | stored as a late repeat of its own     |
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.states import ExperimentStatus


@dataclass(frozen=True, kw_only=True)
class ClaimState:
    """What decides about an experiment's claim."""

    status: ExperimentStatus
    epoch: int
    lease_expires_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Return whether somebody holds the experiment at ``now``."""
        return (
            self.status is ExperimentStatus.CLAIMED
            and self.lease_expires_at is not None
            and now < self.lease_expires_at
        )


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What a result does to the experiment that it answers."""

    completes: bool
    is_late: bool


def decide_completion(state: ClaimState, *, epoch: int, now: datetime) -> Completion:
    """Return whether a result of ``epoch`` completes the experiment, and whether it is late."""
    is_current = epoch == state.epoch and state.status is not ExperimentStatus.DONE
    return Completion(completes=is_current, is_late=not (is_current and state.is_live(now)))


def must_renew(state: ClaimState, *, now: datetime, ttl_s: int) -> bool:
    """Return whether a heartbeat that may keep the claim has to move its expiry.

    While at least half of a lease is left, the answer is the expiry as it stands and nothing is
    written: whoever beats has half a lease ahead either way, and most heartbeats cost one read.
    """
    if not state.is_live(now):
        return True
    assert state.lease_expires_at is not None
    return state.lease_expires_at - now < timedelta(seconds=ttl_s) / 2


def may_renew(state: ClaimState, *, epoch: int) -> bool:
    """Return whether a heartbeat of ``epoch`` keeps the claim.

    An expired claim that nobody took over is kept too: a laptop that slept goes on.
    """
    return epoch == state.epoch and state.status in (
        ExperimentStatus.CLAIMED,
        ExperimentStatus.EXPIRED,
    )
