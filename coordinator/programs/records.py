"""What is known of a program once it was read."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReadProgram:
    """A program and its two names: of its text, and of what it does."""

    source: str
    source_sha256: str
    fingerprint: str
