"""From prose to tokens: numbers, arrows, punctuation and plain words."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from shared.words.numbers import (
    PARTS,
    QUANTITY,
    SCALE_WORDS,
    WORDS,
    Quantity,
    read_quantity,
)

# Symbols are written by code point where they look like a letter or another mark.
_SYMBOLS = str.maketrans(
    {
        "→": " -> ", "⇒": " -> ", "➔": " -> ", "⟶": " -> ", "\u00d7": " x", "\u2212": "-",
        "\u2013": " ; ", "\u2014": " ; ", "β": " beta", "ε": " eps ", "ϵ": " eps ",
        "\u03b1": " alpha ", "λ": " lambda ", "\u03c3": " std ", "μ": " mu ", "θ": " theta ",
        "\u03b3": " gamma ", "√": " sqrt ", "`": " ", "\u2019": "'", "\u201c": '"',
        "\u201d": '"', "≈": " ", "~": " ", "\u2044": "/",
    }
)  # fmt: skip
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=\d)_(?=\d)", ""),
        (r"[-=]+>", " -> "),
        (r"(?<=[a-z])\s?\^\s?2\b", "2"),
        (r"\b1\s?-\s?sqrt\b", "oneminussqrt"),
        (r"\b1\s?/\s?sqrt\b\s?(?:\([^)]*\))?", " invsqrt "),
        (r"\bx_?0(?![.\d])", "xzero"),
        (r"'s\b|s'(?=\s)", ""),
        (r"\bn't\b", " not"),
        (
            r"(initial|normal|penal|random|optim|regular|quant|parametr|stabil|orthogonal)is",
            r"\1iz",
        ),
        (r"(?<=[a-z])_(?=[a-z0-9])|(?<=[0-9])_(?=[a-z])", " "),
        (r"\bexp_?\d+\b", " "),
        (r"\banother\b", "1 more"),
        (r"\blinears\b", "linear layers"),
        (r"\b(gpt|gemma|llama|qwen|olmo|phi|bert|t)[- ]?\d(?:\.\d)?(?=[\s,.;:)]|-s|$)", " "),
        (r"\b(depth|layers?|n layer|heads?|n head)\s?\+\s?(\d+)\b", r"\2 more \1"),
        (r"\b(depth|layers?|n layer|heads?|n head)\s?-\s?(\d+)\b", r"\2 fewer \1"),
        (r"(?<![\w.)])\+(\d+)\s+(layers?|heads?|blocks?)\b", r"\1 more \2"),
        (r"(?<![\w.)])-(\d+)\s+(layers?|heads?|blocks?)\b", r"\1 fewer \2"),
        (r"\b(?:one|an?)\s+(more|extra|additional|fewer|less)\b", r"1 \1"),
        (r"\b(?:in|to)\s+half\b(?!\s+(?:of|a)\b)", "halved"),
        (r"\b(to|of)\s+one\b(?!\s+of)", r"\1 1"),
        (r"\bone\s+(layer|block|head|expert|step|token|kv)", r"1 \1"),
        (r"\barxiv:\S+", " "),
    )
)
_PATTERN = re.compile(r"[\"']([SLM]{1,16})[\"']|\b([SLM]{2,16})\b")
_TOKEN = re.compile(
    rf"(?P<arrow>->)|(?P<quantity>{QUANTITY.pattern})|(?P<word>[a-z][a-z0-9]*)"
    r"|(?P<mark>[;:()\[\],+&=]|\.(?=\s|$)|\s-+\s|\s/\s(?!\d))",
    re.VERBOSE,
)
_KEEP_S = frozenset(
    {
        "bias", "loss", "less", "pass", "this", "is", "was", "has", "does", "its", "across", "plus",
        "versus", "minus", "thus", "as", "gas", "bus", "focus", "axis", "basis", "ns", "class",
        "process", "press", "cross", "gauss", "adamas", "towards", "always",
    }
)  # fmt: skip
_ORDINAL_CONTEXT = frozenset({"first", "second", "last", "every", "other"})  # no fractions


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a hypothesis: a number, an arrow, a mark or a word."""

    kind: Literal["quantity", "arrow", "mark", "word"]
    text: str
    quantity: Quantity | None = None


def plain(text: str) -> str:
    """A phrase in the spelling that the vocabulary is kept in."""
    return " ".join(_singular(word) for word in re.findall(r"[a-z0-9]+", _normal(text)))


def tokens(text: str) -> list[Token]:
    """The tokens of a hypothesis, in order."""
    found: list[Token] = []
    for match in _TOKEN.finditer(_normal(_PATTERN.sub(_name_pattern, text))):
        if match["arrow"]:
            found.append(Token("arrow", "->"))
        elif match["quantity"]:
            found.append(Token("quantity", match["quantity"], read_quantity(match)))
        elif match["word"]:
            found.append(Token("word", _singular(match["word"])))
        else:
            found.append(Token("mark", match["mark"].strip()))
    return _join_number_words(found)


def _normal(text: str) -> str:
    text = unicodedata.normalize("NFKC", text.translate(_SYMBOLS)).translate(_SYMBOLS).lower()
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text


def _name_pattern(match: re.Match[str]) -> str:
    """`SSSL` would not survive lower case and singulars; `patternsssl` does."""
    return f" pattern{(match[1] or match[2]).lower()}q "


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
        elif token.text in SCALE_WORDS and last and last.quantity:
            value = last.quantity.value * SCALE_WORDS[token.text]
            joined[-1] = Token("quantity", f"{last.text} {token.text}", Quantity(value=value))
        elif token.text in PARTS and last and last.quantity and last.text in WORDS:
            value = last.quantity.value * PARTS[token.text]
            joined[-1] = Token("quantity", f"{last.text} {token.text}", Quantity(value=value))
        elif token.text == "time" and last and last.quantity and last.text in WORDS:
            factor = Quantity(value=last.quantity.value, kind="factor")
            joined[-1] = Token("quantity", f"{last.text} times", factor)
        elif token.text in WORDS:
            joined.append(Token("quantity", token.text, Quantity(value=WORDS[token.text])))
        elif token.text in PARTS and not (last and last.text in _ORDINAL_CONTEXT):
            joined.append(Token("quantity", token.text, Quantity(value=PARTS[token.text])))
        else:
            joined.append(token)
    return joined
