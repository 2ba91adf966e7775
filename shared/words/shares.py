"""How much, in words: `a third`, `twice`, `sixty five percent of the run`."""

import re
from collections.abc import Callable

from shared.words.numbers import PARTS, WORDS

_LONGEST_FIRST = sorted((word for word in WORDS if word != "zero"), key=len, reverse=True)
PART = "|".join(sorted(PARTS, key=len, reverse=True))
COUNT = rf"(?:{'|'.join(_LONGEST_FIRST)}|\d++)"  # possessive: no digits are tried apart
SHARE = (
    rf"(?:(?:an? |one |(?:{COUNT}[ -]?)+ )?(?:{PART})s?|(?:{COUNT}[ -]?)+percent"
    r"|[\d.]+ ?%|0?\.\d+)(?!\w)"
)
MANY = rf"(?:twice|double|half|[\d.]+ times|(?:{COUNT}[ -]?)+ times|{SHARE})"
OF_TIME = (
    r"(?: (?:of|into) (?:the |all |its |our )?(?:whole |entire |total |time |five )?"
    r"(?:run|training|time|budget|steps|schedule|minutes)(?: time| budget| steps)?)?"
)
SHOULD = r"(?:,? (?:should|could|must|would|shall|to|will|only|just|all|then|now|still|go|let))*"


def number(text: str) -> float:
    """`twice` is 2, `two thirds` 0.667, `ten times` 10, `5%` 0.05."""
    words = text.replace("-", " ").removesuffix("percent").removesuffix("%").split()
    part = PARTS.get(words[-1].removesuffix("s"), PARTS.get(words[-1]))
    if part is not None:
        return part * (_sum(words[:-1]) or 1.0)
    if words[0] in {"twice", "double"}:
        return 2.0
    is_percent = text.endswith(("%", "percent"))
    return _sum([word for word in words if word != "times"]) / (100 if is_percent else 1)


def _sum(words: list[str]) -> float:
    """`sixty five` is 65; articles count nothing."""
    return sum(
        float(word) if word[0].isdigit() or word[0] == "." else WORDS.get(word, word == "one")
        for word in words
    )


def times(name: str, group: int = 1) -> Callable[[re.Match[str]], str]:
    """What becomes of `twice as …`: what is named, by a factor."""
    return lambda match: f"{name} by a factor of {number(match[group]):.6g}"


def seconds(text: str) -> str:
    """What it is; in figures, if it is a time."""
    if not text.endswith("seconds"):
        return text
    return f"{number(text.removesuffix('seconds').strip(' -')):g} seconds"
