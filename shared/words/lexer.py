"""From prose to tokens: numbers, arrows, punctuation and plain words."""

import re
import sys
from dataclasses import dataclass
from typing import Literal

from shared.words.numbers import (
    PARTS,
    QUANTITY,
    SCALE_WORDS,
    TENS,
    WORDS,
    Quantity,
    read_quantity,
)
from shared.words.spellings import normalize

_PATTERN = re.compile(r"[\"']([SLM]{1,16})[\"']|\b([SLM]{2,16})\b")
_TOKEN = re.compile(
    rf"(?P<arrow>->)|(?P<quantity>{QUANTITY.pattern})|(?P<word>[a-z][a-z0-9]*)"
    r"|(?P<mark>[;:()\[\],+&=]|\.(?=\s|$)|\s-+\s|\s/\s(?!\d))",
    re.VERBOSE,
)
_KEEP_S = frozenset(
    {
        "bias", "loss", "less", "pass", "this", "is", "was", "has", "does", "its", "across", "plus",
        "versus", "bos", "eos", "minus", "thus", "as", "gas", "bus", "focus", "axis", "basis", "ns",
        "class",
        "process", "press", "cross", "gauss", "adamas", "towards", "always",
    }
)  # fmt: skip
_UNITS = {"one": 1.0, **{word: value for word, value in WORDS.items() if 0 < value < 10}}
_SPOKEN = frozenset(WORDS) | {f"{ten} {unit}" for ten in TENS for unit in _UNITS}
_ROUND = (" hundred", " thousand")
_ORDINAL_CONTEXT = frozenset({"first", "second", "last", "every", "other"})  # no fractions


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a hypothesis: a number, an arrow, a mark or a word."""

    kind: Literal["quantity", "arrow", "mark", "word"]
    text: str
    quantity: Quantity | None = None


def plain(text: str) -> str:
    """A phrase in the spelling that the vocabulary is kept in."""
    return " ".join(_singular(word) for word in re.findall(r"[a-z0-9]+", normalize(text)))


def tokens(text: str) -> list[Token]:
    """The tokens of a hypothesis, in order."""
    found: list[Token] = []
    for match in _TOKEN.finditer(normalize(_PATTERN.sub(_name_pattern, text))):
        if match["arrow"]:
            found.append(Token("arrow", "->"))
        elif match["quantity"]:
            found.append(Token("quantity", match["quantity"], read_quantity(match)))
        elif match["word"]:
            # The same few thousand words come up in every hypothesis that is kept in memory.
            found.append(Token("word", sys.intern(_singular(match["word"]))))
        else:
            found.append(Token("mark", match["mark"].strip()))
    return _join_number_words(found)


def _name_pattern(match: re.Match[str]) -> str:
    """`SSSL` would not survive lower case and singulars; `patternsssl` does."""
    pattern = (match[1] or match[2]).lower()
    return f" pattern{pattern if len(set(pattern)) > 1 else pattern[0]}q "


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    if len(word) > 2 and word.endswith("s") and not word.endswith("ss") and word not in _KEEP_S:
        return word[:-1]
    return word


def _join_number_words(found: list[Token]) -> list[Token]:
    """Reads `two hundred thousand`, `three quarters` and `a third` as quantities."""
    joined: list[Token] = []
    for token in found:
        last = joined[-1] if joined else None
        if token.kind != "word":
            joined.append(token)
        elif last and last.quantity and (longer := _longer(last, last.quantity, token.text)):
            joined[-1] = longer
        elif token.text in WORDS:
            joined.append(Token("quantity", token.text, Quantity(value=WORDS[token.text])))
        elif token.text in PARTS and not (last and last.text in _ORDINAL_CONTEXT):
            joined.append(Token("quantity", token.text, Quantity(value=PARTS[token.text])))
        else:
            joined.append(token)
    return joined


def _longer(number: Token, quantity: Quantity, word: str) -> Token | None:
    """The number with the word after it, if that is a part of it: `two hundred` and `fifty`."""
    value = quantity.value
    if word == "percent" and number.text in _SPOKEN:
        share = Quantity(value=value / 100, suffix="%")
        return Token("quantity", f"{number.text} percent", share)
    if word == "time" and number.text in WORDS:
        return Token("quantity", f"{number.text} times", Quantity(value=value, kind="factor"))
    if word in SCALE_WORDS:
        value *= SCALE_WORDS[word]
    elif word in _UNITS and number.text in TENS:
        value += _UNITS[word]
    elif word in WORDS and number.text.endswith(_ROUND):
        value += WORDS[word]
    elif word in PARTS and number.text in _SPOKEN:
        value *= PARTS[word]
    else:
        return None
    return Token("quantity", f"{number.text} {word}", Quantity(value=value))
