"""What a claim's description costs is bounded, whatever the base is."""

from itertools import product

from coordinator.dedup.description import MAX_STARTS, START_CHARACTERS, vocabulary_on
from shared.constants import read_constants
from shared.words import DEFAULT_VOCABULARY


def test_where_constants_start_is_read_of_the_first_ones_alone():
    names = ["".join(letters) for letters in product("bcdfg", "aeiou", "bcdfg", "aeiou")]
    base = "\n".join(f"{name.upper()} = {n}" for n, name in enumerate(names))
    vocabulary = DEFAULT_VOCABULARY.with_constants(read_constants(base))
    assert len(names) > 3 * MAX_STARTS
    assert len(vocabulary_on(vocabulary, base).starts) == MAX_STARTS


def test_where_a_constant_starts_is_not_looked_for_in_an_essay():
    number = "0.04".ljust(START_CHARACTERS, "0")
    for text, is_read in (("0.04", True), (number, False)):
        base = f"MATRIX_LR = {text}\n"
        vocabulary = DEFAULT_VOCABULARY.with_constants(read_constants(base))
        assert bool(vocabulary_on(vocabulary, base).starts) is is_read
