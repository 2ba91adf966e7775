"""After an upgrade of the rules, the history is read again, without anyone asking."""

import asyncio
from contextlib import closing

import pytest

from coordinator.db import make_engine, make_sessions
from coordinator.dedup.readings import reading_version
from coordinator.dedup.repository import find_outdated, store_reading
from coordinator.embedded import Services
from coordinator.maintenance import rereading
from tests.conftest import query, run_sql, until
from tests.factories import BASELINE_SHA256, AgentClient, add_campaign, make_program, serving

READINGS = "SELECT hypothesis, parameters_key, values_key, reading, reading_version"
READINGS += " FROM experiments ORDER BY id"
# As rules left it that named everything otherwise; and too far in words to be found by these.
OUTDATE = (
    "UPDATE experiments SET parameters_key = 'old', values_key = 'old', reading = '{}',"
    " reading_version = 'old', embedding = NULL"
)
CURRENT = f"SELECT count(*) FROM experiments WHERE reading_version = '{reading_version()}'"


def claim_three(agent: AgentClient) -> None:
    agent.claimed(hypothesis="Halve the embedding LR", source=None)
    # What it comes to is told by the program that it starts from.
    agent.claimed(hypothesis="Halve the unembedding LR", source=None, base=BASELINE_SHA256)
    source = make_program(depth=9)
    agent.claimed(hypothesis="One more layer", source=source, base=BASELINE_SHA256)


def test_a_repeat_of_what_the_old_rules_named_otherwise_is_refused_again(database_url, services):
    add_campaign(database_url)
    here = Services(database_url=database_url, redis_url=services.redis_url)
    with serving(here) as url, closing(AgentClient(url)) as agent:
        claim_three(agent)
    read = query(database_url, READINGS)
    run_sql(database_url, OUTDATE)
    with serving(here) as url, closing(AgentClient(url)) as other:
        until(lambda: query(database_url, CURRENT) == [(3,)])
        assert query(database_url, READINGS) == read
        assert other.claim(hypothesis="EMBEDDING_LR x 0.5", source=None).status_code == 409


def test_each_is_read_again_once_however_many_there_are(agent, database_url, monkeypatch):
    monkeypatch.setattr(rereading, "BATCH", 2)
    monkeypatch.setattr(rereading, "PAUSE_S", 0.0)
    claim_three(agent)
    run_sql(database_url, OUTDATE)

    async def read_twice() -> list[int]:
        engine = make_engine(database_url)
        counts = [await rereading.read_again(make_sessions(engine)) for _ in range(2)]
        await engine.dispose()
        return counts

    assert asyncio.run(read_twice()) == [3, 0]


@pytest.mark.parametrize(
    "meanwhile",
    [
        "UPDATE experiments SET hypothesis = 'Remove the softcap'",  # taken over in other words
        "UPDATE experiments SET reading_version = 'other'",  # read by another replica
    ],
)
def test_what_another_wrote_meanwhile_stays(agent, database_url, meanwhile):
    agent.claimed(hypothesis="Halve the embedding LR", source=None)
    run_sql(database_url, OUTDATE)

    async def overtaken() -> None:
        engine = make_engine(database_url)
        async with make_sessions(engine)() as session:
            [row] = await find_outdated(session, reading_version(), before=None, limit=20)
            await session.rollback()
            await asyncio.to_thread(run_sql, database_url, meanwhile)
            await store_reading(session, row, parameters_key="late")
            await session.commit()
        await engine.dispose()

    asyncio.run(overtaken())
    assert query(database_url, "SELECT parameters_key FROM experiments") == [("old",)]
