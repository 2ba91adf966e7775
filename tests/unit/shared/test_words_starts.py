"""What a program starts from joins what is said of a change in two ways."""

import pytest

from shared.words import DEFAULT_VOCABULARY, REFERENCE_VOCABULARY, decide, parse_hypothesis
from shared.words.hypotheses import starting_from

PROGRAM = starting_from(
    ["MATRIX_LR = 0.06", "DEPTH = 6", "ADAM_BETAS = (0.8, 0.95)", "n_embd = 384"],
    DEFAULT_VOCABULARY,
)


def is_same(one, other, vocabulary=PROGRAM):
    return decide(
        parse_hypothesis(one, vocabulary), parse_hypothesis(other, vocabulary)
    ).is_duplicate


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("halve the matrix LR", "MATRIX_LR = 0.03"),
        ("MATRIX_LR x1.5", "raise the Muon learning rate to 0.09"),
        ("one more layer", "DEPTH 7"),
        ("betas (0.8, 0.99)", "AdamW beta2 0.99"),
        ("depth 8 at width 384", "8 layers"),
    ],
)
def test_a_step_and_where_it_ends_are_one_change(one, other):
    assert is_same(one, other)
    assert not is_same(one, other, DEFAULT_VOCABULARY)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("halve the matrix LR", "MATRIX_LR = 0.02"),
        ("one more layer", "DEPTH 8"),
        ("depth 8 at width 384", "depth 8 at width 512"),
    ],
)
def test_another_end_is_another_change(one, other):
    assert not is_same(one, other)


def test_each_program_starts_from_its_own():
    assert is_same("halve the matrix LR", "MATRIX_LR = 0.02", REFERENCE_VOCABULARY)
    assert not is_same("halve the matrix LR", "MATRIX_LR = 0.02", PROGRAM)


def test_what_changes_nothing_is_still_a_hypothesis():
    (atom,) = parse_hypothesis("DEPTH = 6", PROGRAM).atoms
    assert (atom.parameter, atom.new[0].value) == ("depth", 6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "every LR x0.8",
            "EMBEDDING_LR 0.48, UNEMBEDDING_LR 0.0032, MATRIX_LR 0.032, SCALAR_LR 0.4",
        ),
        ("short window = seq_len // 4", "S layers see 512 tokens back"),
        ("MLP ratio 3", "mlp hidden 2048 -> 1536"),
        ("1 - beta2 = 0.01", "AdamW beta2 0.99"),
        ("MATRIX_LR *= sqrt(2)", "Muon LR 0.0566"),
        ("begin the decay at 35% of the run", "WARMDOWN_RATIO = 0.65"),
        ("five percent dropout", "dropout 0.05"),
        ("RoPE theta 1e5, ten times the present one", "rope base 10_000 -> 100_000"),
        ("no sliding windows", 'WINDOW_PATTERN = "L"'),
        ("GQA 2:1", "two query heads share each KV head"),
    ],
)
def test_numbers_are_read_in_the_ways_they_are_written(one, other):
    assert is_same(one, other, REFERENCE_VOCABULARY)
