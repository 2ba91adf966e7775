"""Two texts of one mould: what stands in the same place of both is what they differ in.

`filter the documents with the highest ratio` and `… the lowest ratio` are alike in every word but
one, and for that very reason two experiments. The more two texts are alike, the more it counts what
one has in place of the other.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from shared.words.numbers import NUMBER

_NUMBER = re.compile(
    r"\b(?:arxiv|exp|experiment)[\s_#:-]*\d[\d.]*"  # says which, not how much
    rf"|(?P<product>(?:{NUMBER})(?:\s?(?:\*|/|<<|\^|x)+\s?(?:{NUMBER}))+)"  # 2**18 is 4**9
    rf"|(?P<number>{NUMBER})"
)
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Mould:
    """How two sequences of words fit into each other.

    Attributes:
        likeness: 0 to 1, the share of the words that both have in the same order.
        fillings: places where one has words in place of the other's.
        additions: words that only one has, and nothing in their place.
    """

    likeness: float
    fillings: int
    additions: int


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
    )


def other_numbers(a: str, b: str) -> str:
    """Which numbers two texts have that are the same in every word, or ""."""
    if a == b or _starts_otherwise(a, b):
        return ""
    (words, numbers), (others, other) = _without_numbers(a), _without_numbers(b)
    if words != others:
        return ""
    only, only_other = Counter(numbers) - Counter(other), Counter(other) - Counter(numbers)
    return " against ".join(
        ", ".join(f"{number:g}" for number in sorted(each)) for each in (only, only_other) if each
    )


def _starts_otherwise(a: str, b: str) -> bool:
    """Whether a word before the first number differs: nearly always enough to tell."""
    if a[:1] != b[:1] and not (a[:1].isdigit() and b[:1].isdigit()):
        return True
    return _DIGIT.split(a, maxsplit=1)[0] != _DIGIT.split(b, maxsplit=1)[0]


@lru_cache(maxsize=4_000)
def _without_numbers(text: str) -> tuple[str, tuple[float, ...]]:
    """The words, and the numbers apart from those that only name something, and from products."""
    found = (match["number"] for match in _NUMBER.finditer(text))
    numbers = tuple(float(each.replace(",", "")) for each in found if each)
    return _NUMBER.sub(lambda match: "#*" if match["product"] else "#", text), numbers
