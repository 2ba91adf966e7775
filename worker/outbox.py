"""The outbox: every result and every thought, on disk before anything else happens to it.

A row is written with fsync as soon as a run has ended; only then does the worker judge, publish or
tidy up. Rows are sent in the order of their making, under ids and times that the worker chose, so
that sending one twice changes nothing. One that was not answered goes behind the others, so that
what the coordinator fails at holds up nothing else.

```
waiting ──coordinator stored it──▶ sent
   └────coordinator will never take it──▶ refused     (kept, shown by `swarmlab status`)
```

Thoughts (insights and ideas) go the same way, after the results. An insight names the results that
show it by our own ids: what the coordinator calls them is known when they are sent.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from uuid import UUID

from shared.problems import Problem
from shared.states import Outcome
from shared.wire.ideas import IdeaCreate
from shared.wire.insights import InsightCreate
from shared.wire.results import ResultPut, ResultRead
from worker.errors import WorkerError

SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    result_id TEXT NOT NULL UNIQUE,
    campaign TEXT NOT NULL,
    body TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('keep', 'discard', 'crash')),
    base_val_bpb REAL,
    usd REAL NOT NULL,
    tokens INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'refused')),
    answer TEXT,
    answered_at TEXT,
    CHECK ((state = 'waiting') = (answer IS NULL))
);
CREATE TABLE IF NOT EXISTS thoughts (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('insight', 'idea')),
    body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'refused')),
    UNIQUE (campaign, kind, body)
);
"""


class ResultChangedError(WorkerError):
    """The same result id was handed in with another body."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A result in the outbox."""

    sequence: int
    result_id: UUID
    campaign: str
    result: ResultPut
    outcome: Outcome
    base_val_bpb: float | None
    usd: float
    tokens: int
    state: str
    answer: ResultRead | None


@dataclass(frozen=True, kw_only=True)
class Thought:
    """An insight or an idea in the outbox."""

    sequence: int
    campaign: str
    thought: InsightCreate | IdeaCreate


class Outbox:
    """The worker's durable queue; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._failures: Counter[UUID] = Counter()  # of this process; another tries anew
        self._failures_alone: Counter[UUID] = Counter()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(
        self,
        result_id: UUID,
        campaign: str,
        result: ResultPut,
        *,
        outcome: Outcome,
        base_val_bpb: float | None = None,
    ) -> None:
        """Make the result durable; adding the same one again changes nothing.

        Args:
            result_id: made by the worker.
            campaign: its name.
            result: what will be sent, as it is.
            outcome: the worker's own verdict.
            base_val_bpb: what the verdict compares with.

        Raises:
            ResultChangedError: another result has this id.
        """
        body = result.model_dump_json(exclude_none=True)
        usd, tokens = (result.cost.usd, result.cost.tokens) if result.cost else (0.0, 0)
        with self._lock:
            self._db.execute(
                "INSERT INTO results"
                " (result_id, campaign, body, outcome, base_val_bpb, usd, tokens)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (result_id) DO NOTHING",
                (str(result_id), campaign, body, outcome, base_val_bpb, usd, tokens),
            )
            stored = self._db.execute(
                "SELECT body FROM results WHERE result_id = ?", (str(result_id),)
            ).fetchone()[0]
        if stored != body:
            raise ResultChangedError(f"The outbox holds another result under {result_id}.")

    def get(self, result_id: UUID) -> Entry | None:
        """Return a result, ``None`` where it was never added."""
        return next(self._select("WHERE result_id = ?", str(result_id)), None)

    def waiting(self) -> list[Entry]:
        """Return what the coordinator has not acknowledged: least often failed, oldest first."""
        entries = self._select("WHERE state = 'waiting' ORDER BY sequence")
        return sorted(entries, key=lambda entry: self._failures[entry.result_id])

    def put_off(self, result_id: UUID, *, is_alone: bool) -> None:
        """The result was not answered; ``is_alone`` where the one before it was."""
        self._failures[result_id] += 1
        self._failures_alone[result_id] += is_alone

    def fails_alone(self, result_id: UUID) -> bool:
        """Return whether the coordinator fails at the result; once may have been the line."""
        return self._failures_alone[result_id] > 1

    def recent(self, limit: int) -> list[Entry]:
        """Return the newest results of this worker, newest first."""
        return list(self._select("ORDER BY sequence DESC LIMIT ?", limit))

    def count(self, state: str = "waiting") -> int:
        """Return how many results are in a state."""
        with self._lock:
            row = self._db.execute("SELECT count(*) FROM results WHERE state = ?", (state,))
            return int(row.fetchone()[0])

    def mark_sent(self, result_id: UUID, answer: ResultRead) -> None:
        """The coordinator has stored the result."""
        self._answer(result_id, "sent", answer.model_dump_json())

    def mark_refused(self, result_id: UUID, problem: Problem) -> None:
        """The coordinator will never take the result; it stays here to be looked at."""
        self._answer(result_id, "refused", problem.model_dump_json())

    def add_thought(self, campaign: str, thought: InsightCreate | IdeaCreate) -> None:
        """Make the thought durable; the same one again is no second one.

        The evidence of an insight are ids of results of this outbox.
        """
        kind = "insight" if isinstance(thought, InsightCreate) else "idea"
        with self._lock:
            self._db.execute(
                "INSERT INTO thoughts (campaign, kind, body) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (campaign, kind, thought.model_dump_json(exclude_none=True)),
            )

    def waiting_thoughts(self) -> list[Thought]:
        """Return the thoughts that the coordinator has not acknowledged, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT sequence, campaign, kind, body FROM thoughts"
                " WHERE state = 'waiting' ORDER BY sequence"
            ).fetchall()
        models: dict[str, type[InsightCreate | IdeaCreate]]
        models = {"insight": InsightCreate, "idea": IdeaCreate}
        return [
            Thought(
                sequence=sequence,
                campaign=campaign,
                thought=models[kind].model_validate_json(body),
            )
            for sequence, campaign, kind, body in rows
        ]

    def close_thought(self, sequence: int, *, is_refused: bool = False) -> None:
        """The coordinator has taken the thought, or never will."""
        state = "refused" if is_refused else "sent"
        with self._lock:
            self._db.execute("UPDATE thoughts SET state = ? WHERE sequence = ?", (state, sequence))

    def hand_over(self, successor: "Outbox") -> None:
        """Move what waits into the outbox of another worker, for this one can no longer send.

        The claims stay behind: they are another agent's, and a result counts without one.
        """
        for entry in self.waiting():
            successor.add(
                entry.result_id,
                entry.campaign,
                entry.result.model_copy(update={"experiment_id": None, "epoch": None}),
                outcome=entry.outcome,
                base_val_bpb=entry.base_val_bpb,
            )
            self._delete("results", entry.sequence)
        for waiting in self.waiting_thoughts():
            successor.add_thought(waiting.campaign, waiting.thought)
            self._delete("thoughts", waiting.sequence)

    def _delete(self, table: str, sequence: int) -> None:
        with self._lock:
            # Only constants of this module are put together here; values are bound.
            self._db.execute(f"DELETE FROM {table} WHERE sequence = ?", (sequence,))  # noqa: S608

    def _answer(self, result_id: UUID, state: str, answer: str) -> None:
        with self._lock:
            self._db.execute(
                "UPDATE results SET state = ?, answer = ?, answered_at = ?"
                " WHERE result_id = ? AND state = 'waiting'",
                (state, answer, datetime.now(UTC).isoformat(), str(result_id)),
            )

    def _select(self, tail: str, *parameters: str | int) -> Iterator[Entry]:
        columns = "result_id, campaign, body, outcome, base_val_bpb, usd, tokens, state, answer"
        with self._lock:
            # Only constants of this module are put together here; values are bound.
            rows = self._db.execute(
                f"SELECT sequence, {columns} FROM results {tail}",  # noqa: S608
                parameters,
            ).fetchall()
        for sequence, result_id, campaign, body, outcome, base, usd, tokens, state, answer in rows:
            yield Entry(
                sequence=sequence,
                result_id=UUID(result_id),
                campaign=campaign,
                result=ResultPut.model_validate_json(body),
                outcome=Outcome(outcome),
                base_val_bpb=base,
                usd=usd,
                tokens=tokens,
                state=state,
                answer=ResultRead.model_validate_json(answer) if state == "sent" else None,
            )


def count_waiting(path: Path) -> int:
    """Return how many results wait in a file that another worker left; 0 where it is damaged."""
    try:
        with Outbox(path) as outbox:
            return outbox.count()
    except sqlite3.DatabaseError:
        return 0
