"""What the dedup would have done to a real log of experiments, row by row.

Every row is put to the live decision against the rows before it, as if its agent had claimed it
then. All rows count as run, because they were. Only rows with a result can block: a crash, an
aborted run or a run without a status left nothing that a repeat would waste.

A log with `parent_exp` tells which base each row changed; without it, each kept row is taken to be
the base of the rows that follow, as in a log of one agent.

A log with `timestamp` (of the end) and a duration tells which runs overlapped. A row that repeats
a run that was still under way is not *blocked* by what is known but *concurrent*: the live decision
refuses it too, because of the live claim, but no result was known yet, and of two such runs it is
chance which one the log calls a keep. These rows are counted and listed apart.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from coordinator.dedup.cross_encoder import MOST_ASKED, CrossEncoder
from coordinator.dedup.evaluation import PEERS_COSINE, Embeds
from coordinator.dedup.tables import TableError, find_column, read_table
from shared.dedup import (
    Candidate,
    Decision,
    Neighbour,
    Standing,
    base_relation,
    candidate_of,
    decide_claim,
    verdicts_of_words,
)

_KEPT = frozenset({"keep", "kept", "accept", "accepted", "improved", "improvement"})
_DISCARDED = frozenset({"discard", "discarded", "reject", "rejected", "revert", "reverted"})
_FINISHED = frozenset({"ok", "done", "success", "completed", "finished"})
# Running the same program again is what such a row is for.
_RERUN = re.compile(
    r"^\W*(baseline|re-?run|re-?baseline|control run|unmodified|unchanged)\b", re.IGNORECASE
)

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One experiment of a log."""

    number: int
    id: str
    text: str
    status: str
    base: str | None
    started_at: float | None = None  # seconds since the epoch, where the log tells
    ended_at: float | None = None

    @property
    def is_keep(self) -> bool:
        """Whether it improved on what was best."""
        return self.status in _KEPT

    @property
    def is_claim(self) -> bool:
        """Whether it is a hypothesis at all: it has words, and is not there to be repeated."""
        return bool(self.text) and self.status != "baseline" and not _RERUN.match(self.text)

    @property
    def standing(self) -> Standing:
        """Whether it left a result that a repeat would only confirm."""
        return "done" if self.status in _KEPT | _DISCARDED | _FINISHED else "free"

    def overlaps(self, earlier: "Row") -> bool:
        """Whether it began before the other, which ended earlier, had ended."""
        if self.started_at is None or earlier.ended_at is None:
            return False
        return self.started_at < earlier.ended_at


@dataclass(frozen=True, kw_only=True)
class Block:
    """A row that would have been refused, and the earlier row that it repeats."""

    row: Row
    match: Row
    reason: str
    detail: str
    similarity: float

    def as_json(self) -> dict[str, Any]:
        """Both rows in full."""
        return {
            "row": self.row.number,
            "id": self.row.id,
            "text": self.row.text,
            "status": self.row.status,
            "reason": self.reason,
            "detail": self.detail,
            "similarity": self.similarity,
            "match": {
                "row": self.match.number,
                "id": self.match.id,
                "text": self.match.text,
                "status": self.match.status,
            },
        }


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What a rule did to a log."""

    rows: int
    keeps: int
    blocks: tuple[Block, ...]
    concurrent: tuple[Block, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The counts and every block."""
        return {
            "rows": self.rows,
            "blocked": len(self.blocks),
            "keeps": self.keeps,
            "keeps_blocked": sum(block.row.is_keep for block in self.blocks),
            "blocks": [block.as_json() for block in self.blocks],
            "concurrent": [block.as_json() for block in self.concurrent],
        }


def read_log(path: Path) -> list[Row]:
    """The experiments of a log, in its order.

    Raises:
        TableError: the log has no column with the words of an experiment.
    """
    table = read_table(path)
    text = find_column(table, "description", "hypothesis", "change", "idea", "summary", "title")
    if table and text is None:
        raise TableError(f"{path} needs a column description or hypothesis.")
    status = find_column(table, "status", "outcome", "result", "decision")
    name = find_column(table, "exp_id", "experiment_id", "id", "experiment", "commit")
    parent = find_column(table, "parent_exp", "parent", "base")
    ends, durations = _times(table)
    rows: list[Row] = []
    best: str | None = "start"
    for number, (entry, end, duration) in enumerate(zip(table, ends, durations, strict=True), 2):
        row = Row(
            number=number,
            id=_id(entry, name) or f"row {number}",
            text=_field(entry, text),
            status=_field(entry, status).lower(),
            base=_id(entry, parent) if parent else best,
            started_at=end - duration if end is not None and duration is not None else None,
            ended_at=end,
        )
        rows.append(row)
        if row.is_keep:
            best = row.id
    return rows


def replay(
    rows: Sequence[Row], vectors: Vectors, reader: CrossEncoder, on_row: Callable[[], None]
) -> Replay:
    """What the live decision does to the log."""
    candidates = [candidate_of(row.text) for row in rows]
    parents = {row.id: row.base for row in rows if row.is_keep}
    blocks: list[Block] = []
    concurrent: list[Block] = []

    def decide(row: Row, candidate: Candidate, among: list[int], similar: Vectors) -> Block | None:
        neighbours = [
            Neighbour(
                id=i,
                standing=rows[i].standing,
                relation=base_relation(row.base, rows[i].base, parents),
                parsed=candidates[i].parsed,
                cosine=float(similar[i]),
            )
            for i in sorted(among, key=lambda i: -similar[i])
        ]
        pairs = [(row.text, rows[each.id].text) for each in neighbours]
        verdicts = reader.reconsider_many(
            pairs, verdicts_of_words(candidate, neighbours), MOST_ASKED
        )
        return _block(row, decide_claim(candidate, neighbours, verdicts), rows)

    for index, row in enumerate(rows):
        if row.is_claim:
            similar = vectors[:index] @ vectors[index]
            earlier = [i for i in range(index) if rows[i].is_claim and rows[i].standing == "done"]
            known = [i for i in earlier if not row.overlaps(rows[i])]
            running = [i for i in earlier if row.overlaps(rows[i])]
            if block := decide(row, candidates[index], known, similar):
                blocks.append(block)
            elif block := decide(row, candidates[index], running, similar):
                concurrent.append(block)
        on_row()
    return Replay(
        rows=len(rows),
        keeps=sum(row.is_keep for row in rows),
        blocks=tuple(blocks),
        concurrent=tuple(concurrent),
    )


def replay_cosine(rows: Sequence[Row], vectors: Vectors) -> Replay:
    """What the peers' rule does to the log: refuse whatever is closer than `PEERS_COSINE`."""
    blocks: list[Block] = []
    for index, row in enumerate(rows):
        if not row.is_claim or index == 0:
            continue
        earlier = [i for i in range(index) if rows[i].is_claim]
        if not earlier:
            continue
        similarities = vectors[earlier] @ vectors[index]
        nearest = int(np.argmax(similarities))
        similarity = float(similarities[nearest])
        if similarity > PEERS_COSINE:
            match = rows[earlier[nearest]]
            detail = f"cosine {similarity:.3f} > {PEERS_COSINE}"
            blocks.append(
                Block(row=row, match=match, reason="cosine", detail=detail, similarity=similarity)
            )
    return Replay(rows=len(rows), keeps=sum(row.is_keep for row in rows), blocks=tuple(blocks))


def embed_log(rows: Sequence[Row], embedder: Embeds) -> Vectors:
    """One unit vector per row."""
    return embedder.embed_many([row.text for row in rows])


def _block(row: Row, decision: Decision[int], rows: Sequence[Row]) -> Block | None:
    if decision.reason is None:
        return None
    match = max(decision.matches, key=lambda match: match.similarity or 0.0)
    return Block(
        row=row,
        match=rows[match.id],
        reason=decision.reason,
        detail=match.detail,
        similarity=match.similarity or 0.0,
    )


def _times(table: Sequence[dict[str, str]]) -> tuple[list[float | None], list[float | None]]:
    """When each run ended and how long it took; a missing duration is the usual one."""
    when = find_column(table, "timestamp", "ended_at", "completed_at", "time")
    took = find_column(table, "total_s", "total_seconds", "duration_s", "train_s", "seconds")
    durations = [_seconds(_field(entry, took)) for entry in table]
    known = [duration for duration in durations if duration is not None]
    usual = median(known) if known else None
    ends = [_epoch(_field(entry, when)) for entry in table]
    return ends, [usual if duration is None else duration for duration in durations]


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _epoch(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return _seconds(text)


def _field(entry: dict[str, str], column: str | None) -> str:
    return (entry.get(column) or "").strip() if column else ""


def _id(entry: dict[str, str], column: str | None) -> str | None:
    """The id without the prefix that some logs write before some of them."""
    return re.sub(r"^exp[_-]", "", _field(entry, column)) or None
