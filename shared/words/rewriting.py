"""Rules that write one way of saying something in another."""

import re
from collections.abc import Callable, Iterable

Replacement = str | Callable[[re.Match[str]], str]
# What a text must hold for the pattern to be tried, the pattern, and what it becomes.
Rewrite = tuple[str, re.Pattern[str], Replacement]


def compiled(*rules: tuple[str, str, Replacement]) -> tuple[Rewrite, ...]:
    """The rules with their patterns compiled."""
    return tuple((needle, re.compile(pattern), becomes) for needle, pattern, becomes in rules)


def rewritten(text: str, rules: Iterable[Rewrite]) -> str:
    """The text after each of the rules, in their order."""
    for needle, pattern, becomes in rules:
        if needle in text:
            text = pattern.sub(becomes, text)
    return text
