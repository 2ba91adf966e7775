from worker.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make_breaker(clock: Clock, jitter: float = 1.0) -> Breaker:
    return Breaker(clock=clock, jitter=lambda: jitter)


def test_a_fresh_breaker_lets_calls_through():
    breaker = make_breaker(Clock())
    assert not breaker.is_open
    assert breaker.seconds_left == 0


def test_each_failure_doubles_the_pause_up_to_the_cap():
    breaker = make_breaker(Clock())
    pauses = []
    for _ in range(10):
        breaker.record_failure()
        pauses.append(breaker.seconds_left)
    assert pauses[:4] == [FIRST_PAUSE_S * factor for factor in (1, 2, 4, 8)]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_the_jitter_takes_up_to_half_of_the_pause():
    breaker = make_breaker(Clock(), jitter=0.0)
    breaker.record_failure()
    assert breaker.seconds_left == FIRST_PAUSE_S / 2


def test_the_pause_is_over_when_its_time_has_passed():
    clock = Clock()
    breaker = make_breaker(clock)
    breaker.record_failure()
    clock.now = FIRST_PAUSE_S + 0.01
    assert breaker.seconds_left == 0
    assert breaker.is_open


def test_a_success_closes_the_breaker_and_starts_over():
    breaker = make_breaker(Clock())
    for _ in range(5):
        breaker.record_failure()
    breaker.record_success()
    assert breaker.seconds_left == 0
    breaker.record_failure()
    assert breaker.seconds_left == FIRST_PAUSE_S


def test_a_longer_wish_of_the_coordinator_is_granted():
    breaker = make_breaker(Clock())
    breaker.record_failure(retry_after_s=120.0)
    assert breaker.seconds_left == 120.0
