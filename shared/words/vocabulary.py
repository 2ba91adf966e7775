"""The field's names for things: which phrase means which parameter, value, scope or action.

Each line of a table is `meaning: phrase, phrase, …`. Phrases are compared in the form that
`shared.words.lexer.plain` gives (lower case, singular, `-ize`, no hyphens or underscores), so that
`EMBEDDING_LR`, `embedding-LR` and `embedding lr` are one phrase. The longest phrase wins.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from shared.words import actions, parameters, parts, techniques
from shared.words.lexer import plain

if TYPE_CHECKING:
    from shared.words.starts import Starts

Kind = Literal[
    "head", "mod", "value", "up", "down", "on", "off", "replace", "instead", "from", "to", "by",
    "more", "fewer", "factor", "why", "sep", "fill", "decay", "headup", "headdown", "headoff",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What a phrase means; `name` is the parameter, value, modifier or factor."""

    kind: Kind
    name: str


class Vocabulary:
    """Phrases and their meanings, extended by the constants of one campaign's `train.py`.

    Args:
        phrases: each in the form that `plain` gives.
        starts: what the parameters of the program are before the change, where that is known.
    """

    def __init__(self, phrases: Mapping[str, Entry], starts: "Starts | None" = None) -> None:
        self._phrases = phrases
        self.starts: Starts = starts or {}
        self._longest: dict[str, int] = {}
        for phrase in phrases:
            first, *rest = phrase.split()
            self._longest[first] = max(self._longest.get(first, 0), 1 + len(rest))

    def find(self, words: list[str], start: int) -> tuple[Entry, int] | None:
        """The longest phrase that begins at `start`, and its number of words."""
        for length in range(min(self._longest.get(words[start], 0), len(words) - start), 0, -1):
            entry = self._phrases.get(" ".join(words[start : start + length]))
            if entry is not None:
                return entry, length
        return None

    def with_constants(self, names: Iterable[str]) -> "Vocabulary":
        """This vocabulary and every constant name that it cannot already read as a parameter."""
        learned = {}
        for name in names:
            words = [word for word in plain(name.replace(".", " ")).split() if word]
            if words and not self._reads_as_parameter(words):
                learned[" ".join(words)] = Entry("head", "_".join(words))
        return Vocabulary({**learned, **self._phrases}, self.starts) if learned else self

    def with_starts(self, starts: "Starts") -> "Vocabulary":
        """This vocabulary for changes of a program in which the parameters have these values."""
        return Vocabulary(self._phrases, starts)

    def _reads_as_parameter(self, words: list[str]) -> bool:
        position, has_head = 0, False
        while position < len(words):
            found = self.find(words, position)
            if found is None or found[0].kind not in {"head", "mod", "value", "fill"}:
                return False
            has_head |= found[0].kind == "head"
            position += found[1]
        return has_head


def _entries() -> dict[str, Entry]:
    tables: tuple[tuple[Kind, str], ...] = (
        ("fill", actions.FILL),
        ("mod", parts.MODIFIERS),
        ("value", techniques.NAMED_SETTINGS),
        ("value", parts.VALUES),
        ("head", techniques.TECHNIQUES),
        ("head", parameters.HEADS),
        ("headup", parts.BIGGER),
        ("headdown", parts.SMALLER),
        ("headoff", parts.WITHOUT),
        ("up", actions.UP),
        ("down", actions.DOWN),
        ("on", actions.ON),
        ("off", actions.OFF),
        ("replace", actions.REPLACE),
        ("instead", actions.INSTEAD),
        ("from", actions.FROM),
        ("to", actions.TO),
        ("by", actions.BY),
        ("more", actions.MORE),
        ("fewer", actions.FEWER),
        ("factor", actions.FACTORS),
        ("why", actions.WHY),
        ("sep", actions.SEPARATORS),
        ("decay", actions.DECAY),
    )
    entries: dict[str, Entry] = {}
    for kind, table in tables:
        for line in table.strip().splitlines():
            name, _, phrases = line.partition(":")
            for phrase in phrases.split(","):
                entries[plain(phrase)] = Entry(kind, name.strip())
    return entries


DEFAULT_VOCABULARY = Vocabulary(MappingProxyType(_entries()))
