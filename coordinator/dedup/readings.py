"""What was read of a hypothesis, as it is stored beside it.

A claim is compared with dozens of earlier experiments. Reading one takes 0.7 ms, loading what was
read of it 0.02 ms. The version names the rules that read it; what other rules read is read anew,
by each claim that meets it until maintenance has done so for all.
"""

import hashlib
from functools import cache, lru_cache
from pathlib import Path

from pydantic import TypeAdapter

import shared
from coordinator.dedup import keys
from shared.words import ParsedHypothesis

_stored = TypeAdapter(ParsedHypothesis)


@cache
def reading_version() -> str:
    """Return the name of the rules in this process: the hash of their sources."""
    package = Path(shared.__file__).parent
    digest = hashlib.sha256()
    rules = (*sorted((package / "words").glob("*.py")), package / "dedup.py", Path(keys.__file__))
    for path in rules:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def reading_to_json(parsed: ParsedHypothesis) -> str:
    """Return what was read as it is stored."""
    return _stored.dump_json(parsed, exclude_defaults=True).decode()


@lru_cache(maxsize=2_000)  # 11 MB; what is near to one claim is near to the next
def reading_from_json(stored: str) -> ParsedHypothesis:
    """Return what was read from its stored form, which is of this version."""
    return _stored.validate_json(stored)
