"""What comes first and what later: `short documents first, long ones later`."""

import re
from functools import lru_cache

_WORD = re.compile(r"[a-z0-9.*^%]*[a-z0-9%]")
_SMALL = frozenset(
    {
        "the", "a", "an", "of", "to", "for", "on", "in", "by", "at", "is", "are", "be", "and", "or",
        "with", "it", "its", "that", "this", "as", "from", "use", "we", "i", "all", "each", "every",
        "one", "ones", "them", "they", "first", "then", "before", "after", "afterwards", "later",
        "second", "end", "apply", "start", "begin", "training", "run",
    }
)  # fmt: skip
_CLAUSE = re.compile(r",|;|\band\b|\bthen\b|\bbut\b|:")
_FIRST = re.compile(
    r"\b(?:first|initially|to begin with)\b(?![ -](?:layer|block|moment|half|third|quarter|\d|few))"
    r"|\bbegin(?:s|ning)? with\b"
)
_THEN = re.compile(
    r",? (?:and )?then |, later | followed by | before (?!now|it |the residual|each )"
)
_AFTER = re.compile(r" after(?:wards)? ")
_FROM_TO = re.compile(r"\bfrom (.+?) to (.+)")
# In all that the patterns find; to look for these is ten times faster.
_TELLING = (
    *("first", "initially", "begin", "then ", ", later ", " followed by ", " before "),
    *(" after", "from "),
)
_ENDINGS = re.compile(r"(?:est|er|s|ed|ing)$")


def is_reversed(a: str, b: str) -> bool:
    """Whether what one text puts first the other puts last, and the other way round."""
    one = _order(a)
    other = _order(b) if one is not None else None
    if one is None or other is None:
        return False
    return bool(one[0] & other[1] - other[0]) and bool(one[1] & other[0] - one[0])


@lru_cache(maxsize=4_096)
def _order(text: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """The words of what comes earlier and of what comes later, if the text says an order."""
    if not any(each in text for each in _TELLING):
        return None
    if _FIRST.search(text):  # in few; to cut all into clauses would take as long as the rest
        clauses = _CLAUSE.split(text)
        opening = next((each for each in clauses if _FIRST.search(each)), None)
        if opening is not None and len(clauses) > 1:
            rest = " ".join(each for each in clauses if each is not opening)
            return _words(opening), _words(rest)
    for pattern, sign in ((_THEN, 1), (_AFTER, -1)):
        sides = pattern.split(text, maxsplit=1)
        if len(sides) == 2:
            earlier, later = sides[::sign]
            return _words(earlier), _words(later)
    if match := _FROM_TO.search(text):
        return _words(match[1]), _words(match[2])
    return None


def _words(text: str) -> frozenset[str]:
    stems = (_ENDINGS.sub("", word) if len(word) > 4 else word for word in _WORD.findall(text))
    return frozenset(stems) - _SMALL
