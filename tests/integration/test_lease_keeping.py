"""Keeping, losing and freeing leases: cheap heartbeats, an end by the clock, no need of Redis."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event
from uuid import UUID

import pytest
import sqlalchemy
from redis import Redis

from coordinator.claims import keeping
from coordinator.embedded import Services
from coordinator.maintenance import expiry, loop
from shared.ids import new_id
from tests.conftest import query, run_sql, until
from tests.factories import AgentClient, add_campaign, make_program, serving


@pytest.fixture
def other(coordinator_url):
    client = AgentClient(coordinator_url)
    yield client
    client.close()


def set_time_left(database_url, claim, seconds):
    run_sql(
        database_url,
        f"UPDATE experiments SET lease_expires_at = clock_timestamp() + interval '{seconds} s'"
        f" WHERE id = '{claim['experiment_id']}'",
    )


def row_version(database_url, claim):
    """Changes with every write to the row, and with nothing else."""
    return query(
        database_url, f"SELECT xmin, ctid FROM experiments WHERE id = '{claim['experiment_id']}'"
    )


@contextmanager
def recorded_statements():
    """The SQL that every engine of this process sends meanwhile."""
    statements: list[str] = []

    def note(*arguments):
        _connection, _cursor, statement, *_rest = arguments
        statements.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)


def test_a_heartbeat_early_in_the_lease_writes_and_locks_nothing(agent, database_url):
    claim = agent.claimed()
    before = row_version(database_url, claim)
    with recorded_statements() as statements:
        answer = agent.heartbeat(claim)
    assert answer.json()["lease_expires_at"] == claim["lease_expires_at"]
    assert row_version(database_url, claim) == before
    on_claims = [each for each in statements if "experiments" in each]
    assert len(on_claims) == 1
    assert on_claims[0].startswith("SELECT")
    assert "FOR UPDATE" not in on_claims[0]


def test_a_heartbeat_late_in_the_lease_moves_the_expiry_without_locking_first(agent, database_url):
    claim = agent.claimed()
    set_time_left(database_url, claim, 59)
    with recorded_statements() as statements:
        answer = agent.heartbeat(claim)
    assert answer.json()["lease_expires_at"] > claim["lease_expires_at"]
    assert not [each for each in statements if "FOR UPDATE" in each]


def test_the_holder_goes_on_after_its_lease_ran_out_if_nobody_took_over(agent, other, database_url):
    claim = agent.claimed()
    for status in ("claimed", "expired"):
        set_time_left(database_url, claim, -1)
        run_sql(database_url, f"UPDATE experiments SET status = '{status}'")
        assert agent.heartbeat(claim).status_code == 200
        assert other.claim().status_code == 409


def test_a_heartbeat_that_is_overtaken_by_a_takeover_loses(agent, other, database_url, monkeypatch):
    """The heartbeat has read that it may renew; before it writes, another agent claims."""
    claim = agent.claimed()
    set_time_left(database_url, claim, -1)
    has_read, may_write = Event(), Event()
    renew_lease = keeping.renew_lease

    async def renew_after_the_takeover(*arguments, **named):
        import asyncio

        has_read.set()
        assert await asyncio.to_thread(may_write.wait, 20)
        return await renew_lease(*arguments, **named)

    monkeypatch.setattr(keeping, "renew_lease", renew_after_the_takeover)
    with ThreadPoolExecutor(1) as pool:
        heartbeat = pool.submit(agent.heartbeat, claim)
        assert has_read.wait(20)
        taken = other.claimed()
        may_write.set()
        lost = heartbeat.result()
    assert lost.status_code == 409
    assert lost.json()["type"].endswith("#lease-lost")
    assert taken["epoch"] == 2
    assert query(database_url, "SELECT epoch, status FROM experiments") == [(2, "claimed")]


def test_each_refused_heartbeat_says_why(agent, other):
    claim = agent.claimed()
    unknown = {**claim, "experiment_id": str(new_id())}
    assert agent.heartbeat(unknown).json()["type"].endswith("#unknown-experiment")
    assert agent.heartbeat({**claim, "epoch": 7}).json()["type"].endswith("#unknown-epoch")
    assert other.heartbeat(claim).json()["type"].endswith("#not-your-claim")
    agent.release(claim)
    assert agent.heartbeat(claim).json()["type"].endswith("#lease-lost")


def test_presence_is_in_redis_and_expires_by_itself(agent, services):
    claim = agent.claimed()
    assert agent.heartbeat(claim).status_code == 200
    key = f"presence:{agent.name}"
    with Redis.from_url(services.redis_url, decode_responses=True) as redis:
        until(lambda: redis.exists(key))
        assert claim["experiment_id"] in redis.get(key)
        assert 0 < redis.ttl(key) <= 90


def test_a_flushed_redis_costs_no_lease(agent, other, services):
    claim = agent.claimed()
    agent.heartbeat(claim)
    with Redis.from_url(services.redis_url) as redis:
        redis.flushall()
    assert other.claim().status_code == 409
    assert agent.heartbeat(claim).status_code == 200
    assert other.claim().status_code == 409


def test_without_redis_leases_are_held_kept_and_freed(database_url):
    add_campaign(database_url)
    nowhere = Services(database_url=database_url, redis_url="redis://127.0.0.1:1/0")
    with (
        serving(nowhere) as url,
        closing(AgentClient(url)) as holder,
        closing(AgentClient(url)) as other,
    ):
        claim = holder.claimed()
        set_time_left(database_url, claim, 10)
        assert holder.heartbeat(claim).json()["lease_expires_at"] > claim["lease_expires_at"]
        assert other.claim().status_code == 409
        set_time_left(database_url, claim, -1)
        assert other.claimed()["epoch"] == 2
        assert holder.heartbeat(claim).json()["type"].endswith("#lease-lost")


def test_a_claim_that_ran_out_is_free_before_any_sweep(database_url, services, monkeypatch):
    async def no_maintenance(sessions):
        """Leave everything undone."""

    monkeypatch.setattr("coordinator.app.run_maintenance", no_maintenance)
    add_campaign(database_url)
    here = Services(database_url=database_url, redis_url=services.redis_url)
    with (
        serving(here) as url,
        closing(AgentClient(url)) as holder,
        closing(AgentClient(url)) as other,
    ):
        claim = holder.claimed()
        set_time_left(database_url, claim, -1)
        assert query(database_url, "SELECT status FROM experiments") == [("claimed",)]
        assert other.claimed()["epoch"] == 2


def test_the_sweep_writes_expiries_down_without_anyone_asking(database_url, services, monkeypatch):
    monkeypatch.setattr(loop, "SWEEP_EVERY_S", 0.1)
    add_campaign(database_url)
    here = Services(database_url=database_url, redis_url=services.redis_url)
    expired = "SELECT experiment_id, payload->>'epoch', agent_id FROM events WHERE kind = 'expired'"
    with serving(here) as url, closing(AgentClient(url)) as holder:
        claim = holder.claimed()
        held = holder.claimed(source=make_program(depth=9), hypothesis="Set DEPTH to 9")
        set_time_left(database_url, claim, -1)
        until(lambda: query(database_url, expired) != [])
    assert query(database_url, expired) == [(UUID(claim["experiment_id"]), "1", holder.agent_id)]
    assert dict(query(database_url, "SELECT id::text, status FROM experiments")) == {
        claim["experiment_id"]: "expired",
        held["experiment_id"]: "claimed",
    }


def test_the_sweep_runs_often_enough_for_its_promise_even_after_one_failure():
    assert 2 * loop.SWEEP_EVERY_S <= 30


def test_one_sweep_marks_more_than_one_batch_and_each_lease_once(agent, database_url, monkeypatch):
    import asyncio

    from coordinator.db import make_engine, make_sessions

    monkeypatch.setattr(expiry, "BATCH", 2)
    claims_made = [
        agent.claimed(source=make_program(depth=10 + n), hypothesis=f"Set DEPTH to {10 + n}")
        for n in range(7)
    ]
    for claim in claims_made:
        set_time_left(database_url, claim, -1)

    async def sweep_on_four_replicas():
        engine = make_engine(database_url)
        sweeps = (expiry.sweep_expired_leases(make_sessions(engine)) for _ in range(4))
        counts = await asyncio.gather(*sweeps)
        await engine.dispose()
        return counts

    marked = sum(asyncio.run(sweep_on_four_replicas()))
    events = query(database_url, "SELECT experiment_id FROM events WHERE kind = 'expired'")
    # The served coordinator sweeps too: together, each lease once.
    assert len(events) == len(set(events)) == 7
    assert marked <= 7
