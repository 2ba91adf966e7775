import pytest

from shared.constants import (
    ConstantValueError,
    UnknownConstantError,
    override_constants,
    read_constants,
)
from shared.sources import SourceError

PROGRAM = '''"""A program — with a dash, so that bytes and characters differ."""
import torch

# Model
DEPTH = 8  # layers
ASPECT_RATIO: int = 64
WINDOW_PATTERN = "SSSL"  # é: sliding, sliding, sliding, long
TOTAL_BATCH_SIZE = (2**19)  # tokens
ADAM_BETAS = (0.8, 0.95)
LRS = [1e-2, 4e-2]; EMBEDDING_LR = 0.6
USE_EMA = True
SEED = None
WIDTH = DEPTH * ASPECT_RATIO
TWICE = 1
TWICE = 2
HUGE = 9**9**9
lower = 3
if USE_EMA:
    NESTED = 1


def train():
    INNER = 5
    return INNER
'''


def test_constants_are_module_level_upper_case_and_constant():
    constants = read_constants(PROGRAM)
    assert {name: constant.value for name, constant in constants.items()} == {
        "DEPTH": 8,
        "ASPECT_RATIO": 64,
        "WINDOW_PATTERN": "SSSL",
        "TOTAL_BATCH_SIZE": 524288,
        "ADAM_BETAS": (0.8, 0.95),
        "LRS": [0.01, 0.04],
        "EMBEDDING_LR": 0.6,
        "USE_EMA": True,
        "SEED": None,
    }
    assert constants["TOTAL_BATCH_SIZE"].text == "2**19"
    assert constants["WINDOW_PATTERN"].text == '"SSSL"'
    assert constants["DEPTH"].line == 5


def test_an_override_replaces_the_right_hand_side_and_nothing_else():
    changed = override_constants(
        PROGRAM,
        {
            "DEPTH": 4,
            "TOTAL_BATCH_SIZE": "2**14",
            "WINDOW_PATTERN": "L",
            "EMBEDDING_LR": 0.3,
            "USE_EMA": False,
            "ADAM_BETAS": (0.9, 0.99),
        },
    )
    expected = (
        PROGRAM.replace("DEPTH = 8 ", "DEPTH = 4 ")
        .replace("(2**19)", "(2**14)")
        .replace('"SSSL"', "'L'")
        .replace("EMBEDDING_LR = 0.6", "EMBEDDING_LR = 0.3")
        .replace("USE_EMA = True", "USE_EMA = False")
        .replace("(0.8, 0.95)", "(0.9, 0.99)")
    )
    assert changed == expected


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_endings_survive_an_override(newline):
    source = newline.join(["é = 1", "DEPTH = 8  # é", "LR = 1e-2", ""])
    assert override_constants(source, {"LR": "2e-2", "DEPTH": 9}) == newline.join(
        ["é = 1", "DEPTH = 9  # é", "LR = 2e-2", ""]
    )


def test_an_empty_override_changes_nothing():
    assert override_constants(PROGRAM, {}) == PROGRAM


@pytest.mark.parametrize("name", ["DEPHT", "WIDTH", "TWICE", "HUGE", "NESTED", "INNER", "lower"])
def test_an_unknown_constant_is_refused_with_the_known_ones(name):
    with pytest.raises(UnknownConstantError) as refusal:
        override_constants(PROGRAM, {name: 1})
    assert name in str(refusal.value)
    assert "ASPECT_RATIO" in str(refusal.value)
    assert "DEPTH" in refusal.value.known


@pytest.mark.parametrize(
    "value",
    ["", "DEPTH", "f()", "1; import os", "1\n2", "9**9**9", "8 8", float("nan"), [float("inf")]],
    ids=repr,
)
def test_what_is_not_a_constant_cannot_be_written(value):
    with pytest.raises(ConstantValueError):
        override_constants(PROGRAM, {"DEPTH": value})


def test_a_broken_program_has_no_constants():
    with pytest.raises(SourceError):
        read_constants("DEPTH = (")
