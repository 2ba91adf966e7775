"""How well the words decide: precision and recall on labelled pairs of hypotheses.

A pair is `dup` when both halves are the same experiment and `distinct` otherwise. A *false block*
is a distinct pair that the rule calls a duplicate: it would have cost somebody a good idea. A
*miss* costs a repeated run.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from coordinator.dedup.cross_encoder import CrossEncoder
from coordinator.dedup.description import vocabulary_on
from coordinator.dedup.tables import TableError, read_table
from shared.constants import read_constants
from shared.sources import SourceError
from shared.words import (
    DEFAULT_VOCABULARY,
    REFERENCE_VOCABULARY,
    ParsedHypothesis,
    Verdict,
    Vocabulary,
    decide,
    parse_hypothesis,
)

PEERS_COSINE = 0.92  # what the peers block at
LABELS = {"dup", "distinct"}


class ProgramError(ValueError):
    """The program that the pairs are about cannot be read; the message says why."""


class Embeds(Protocol):
    """What is needed of the embedder."""

    def embed_many(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """One unit vector per row."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two hypotheses and whether a person calls them the same experiment."""

    is_duplicate: bool
    category: str
    a: str
    b: str
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a rule got right and wrong."""

    hits: int
    false_blocks: tuple[Pair, ...]
    missed: tuple[Pair, ...]
    pairs_by_category: dict[str, int]

    @property
    def precision(self) -> float:
        """Of the pairs called duplicates, the share that are; 1.0 when none was called one."""
        called = self.hits + len(self.false_blocks)
        return self.hits / called if called else 1.0

    @property
    def recall(self) -> float:
        """Of the duplicates, the share that was found; 1.0 when there are none."""
        duplicates = self.hits + len(self.missed)
        return self.hits / duplicates if duplicates else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def as_json(self) -> dict[str, Any]:
        """The figures, with the errors counted per category."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "false_blocks": len(self.false_blocks),
            "missed": len(self.missed),
            "by_category": {
                category: {
                    "pairs": pairs,
                    "false_blocks": sum(p.category == category for p in self.false_blocks),
                    "missed": sum(p.category == category for p in self.missed),
                }
                for category, pairs in sorted(self.pairs_by_category.items())
            },
        }


def read_pairs(path: Path, embedder: Embeds) -> list[Pair]:
    """The labelled pairs of a file with the columns `label category a b`.

    Raises:
        TableError: a column is missing, or a label is neither `dup` nor `distinct`.
    """
    rows = read_table(path)
    for number, row in enumerate(rows, start=2):
        if not {"label", "a", "b"} <= row.keys():
            raise TableError(f"{path}:{number} needs the columns label, category, a and b.")
        if row["label"] not in LABELS:
            raise TableError(
                f"{path}:{number}: label {row['label']!r} is neither dup nor distinct."
            )
    first = embedder.embed_many([row["a"] for row in rows])
    second = embedder.embed_many([row["b"] for row in rows])
    return [
        Pair(
            is_duplicate=row["label"] == "dup",
            category=row.get("category", ""),
            a=row["a"],
            b=row["b"],
            cosine=float(a @ b),
        )
        for row, a, b in zip(rows, first, second, strict=True)
    ]


def read_vocabulary(program: Path) -> Vocabulary:
    """The words of a campaign with this baseline, as a claim that starts from it is read.

    Raises:
        ProgramError: the file cannot be read or is no Python.
    """
    try:
        source = program.read_text(encoding="utf-8")
        constants = read_constants(source)
    except (OSError, UnicodeDecodeError, SourceError) as error:
        raise ProgramError(f"{program} cannot be read as a program: {error}") from error
    return vocabulary_on(DEFAULT_VOCABULARY.with_constants(constants), source)


def by_rule(
    pairs: Sequence[Pair], reader: CrossEncoder, vocabulary: Vocabulary = REFERENCE_VOCABULARY
) -> list[Verdict]:
    """Our verdict on each pair, both for changes of one program.

    Args:
        pairs: what to judge.
        reader: the second reader of what the words leave open.
        vocabulary: the words of the program, see ``read_vocabulary``.
    """
    parsed: dict[str, ParsedHypothesis] = {}
    for pair in pairs:
        for text in (pair.a, pair.b):
            parsed.setdefault(text, parse_hypothesis(text, vocabulary))
    verdicts = reader.reconsider_many(
        [(pair.a, pair.b) for pair in pairs],
        [decide(parsed[pair.a], parsed[pair.b]) for pair in pairs],
    )
    return [verdict for verdict in verdicts if verdict is not None]  # as many as there are pairs


def by_cosine(pairs: Sequence[Pair]) -> Iterator[bool]:
    """The peers' verdict on each pair."""
    return (pair.cosine > PEERS_COSINE for pair in pairs)


def score(pairs: Sequence[Pair], called: Iterable[bool]) -> Score:
    """What is right and wrong about the pairs that were called duplicates."""
    hits = 0
    false_blocks: list[Pair] = []
    missed: list[Pair] = []
    pairs_by_category: dict[str, int] = {}
    for pair, is_called in zip(pairs, called, strict=True):
        pairs_by_category[pair.category] = pairs_by_category.get(pair.category, 0) + 1
        if is_called and pair.is_duplicate:
            hits += 1
        elif is_called:
            false_blocks.append(pair)
        elif pair.is_duplicate:
            missed.append(pair)
    return Score(
        hits=hits,
        false_blocks=tuple(false_blocks),
        missed=tuple(missed),
        pairs_by_category=pairs_by_category,
    )
