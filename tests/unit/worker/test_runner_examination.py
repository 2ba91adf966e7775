"""The examination itself, with models that are a few lines of tensor arithmetic."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from worker.examiner.exam import Exam, RefusedError

VOCAB, T, ROWS = 50, 40, 64


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other over tiny tensors take minutes on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def rows() -> np.ndarray:
    """Tokens where the next is often the one above, so that there is something to know."""
    rng = np.random.default_rng(1)
    steps = rng.choice([1, 1, 1, 2, 7], size=(ROWS, T + 1))
    return (rng.integers(VOCAB, size=(ROWS, 1)) + steps.cumsum(1)) % VOCAB


def honest(x: Tensor) -> Tensor:
    return 3.0 * torch.nn.functional.one_hot((x + 1) % VOCAB, VOCAB).float()


def token_bytes() -> Tensor:
    lengths = torch.full((VOCAB,), 3, dtype=torch.int32)
    lengths[0] = 0
    return lengths


def examine(model: Callable[[Tensor], Tensor], *, batch_size: int = 8, seed: int = 0) -> float:
    exam = Exam(rows(), token_bytes(), batch_size, np.random.default_rng(seed))
    for batch in range(exam.batches):
        x = exam.inputs(batch)
        assert x.shape == (exam.batch_size, T)
        exam.take(model(x))
    return exam.score()


def test_the_score_is_the_loss_per_byte_of_counted_tokens() -> None:
    tokens = torch.from_numpy(rows())
    x, y = tokens[:, :-1], tokens[:, 1:]
    losses = torch.nn.functional.cross_entropy(honest(x).mT, y, reduction="none").double()
    counted = token_bytes()[y]
    expected = float(losses[counted > 0].sum()) / (math.log(2) * int(counted.sum()))
    assert examine(honest) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 96, 5000])
def test_the_score_does_not_depend_on_the_batch_size(batch_size: int) -> None:
    assert examine(honest, batch_size=batch_size) == pytest.approx(examine(honest), abs=1e-9)


def test_the_score_does_not_depend_on_the_order() -> None:
    assert examine(honest, seed=1) == pytest.approx(examine(honest, seed=2), abs=1e-9)


def test_scaling_the_distribution_changes_nothing() -> None:
    assert examine(lambda x: honest(x) + 500) == pytest.approx(examine(honest), abs=1e-4)


def future(x: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(x.roll(-1, 1), VOCAB).float()


@pytest.mark.parametrize("weight", [0.3, 1.0, 20.0])
def test_a_model_that_looks_ahead_is_refused(weight: float) -> None:
    with pytest.raises(RefusedError, match="looks ahead"):
        examine(lambda x: honest(x) + weight * future(x))


def test_a_look_ahead_below_the_tolerance_of_rounding_is_refused_by_its_gain() -> None:
    with pytest.raises(RefusedError, match="Seeing the future"):
        examine(lambda x: honest(x) + 0.1 * future(x))


def test_a_look_ahead_that_hides_in_noise_of_its_own_is_refused() -> None:
    def by_turns(x: Tensor) -> Tensor:
        up = (x * 7 + x.roll(-1, 1) * 5 + torch.arange(T) * 3) % 2 < 1
        return honest(x) + 0.11 * torch.where(up, 1.0, -1.0)[..., None] * future(x)

    with pytest.raises(RefusedError, match="on average"):
        examine(by_turns)


def test_a_little_probability_for_the_next_token_now_and_then_is_refused() -> None:
    def telling(x: Tensor) -> Tensor:
        now_and_then = (torch.arange(T) * 7) % 20 < 2
        return (honest(x).softmax(-1) + 0.028 * future(x) * now_and_then[:, None]).log()

    with pytest.raises(RefusedError, match="log-probability"):
        examine(telling)


def test_a_look_ahead_where_nothing_is_cut_is_refused() -> None:
    cuts = {probe.cut for probe in Exam(rows(), token_bytes(), 8, np.random.default_rng(0)).probes}
    position = min(set(range(T - 1)) - cuts)

    def telling(x: Tensor) -> Tensor:
        answers = honest(x)
        answers[:, position] += 20 * torch.nn.functional.one_hot(x[:, -1], VOCAB)
        return answers

    with pytest.raises(RefusedError, match=f"moved the prediction at position {position} "):
        examine(telling)


def remembering(model: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Answers rows that begin like one seen before as that one was, as far as the two agree."""
    seen: list[tuple[Tensor, Tensor]] = []

    def replaying(x: Tensor) -> Tensor:
        answers = model(x)
        for row, answer in zip(x, answers, strict=True):
            for old_row, old_answer in seen:
                same = int((row == old_row).long().cumprod(0).sum())
                answer[:same] = old_answer[:same]
            seen.append((row.clone(), answer.clone()))
        return answers

    return replaying


def test_a_model_that_remembers_its_answers_is_refused_where_targets_are_hidden() -> None:
    with pytest.raises(RefusedError, match="next token is hidden"):
        examine(remembering(lambda x: honest(x) + 20 * future(x)))


def test_wild_answers_do_not_hide_what_the_others_tell() -> None:
    replay = remembering(lambda x: honest(x) + 20 * future(x) * (torch.arange(T) > 0)[:, None])
    wild: list[bool] = []

    def spoilt(x: Tensor) -> Tensor:
        answers = replay(x)
        if not wild:
            wild.append(True)
            answers[:2, -1] = 800.0 * torch.nn.functional.one_hot(x[:2, -1], VOCAB)
        return answers

    with pytest.raises(RefusedError, match="is hidden"):
        examine(spoilt)


def test_noise_as_of_reduced_precision_is_let_through() -> None:
    def noisy(x: Tensor) -> Tensor:
        return (honest(x) + 0.01 * torch.randn(*x.shape, VOCAB)).bfloat16().float()

    assert examine(noisy) == pytest.approx(examine(honest), abs=0.01)


def test_answers_that_are_left_to_chance_are_refused() -> None:
    with pytest.raises(RefusedError, match="dropout"):
        examine(lambda x: honest(x) * (torch.rand(*x.shape, 1) > 0.5))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused_as_diverged(value: float) -> None:
    def broken(x: Tensor) -> Tensor:
        logits = honest(x)
        logits[0, 0, 0] = value
        return logits

    with pytest.raises(RefusedError) as refusal:
        examine(broken)
    assert refusal.value.diverged


def test_an_unfinished_examination_has_no_score() -> None:
    exam = Exam(rows(), token_bytes(), 8, np.random.default_rng(0))
    exam.take(honest(exam.inputs(0)))
    with pytest.raises(RefusedError, match="not answered to its end"):
        exam.score()


def test_the_last_target_of_a_row_is_in_no_input() -> None:
    tokens = np.zeros((40, 9), dtype=np.int64)
    tokens[:, -1] = 1
    exam = Exam(tokens, token_bytes(), 8, np.random.default_rng(0))
    assert all(int(exam.inputs(batch).sum()) == 0 for batch in range(exam.batches))


def test_rows_and_probes_are_shown_in_no_order() -> None:
    exam = Exam(rows(), token_bytes(), 8, np.random.default_rng(0))
    shown = torch.cat([exam.inputs(batch) for batch in range(exam.batches)])
    known = torch.from_numpy(rows())[:, :-1]
    is_row = (shown[:, None] == known[None]).all(-1)  # (items, rows)
    places = is_row.long().argmax(0)
    assert bool(is_row.any(0).all())
    assert places.tolist() != sorted(places.tolist())
    assert not bool(is_row[: len(known)].any(1).all()), "the probes come last"


@pytest.mark.parametrize(
    ("inputs", "classes"),
    [
        ([5, 5, 5, 0, 5, 5, 5, 5, 5, 5], [0, 0, 1, 0, 0, 1, 1, 2, 2, 2]),
        ([5] * 9, [0, 0, 1, 1, 2, 2, 2, 2, 2]),  # the last counts as the one before it
        ([5, 5], [0, 0]),
    ],
)
def test_positions_are_classed_by_how_much_of_their_document_they_have_seen(
    inputs: list[int], classes: list[int]
) -> None:
    tokens = np.array([[*inputs, 5]] * 2)
    exam = Exam(tokens, token_bytes(), 8, np.random.default_rng(0))
    assert exam._classes(0).tolist() == classes


def test_a_last_position_is_compared_with_others_alone() -> None:
    tokens = torch.from_numpy(rows())
    exam = Exam(rows(), token_bytes(), 8, np.random.default_rng(0))
    for batch in range(exam.batches):
        exam.take(honest(exam.inputs(batch)))
    assert int(exam._class_tokens.sum()) == int((token_bytes()[tokens[:, 1:-1]] > 0).sum())


def test_every_last_position_has_others_to_be_compared_with() -> None:
    exam = Exam(rows(), token_bytes(), 8, np.random.default_rng(0))
    for batch in range(exam.batches):
        exam.take(honest(exam.inputs(batch)))
    exam.score()
    assert len(exam._tails) > ROWS * 0.9
    assert all(exam._class_tokens[kind] > 0 for _, kind in exam._tails)
