import pytest

from worker.proposers.space import search_space, written


def knob_of(line: str):
    name = line.partition(" ")[0]
    return search_space(f"{line}\n").get(name)


def test_a_learning_rate_moves_on_a_log_scale_around_its_value():
    knob = knob_of("MATRIX_LR = 0.04")
    assert knob.is_log
    assert knob.low < 0.04 < knob.high
    assert knob.high / 0.04 == pytest.approx(0.04 / knob.low)


def test_a_share_stays_between_zero_and_one():
    knob = knob_of("WARMDOWN_RATIO = 0.95")
    assert 0 <= knob.low < 0.95 < knob.high <= 1


def test_a_share_of_zero_can_only_grow():
    knob = knob_of("WARMUP_RATIO = 0.0")
    assert knob.low == 0
    assert 0 < knob.high < 1


def test_a_decay_rate_never_reaches_one():
    knob = knob_of("ADAM_BETA2 = 0.95")
    assert 0.85 <= knob.low < 0.95 < knob.high < 1


def test_a_size_that_is_a_power_of_two_halves_or_doubles():
    assert knob_of("TOTAL_BATCH_SIZE = 2**18").choices == (2**17, 2**18, 2**19)


def test_depth_grows_by_a_quarter_at_most():
    assert max(knob_of("DEPTH = 8").choices) == 10
    assert knob_of("DEPTH = 1").choices == (1, 2)


def test_a_count_that_happens_to_be_a_power_of_two_is_no_size():
    assert max(knob_of("ASPECT_RATIO = 64").choices) == 80


@pytest.mark.parametrize(
    "line",
    [
        "PEAK = 0.0",
        'PATTERN = "SSSL"',
        "COMPILE = True",
        "BETAS = (0.8, 0.95)",
        "OFFSET = -1",
        "NOTHING = None",
        "BUDGET = 300  # fixed: decides what compares",
        "MATRIX_LR = 0.04  # Fixed by the campaign",
    ],
)
def test_what_has_no_sensible_range_is_left_alone(line):
    assert knob_of(line) is None


def test_a_comment_may_list_the_choices_of_a_text():
    assert knob_of('ACTIVATION = "relu"  # one of: relu, gelu, silu').choices == (
        *("relu", "gelu", "silu"),
    )


def test_a_comment_may_free_a_switch():
    assert knob_of("TIE = False  # one of: True, False").choices == (False, True)


def test_values_are_written_as_a_person_would():
    assert written(knob_of("MATRIX_LR = 0.04"), 0.0523456, "0.04") == 0.052
    assert written(knob_of("ADAM_BETA2 = 0.95"), 0.96234, "0.95") == 0.962
    assert written(knob_of("TOTAL_BATCH_SIZE = 2**18"), 2**17, "2**18") == "2**17"
    assert written(knob_of("TOTAL_BATCH_SIZE = 64"), 32, "64") == 32
