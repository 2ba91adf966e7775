"""Patterns of attention windows that are told: `seven short layers and then one long`."""

import re

from shared.words.amounts import count_of
from shared.words.rewriting import compiled

_COUNT = r"(\d|one|two|three|four|five|six|seven|eight|a|an)"
_SHORT = r"(?:short|sliding|local|s)(?:[- ]window)?"
_LONG = r"(?:long|full|global|l)(?:[- ](?:window|context|attention))?"
_LAYERS = r"(?: (?:layers?|windows?|blocks?|ones?))?"
_SHORT_THEN_LONG = (
    rf"\b{_COUNT} {_SHORT}{_LAYERS}(?:,? (?:and |followed by )?(?:then )?|, ?)"
    rf"{_COUNT} {_LONG}{_LAYERS}\b"
)
_SHORT_PER_LONG = (
    rf"\b{_COUNT} {_SHORT}{_LAYERS} (?:per|for each|for every|to each|to every|to|against)"
    rf"(?: (?:one|a|each|every|1))? {_LONG}{_LAYERS}\b"
)
_ALTERNATE = (
    rf"\balternat\w+ (?:(?:one|a|between) )?{_SHORT} and (?:(?:one|a) )?{_LONG}{_LAYERS}\b"
    r"(?:, short (?:ones? )?first)?"
    rf"|\b{_SHORT} and {_LONG}{_LAYERS} (?:alternate|in turn|taking turns)\b"
)


def _pattern(match: re.Match[str]) -> str:
    """`seven short layers and then one long` is the pattern SSSSSSSL."""
    long = count_of(match[2]) if match.re.groups > 1 else 1
    return f" window pattern pattern{'s' * count_of(match[1])}{'l' * long}q "


WINDOWS = compiled(
    ("long", _SHORT_THEN_LONG, _pattern),
    ("full", _SHORT_THEN_LONG, _pattern),
    ("short", _SHORT_PER_LONG, _pattern),
    ("alternat", _ALTERNATE, " window pattern patternslq "),
)
