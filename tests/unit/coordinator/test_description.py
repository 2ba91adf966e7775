"""What a claim's description costs is bounded, whatever the base is."""

from itertools import product

from coordinator.dedup.description import MAX_STARTS, vocabulary_on
from shared.constants import read_constants
from shared.words import DEFAULT_VOCABULARY


def test_where_constants_start_is_read_of_the_first_ones_alone():
    names = ["".join(letters) for letters in product("bcdfg", "aeiou", "bcdfg", "aeiou")]
    base = "\n".join(f"{name.upper()} = {n}" for n, name in enumerate(names))
    vocabulary = DEFAULT_VOCABULARY.with_constants(read_constants(base))
    assert len(names) > 3 * MAX_STARTS
    assert len(vocabulary_on(vocabulary, base).starts) == MAX_STARTS
