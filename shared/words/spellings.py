"""One spelling for what is written in many: symbols, code, idioms."""

import unicodedata

from shared.words.idioms import REWRITES
from shared.words.sums import COMPUTED, PRODUCT, multiplied

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


def normalize(text: str) -> str:
    """The text in one spelling, in lower case."""
    text = unicodedata.normalize("NFKC", text.translate(_SYMBOLS)).translate(_SYMBOLS).lower()
    text = PRODUCT.sub(multiplied, text)
    for needle, computed, value_of in COMPUTED:
        if needle in text:
            text = computed.sub(value_of, text)
    for needle, pattern, replacement in REWRITES:
        if needle in text:
            text = pattern.sub(replacement, text)
    return text
