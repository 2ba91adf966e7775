"""From tokens to items: phrases with a meaning, numbers and marks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from shared.words.lexer import Token, tokens
from shared.words.numbers import PARTS, Quantity
from shared.words.vocabulary import Vocabulary

Kind = Literal[
    "head", "mod", "value", "up", "down", "on", "off", "replace", "instead", "from", "to", "by",
    "more", "fewer", "factor", "why", "sep", "fill", "decay", "headup", "headdown", "headoff",
    "quantity", "arrow", "equal", "stop", "colon", "open", "close", "unknown",
]  # fmt: skip
NAMING = frozenset({"head", "value", "headup", "headdown", "headoff"})
WAYS = frozenset({"up", "down", "more", "fewer", "headup", "headdown"})
ACTING = frozenset(
    {"up", "down", "on", "off", "replace", "factor", "decay", "more", "fewer"}
    | {"headup", "headdown", "headoff"}
)
_MARKS: dict[str, Kind] = {
    ";": "stop", ".": "stop", "-": "stop", "--": "stop", ":": "colon", "(": "open", "[": "open",
    ")": "close", "]": "close", "=": "equal", ",": "sep", "+": "sep", "&": "sep", "/": "sep",
}  # fmt: skip

_ARTICLES = frozenset({"the", "a", "an", "all", "its", "our", "every", "each"})
_PREPOSITIONS = frozenset({"of", "for", "on", "in", "on the", "of the", "during", "over", "to"})


@dataclass(frozen=True, slots=True)
class Item:
    """A phrase with its meaning, a number, or a mark."""

    kind: Kind
    name: str
    text: str
    quantity: Quantity | None = None


@dataclass(slots=True)
class Segment:
    """Items that together state one change."""

    items: list[Item] = field(default_factory=list)

    def has(self, kinds: frozenset[str] | set[str]) -> bool:
        """Whether an item of one of these kinds is in it."""
        return any(item.kind in kinds for item in self.items)

    @property
    def is_complete(self) -> bool:
        """Whether it names something and says what becomes of it."""
        return self.has(NAMING) and (self.has(ACTING) or self.has({"quantity", "value"}))

    @property
    def is_exact(self) -> bool:
        """Whether it says exactly what becomes of what it names."""
        is_named = any(
            item.kind == "value" and not item.name.startswith("optimizer.") for item in self.items
        )
        acts = self.has({"head"}) and self.has({"on", "off"})
        return self.has(NAMING) and (is_named or acts or self.has({"quantity", "factor"}))

    @property
    def is_vague(self) -> bool:
        """Whether it says no more than a direction."""
        acts = {item.kind for item in self.items} & (ACTING | WAYS | {"quantity", "value"})
        return bool(acts) and acts <= WAYS


def read_items(text: str, vocabulary: Vocabulary) -> list[Item]:
    """The phrases, numbers and marks of a hypothesis."""
    items: list[Item] = []
    found = tokens(text)
    words = [token.text if token.kind == "word" else "" for token in found]
    position = 0
    while position < len(found):
        token = found[position]
        if token.kind != "word":
            items.append(_mark(token))
            position += 1
            continue
        entry = vocabulary.find(words, position)
        if entry is None:
            items.append(_unknown(token.text))
            position += 1
            continue
        meaning, length = entry
        text_of = " ".join(words[position : position + length])
        quantity = None
        if meaning.kind == "factor":
            quantity = Quantity(value=float(meaning.name), kind="factor")
        items.append(Item(meaning.kind, meaning.name, text_of, quantity))
        position += length
    return items


def follows_preposition(before: Sequence[Item]) -> bool:
    """Whether what comes next only says where: `dropout of 0.1 on the embeddings`."""
    last = next(
        (i for i in reversed(before) if i.kind != "quantity" and i.text not in _ARTICLES), None
    )
    return last is not None and (last.text in _PREPOSITIONS or last.kind == "equal")


def is_part(item: Item) -> bool:
    """Whether a quantity was written as `half`, `a third`, ….

    Such a word scales the parameter that follows it: `half the batch size`.
    """
    first, *rest = item.text.split()
    # "two hundredths" is a number, "two thirds" a share
    is_decimal = bool(rest) and rest[-1] in {"tenth", "hundredth", "thousandth"}
    return item.quantity is not None and not is_decimal and (rest or [first])[-1] in PARTS


def names_more(rest: Sequence[Item]) -> bool:
    """Whether what follows names a parameter or a setting."""
    return any(item.kind in {"head", "value"} for item in rest)


def opens_pair(rest: Sequence[Item]) -> bool:
    """Whether a number is the first of `8 -> 10` or `8 to 10`."""
    if not rest:
        return False
    is_to = rest[0].text in {"to", "up to", "down to"}
    return rest[0].kind == "arrow" or (is_to and any(item.kind == "quantity" for item in rest))


def _mark(token: Token) -> Item:
    if token.kind == "quantity":
        return Item("quantity", "", token.text, token.quantity)
    if token.kind == "arrow":
        return Item("arrow", "", "->")
    return Item(_MARKS.get(token.text, "stop"), "strong", token.text)


def _unknown(word: str) -> Item:
    if word.startswith("pattern") and word.endswith("q"):
        return Item("value", f"window_pattern.{word[7:-1]}", word)
    return Item("unknown", word, word)
