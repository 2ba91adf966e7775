"""Fit the weights of the evidence on words, and say how they do on pairs they were not fitted on.

    python benchmarks/words.py --pairs tests/data/*.tsv --histories DIR

Prints `shared/words/weights.py`. Labelled pairs teach what is the same. They are hard cases, half
of them the same, and would alone teach that whatever is put in other words is the same; so each
hypothesis of the real logs in DIR (`*.tsv` with a `hypothesis` column) is paired with the four that
are nearest in meaning before it, and all texts with others by chance, as examples of what is not.

The table before it leaves out one source of pairs at a time (the file, and the category before its
slash): precision, recall and F1 there, with the weights fitted on all others.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from coordinator.search.embedder import Embedder
from shared.words import (
    DEFAULT_VOCABULARY,
    REFERENCE_VOCABULARY,
    ParsedHypothesis,
    Vocabulary,
    parse_hypothesis,
)
from shared.words.contradictions import contradiction_between
from shared.words.evidence import evidence_of_content, evidence_of_moulds
from shared.words.weights import AGAINST, FOR

NEAREST = 4
CHANCE = 4_000
WEIGHT_OF_LOGS = 0.3
WEIGHT_OF_AGREEING_LOGS = 0.1  # some of them are the same indeed: nobody labelled them
CAUTION = 0.4  # off the bias: a false block costs more than a miss
RIDGE = 1.0

NAMES = (*FOR, *AGAINST)
Table = npt.NDArray[np.float64]


@dataclass
class Examples:
    """Evidence per pair, whether it is the same, how much it counts, and what is decided anyway."""

    rows: list[list[float]] = field(default_factory=list)
    labels: list[bool] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)
    contradict: list[bool] = field(default_factory=list)

    def add(
        self,
        a: str,
        b: str,
        *,
        is_same: bool,
        count: float,
        vocabulary: Vocabulary = DEFAULT_VOCABULARY,
    ) -> None:
        one, other = sorted((parsed(a, vocabulary), parsed(b, vocabulary)), key=lambda x: x.text)
        evidence = {**evidence_of_content(one, other), **evidence_of_moulds(one, other)}
        contradicts = bool(contradiction_between(one, other))
        if count == WEIGHT_OF_LOGS and evidence["every change agrees"]:
            count = WEIGHT_OF_AGREEING_LOGS
        self.rows.append([float(evidence[name]) for name in NAMES])
        self.labels.append(is_same)
        self.counts.append(0.0 if contradicts else count)  # no weight decides it
        self.contradict.append(contradicts)


@cache
def parsed(text: str, vocabulary: Vocabulary) -> ParsedHypothesis:
    return parse_hypothesis(text, vocabulary)


def read_pairs(paths: Sequence[Path]) -> dict[str, Examples]:
    """The pairs by source."""
    sources: dict[str, Examples] = {}
    for path in paths:
        with path.open(newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                part = row["category"].partition("/")[0] if "/" in row["category"] else "all"
                examples = sources.setdefault(f"{path.stem} {part}", Examples())
                is_same = row["label"] == "dup"
                examples.add(
                    *(row["a"], row["b"]),
                    is_same=is_same,
                    count=1.0,
                    vocabulary=REFERENCE_VOCABULARY,
                )
    return sources


def read_logs(folder: Path, chance: np.random.Generator) -> Examples:
    """Neighbours and chance pairs of each log."""
    csv.field_size_limit(10_000_000)
    examples = Examples()
    embedder = Embedder(None)
    texts: list[str] = []
    for path in sorted(folder.glob("*.tsv")):
        with path.open(newline="") as file:
            log = [row["hypothesis"] for row in csv.DictReader(file, delimiter="\t")]
        log = [text for text in log if text]
        vectors = embedder.embed_many(log)
        for number in range(1, len(log)):
            nearest = np.argsort(-(vectors[:number] @ vectors[number]))[:NEAREST]
            for other in nearest:
                if log[number] != log[other]:
                    examples.add(log[number], log[other], is_same=False, count=WEIGHT_OF_LOGS)
        texts += log
    add_by_chance(examples, texts, texts, chance, size=CHANCE)
    return examples


def add_by_chance(
    examples: Examples,
    texts: Sequence[str],
    others: Sequence[str],
    chance: np.random.Generator,
    *,
    size: int,
) -> None:
    for one, other in chance.integers(len(texts), size=(size, 2)):
        if one != other:
            examples.add(texts[one], others[other], is_same=False, count=WEIGHT_OF_LOGS)


def fit(parts: Sequence[Examples]) -> tuple[Table, float]:
    """Logistic regression with a ridge, each weight of the sign of its evidence."""
    rows = np.array([row for part in parts for row in part.rows])
    sides = np.where([label for part in parts for label in part.labels], 1.0, -1.0)
    counts = np.array([count for part in parts for count in part.counts])
    scale = rows.std(axis=0) + 1e-9
    scaled = rows / scale

    def loss(weights: Table) -> tuple[float, Table]:
        margins = sides * (scaled @ weights[:-1] + weights[-1])
        slope = -sides * counts / (1 + np.exp(margins))
        ridge = RIDGE * weights[:-1]
        gradient = np.append(scaled.T @ slope + 2 * ridge, slope.sum())
        return float(counts @ np.logaddexp(0, -margins) + ridge @ weights[:-1]), gradient

    bounds = [(0, None)] * len(FOR) + [(None, 0)] * len(AGAINST) + [(None, None)]
    found = minimize(loss, np.zeros(len(NAMES) + 1), jac=True, bounds=bounds, method="L-BFGS-B")
    return found.x[:-1] / scale, float(found.x[-1]) - CAUTION


def report(name: str, examples: Examples, weights: Table, bias: float) -> None:
    called = (np.array(examples.rows) @ weights + bias > 0) & ~np.array(examples.contradict)
    same = np.array(examples.labels)
    hits = int((called & same).sum())
    precision, recall = hits / max(1, int(called.sum())), hits / max(1, int(same.sum()))
    f1 = 2 * hits / max(1, int(called.sum() + same.sum()))
    print(f"# {name}: {len(same)} pairs, precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the weights of the evidence on words.")
    parser.add_argument("--pairs", type=Path, nargs="+", required=True)
    parser.add_argument("--histories", type=Path, required=True)
    options = parser.parse_args()
    sources = read_pairs(options.pairs)
    chance = np.random.default_rng(0)
    logs = read_logs(options.histories, chance)
    for path in options.pairs:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        texts, others = [row["a"] for row in rows], [row["b"] for row in rows]
        add_by_chance(logs, texts, others, chance, size=len(rows))
    print(f"{len(logs.rows)} pairs of the logs and by chance", file=sys.stderr)
    for held_out in sources:
        others = [part for name, part in sources.items() if name != held_out]
        report(f"without {held_out}", sources[held_out], *fit([*others, logs]))
    weights, bias = fit([*sources.values(), logs])
    for name, examples in sources.items():
        report(name, examples, weights, bias)
    print(f"BIAS = {bias:.2f}")
    for name, weight in zip(NAMES, weights, strict=True):
        print(f'        "{name}": {weight:.2f},')


if __name__ == "__main__":
    main()
