"""Two texts of one mould: what stands in the same place of both is what they differ in.

`filter the documents with the highest ratio` and `… the lowest ratio` are alike in every word but
one, and for that very reason two experiments. The more two texts are alike, the more it counts what
one has in place of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True)
class Mould:
    """How two sequences of words fit into each other.

    Attributes:
        likeness: 0 to 1, the share of the words that both have in the same order.
        fillings: places where one has words in place of the other's.
        additions: words that only one has, and nothing in their place.
        is_swapped: the same words in another order.
    """

    likeness: float
    fillings: int
    additions: int
    is_swapped: bool


def mould_of(a: Sequence[str], b: Sequence[str]) -> Mould:
    """How two sequences of words fit into each other."""
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    steps = matcher.get_opcodes()
    return Mould(
        likeness=matcher.ratio(),
        fillings=sum(what == "replace" for what, *_ in steps),
        additions=sum(
            i_end - i + j_end - j
            for what, i, i_end, j, j_end in steps
            if what in {"insert", "delete"}
        ),
        is_swapped=a != b and sorted(a) == sorted(b),
    )
