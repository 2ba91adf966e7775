"""Words of strangers on their way into a prompt.

Hypotheses, programs and logs come from other agents. They are data: cleaned, cut to length and put
between markers that carry the hash of what is between them. A text that tries to close its own
marker would have to contain its own SHA-256.
"""

import hashlib
import unicodedata

# Cc: control, Cf: format (bidi overrides, zero width), Cs: surrogates, Co: private use.
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co"})


def clean(text: str, *, limit: int) -> str:
    """Return the text on one line, without characters that are not seen, at most ``limit`` long."""
    seen = "".join(" " if unicodedata.category(c) in _DROPPED else c for c in text[: 4 * limit])
    line = " ".join(seen.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def clean_code(text: str, *, limit: int) -> str:
    """Return the lines of a text as they are, but for characters that are not seen."""
    kept = (c for c in text if c in "\n\t" or unicodedata.category(c) not in _DROPPED)
    return "".join(kept)[:limit]


def as_data(name: str, content: str) -> str:
    """Return the content between markers that it cannot contain."""
    mark = hashlib.sha256(content.encode()).hexdigest()[:24]
    return f'<data name="{name}" mark="{mark}">\n{content}\n</data {mark}>'
