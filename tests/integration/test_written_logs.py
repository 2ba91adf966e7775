"""Fourteen logs of research as agents keep it, by people who knew nothing of the rules.

Beside each log stands which of its rows are repeats: hardly any, as in real ones.
"""

import csv
from pathlib import Path

import pytest

from coordinator.dedup.cross_encoder import CrossEncoder
from coordinator.dedup.replay import embed_log, read_log, replay
from coordinator.search.embedder import Embedder

LOGS = sorted(
    path
    for path in (Path(__file__).parents[1] / "data" / "logs").glob("*.tsv")
    if not path.name.endswith(".labels.tsv")
)


def repeats_of(log: Path) -> set[int]:
    """The rows that repeat an earlier one, counted from 1."""
    with log.with_suffix(".labels.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {int(row["row"]) for row in rows if row["kind"] == "repeat"}


@pytest.fixture(scope="module")
def replays():
    embedder, reader = Embedder(), CrossEncoder()
    read = [read_log(log) for log in LOGS]
    yield [replay(rows, embed_log(rows, embedder), reader, lambda: None) for rows in read]
    reader.close()
    embedder.close()


def test_hardly_a_new_idea_is_refused(replays):
    blocked = sum(len(each.blocks) for each in replays)
    keeps_blocked = sum(each.as_json()["keeps_blocked"] for each in replays)
    assert len(replays) == 14
    assert blocked <= 0.01 * sum(each.rows for each in replays)
    assert keeps_blocked <= 1


def test_what_is_refused_is_mostly_a_repeat(replays):
    # The first row of a table has number 2.
    blocked = [{block.row.number - 1 for block in each.blocks} for each in replays]
    repeats = [repeats_of(log) for log in LOGS]
    hits = sum(len(found & known) for found, known in zip(blocked, repeats, strict=True))
    assert hits >= 13
    assert sum(map(len, blocked)) - hits <= 8
