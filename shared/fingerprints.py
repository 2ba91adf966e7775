"""Program fingerprints: the first decider of the dedup.

Two programs share a fingerprint when no run could tell them apart (see `shared.canonical` for what
may vary). Everything else gives another fingerprint.
"""

import hashlib

from shared.canonical import Canonicaliser
from shared.sources import parse_source

# Part of every hash: a change to the canonical form must not collide with the old one.
_VERSION = "swarmlab program 1\n"


def program_fingerprint(source: str) -> str:
    """64 hex digits, the same for programs that behave the same for certain.

    Raises:
        SourceError: the text is refused by `parse_source`.
    """
    tree = parse_source(source)
    text = _VERSION + Canonicaliser(tree).text(tree)
    # A string literal may hold escaped lone surrogates, which strict UTF-8 refuses.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
