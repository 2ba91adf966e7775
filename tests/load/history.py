"""What the load generator records and what the database says afterwards, as plain data."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One request of one client; an answer that never came leaves ``status`` empty.

    ``invoked_s`` and ``responded_s`` are the observer's monotonic clock, the same for all clients.
    ``epoch`` is what was sent, for a claim what came back. ``lease_expires_at`` is database time
    in seconds since 1970, as the coordinator answered it.
    """

    client: int
    agent_id: str
    kind: str
    invoked_s: float
    responded_s: float | None = None
    status: int | None = None
    problem: str | None = None
    experiment_id: str | None = None
    epoch: int | None = None
    claim_key: str | None = None
    lease_expires_at: float | None = None
    result_id: str | None = None
    val_bpb: float | None = None
    answer: dict[str, Any] | None = None

    @property
    def is_acknowledged(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The rows that the history must agree with; times are seconds since 1970."""

    experiments: list[dict[str, Any]] = field(default_factory=list)
    leases: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


QUERIES = {
    "experiments": "SELECT id::text, status, epoch FROM experiments",
    "leases": "SELECT experiment_id::text, epoch, agent_id::text, claim_key::text,"
    " extract(epoch FROM granted_at)::float8 AS granted_at FROM leases",
    "results": "SELECT id::text, experiment_id::text, agent_id::text, val_bpb, is_late"
    " FROM results",
    "events": "SELECT kind, experiment_id::text, (payload->>'epoch')::int AS epoch FROM events"
    " WHERE kind IN ('claimed', 'released', 'result')",
}


def read_tables(database_url: str) -> Tables:
    """Return what is stored; every query sees the same instant."""
    url = make_url(database_url).set(drivername="postgresql").render_as_string(False)
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as postgres:
        postgres.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return Tables(
            **{name: postgres.execute(query).fetchall() for name, query in QUERIES.items()}
        )


def save(folder: Path, operations: Iterable[Operation], tables: Tables) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "history.jsonl").open("w") as file:
        for operation in operations:
            file.write(json.dumps(asdict(operation)) + "\n")
    (folder / "tables.json").write_text(json.dumps(asdict(tables)))


def load(folder: Path) -> tuple[list[Operation], Tables]:
    with (folder / "history.jsonl").open() as file:
        operations = [Operation(**json.loads(line)) for line in file]
    return operations, Tables(**json.loads((folder / "tables.json").read_text()))
