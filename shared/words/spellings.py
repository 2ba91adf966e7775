"""One spelling for what is written in many: symbols, code, idioms."""

import re
import unicodedata

from shared.words.amounts import AMOUNTS
from shared.words.idioms import REWRITES
from shared.words.manners import MANNERS
from shared.words.mechanisms import MECHANISMS
from shared.words.nicknames import NICKNAMES
from shared.words.paces import PACES
from shared.words.portions import PORTIONS
from shared.words.ramps import RAMPS
from shared.words.relative import RELATIVE
from shared.words.rewriting import rewritten
from shared.words.schedules import SCHEDULES
from shared.words.shorthand import SHORTHAND
from shared.words.sizes import SIZES
from shared.words.sums import COMPUTED, PRODUCT, multiplied
from shared.words.windows import WINDOWS

# Symbols are written by code point where they look like a letter or another mark.
_SYMBOLS = str.maketrans(
    {
        "→": " -> ", "⇒": " -> ", "➔": " -> ", "⟶": " -> ", "\u00d7": " x", "\u2212": "-",
        "\u2013": " ; ", "\u2014": " ; ", "β": " beta", "ε": " eps ", "ϵ": " eps ",
        "\u03b1": " alpha ", "λ": " lambda ", "\u03c3": " std ", "μ": " mu ", "θ": " theta ",
        "\u03b3": " gamma ", "√": " sqrt ", "`": " ", "\u2019": "'", "\u201c": '"',
        "\u201d": '"', "≈": " ", "~": " ", "\u2044": "/", "\u00b2": "^2", "\u00b3": "^3",
    }
)  # fmt: skip
_IN_ORDER = (
    SHORTHAND,
    *(MANNERS, NICKNAMES, PACES, SCHEDULES, SIZES, PORTIONS),  # what prose says without a name
    *(WINDOWS, MECHANISMS, RELATIVE, AMOUNTS, RAMPS),
)
_JOINING_DASH = re.compile(r"(?<=[A-Za-z])\u2013(?=[A-Za-z])")  # Newton-Schulz


def normalize(text: str) -> str:
    """The text in one spelling, in lower case."""
    text = _JOINING_DASH.sub("-", text)
    text = unicodedata.normalize("NFKC", text.translate(_SYMBOLS)).translate(_SYMBOLS).lower()
    text = text.replace("? ", ". ").replace(" | ", " ; ").replace("per cent", "percent")
    for rules in _IN_ORDER:
        text = rewritten(text, rules)
    text = PRODUCT.sub(multiplied, text)
    return rewritten(rewritten(text, COMPUTED), REWRITES)
