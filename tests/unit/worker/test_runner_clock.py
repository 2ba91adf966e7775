"""The parent's clock, with moments instead of waiting."""

import pytest

from worker.runner.clock import FREE_STEPS, MUTE_BATCHES, WINDOW_TOKENS, Clock, Limits, limits_for

LIMITS = Limits(startup_s=60, window_s=4, grace_s=2, answer_s=3, exam_s=10)


def train(
    clock: Clock, *, at: float, steps: int, step_s: float, batches_per_step: int = 1
) -> float:
    for _ in range(steps):
        for _ in range(batches_per_step):
            clock.take("batch", at, {"tokens": 1000})
        at += step_s
        clock.take("step", at, {})
    return at


def clock() -> Clock:
    return Clock(20, LIMITS, started=0)


def test_the_budget_starts_behind_the_eleventh_step() -> None:
    it = clock()
    at = train(it, at=5, steps=FREE_STEPS, step_s=0.1)
    assert it.training_began(at) == pytest.approx(5 + FREE_STEPS * 0.1)
    assert it.trained_s(at + 3) == pytest.approx(3)


def test_accumulated_batches_do_not_start_the_budget_early() -> None:
    it = clock()
    at = train(it, at=0, steps=FREE_STEPS, step_s=0.2, batches_per_step=5)
    assert it.training_began(at) == pytest.approx(at)


def test_an_honest_run_is_never_overdue() -> None:
    it = clock()
    at = train(it, at=5, steps=211, step_s=0.1)
    assert it.overdue(at) is None
    it.take("exam", at + 0.1, {"tokens": 70_000})
    it.take("answer", at + 1, {})
    assert it.overdue(at + 5) is None
    it.take("score", at + 5, {"val_bpb": 1.8})
    assert it.overdue(at + 100) is None
    assert it.trained_s(at + 100) == pytest.approx(20.1)
    assert it.parts(at + 6) == pytest.approx(
        {"startup": 5, "window": 1.1, "training": 20.1, "examination": 4.9, "total": at + 6}
    )


def test_a_slow_machine_gets_a_longer_window() -> None:
    it = clock()
    at = train(it, at=0, steps=FREE_STEPS + 9, step_s=0.45)
    assert LIMITS.window_s < FREE_STEPS * 0.45
    assert it.trained_s(at) == pytest.approx(9 * 0.45)
    assert it.overdue(at) is None


def test_steps_that_are_seldom_noted_buy_a_quarter_of_the_budget() -> None:
    it = clock()
    at = train(it, at=0, steps=FREE_STEPS + 1, step_s=5.0)
    assert it.training_began(at) == pytest.approx(20 / 4)
    assert it.overdue(20 / 4 + 20 + LIMITS.grace_s + 20 / 10 + 1) is not None


def test_stretching_the_window_starts_the_clock() -> None:
    it = clock()
    it.take("batch", 0, {"tokens": 1000})
    at = train(it, at=17, steps=FREE_STEPS + 100, step_s=0.1)
    assert it.training_began(at) == pytest.approx(LIMITS.window_s)
    assert it.overdue(at) is not None


def test_training_on_after_the_budget_is_overdue() -> None:
    it = clock()
    at = train(it, at=0, steps=FREE_STEPS + 210, step_s=0.1)
    assert it.overdue(at) is None
    assert it.overdue(at + 1.5) is not None


def test_a_late_examination_is_overdue_at_its_beginning() -> None:
    it = clock()
    at = train(it, at=0, steps=FREE_STEPS + 1, step_s=0.1)
    it.take("exam", at + 25, {"tokens": 70_000})
    assert it.overdue(at + 25) is not None


def test_a_program_that_notes_no_step_has_its_batches_counted() -> None:
    it = clock()
    for number in range(MUTE_BATCHES):
        it.take("batch", number * 0.01, {"tokens": 1000})
    assert it.training_began(1.0) is not None


def test_a_window_full_of_tokens_starts_the_clock() -> None:
    it = clock()
    it.take("batch", 1, {"tokens": WINDOW_TOKENS + 1})
    assert it.training_began(1.0) == 1


def test_asking_for_no_batch_is_overdue() -> None:
    it = clock()
    assert it.overdue(59) is None
    assert "no training batch" in str(it.overdue(61))


def test_training_on_before_the_first_answer_is_overdue() -> None:
    it = clock()
    at = train(it, at=0, steps=FREE_STEPS + 200, step_s=0.1)
    it.take("exam", at, {"tokens": 70_000})
    assert it.overdue(at + 3) is None
    assert "examiner" in str(it.overdue(at + 3.5))


def test_stalling_the_examination_is_overdue() -> None:
    it = clock()
    at = train(it, at=0, steps=FREE_STEPS + 200, step_s=0.1)
    it.take("exam", at, {"tokens": 70_000})
    it.take("answer", at + 1, {})
    limit_s = LIMITS.exam_s + 1.5 * 0.1 / 1000 * 70_000
    assert it.overdue(at + limit_s - 1) is None
    assert "examiner" in str(it.overdue(at + limit_s + 1))


def test_batches_that_are_fetched_early_buy_no_longer_examination() -> None:
    it = clock()
    for _ in range(100):
        it.take("batch", 0, {"tokens": 1000})
    at = train(it, at=0, steps=FREE_STEPS, step_s=0.1) + 15
    it.take("batch", at, {"tokens": 1})
    it.take("exam", at, {"tokens": 70_000})
    it.take("answer", at + 1, {})
    assert it.exam_limit_s(at + 1) < LIMITS.exam_s + 1.5 * 70_000 * 20 / 50_000


def test_no_examination_takes_longer_than_twice_the_budget() -> None:
    it = clock()
    at = train(it, at=0, steps=FREE_STEPS, step_s=0.1)
    it.tokens = 1
    it.take("exam", at + 15, {"tokens": 70_000})
    it.take("answer", at + 16, {})
    assert it.overdue(at + 15 + LIMITS.exam_s + 2 * 20 + 1) is not None


def test_an_examination_without_training_is_allowed_and_bounded() -> None:
    it = clock()
    it.take("exam", 3, {"tokens": 70_000})
    it.take("answer", 4, {})
    assert it.overdue(12) is None
    assert it.overdue(14) is not None


def test_five_minutes_on_a_gpu_may_run_over_by_two_percent() -> None:
    assert limits_for(300, has_gpu=True).grace_s == 6
