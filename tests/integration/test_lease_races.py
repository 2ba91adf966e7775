"""Two at the same instant: what only a lock, a constraint or a transaction can decide."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event

import pytest
from psycopg import errors

from coordinator.claims import service as claims
from coordinator.db import make_engine
from coordinator.results import filing
from shared.ids import new_id
from tests.conftest import connected, query, run_sql, until
from tests.factories import CAMPAIGN, AgentClient, make_program, make_settings, result_body
from tests.integration.test_guarantees import let_lease_run_out


@pytest.fixture
def other(coordinator_url):
    client = AgentClient(coordinator_url)
    yield client
    client.close()


def test_one_program_claimed_at_once_in_many_words_is_granted_once(coordinator_url, monkeypatch):
    """Unlike words do not wait for each other: where all have looked, one statement decides."""
    parameters = ("depth", "batch size", "weight decay", "warmup", "dropout", "softcap")
    all_have_looked = asyncio.Barrier(len(parameters))
    store_program = claims.store_program

    async def store_after_all_have_looked(*arguments):
        async with asyncio.timeout(20):
            await all_have_looked.wait()
        await store_program(*arguments)

    monkeypatch.setattr(claims, "store_program", store_after_all_have_looked)
    agents = [AgentClient(coordinator_url) for _ in parameters]
    with ThreadPoolExecutor(len(agents)) as pool:
        answers = list(
            pool.map(
                lambda agent, parameter: agent.claim(
                    hypothesis=f"Double the {parameter}",
                    # The same program in other text: texts wait for each other too.
                    source=f"# {parameter}\n{make_program(matrix_lr=0.05)}",
                ),
                agents,
                parameters,
            )
        )
    for agent in agents:
        agent.close()
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]


def test_one_claim_key_sent_many_times_at_once_is_one_claim(agent, database_url):
    claim_key = str(new_id())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: agent.claim(claim_key=claim_key), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({(each.json()["experiment_id"], each.json()["epoch"]) for each in answers}) == 1
    assert query(database_url, "SELECT count(*) FROM leases") == [(1,)]


def test_a_result_and_a_takeover_at_the_same_instant_have_one_winner(
    agent, other, database_url, monkeypatch
):
    """The result has read that it completes; before it writes, another agent claims."""
    claim = agent.claimed()
    let_lease_run_out(database_url, claim)
    has_read, may_write = Event(), Event()
    complete_experiment = filing.complete_experiment

    async def complete_after_the_takeover(*arguments, **named):
        has_read.set()
        assert await asyncio.to_thread(may_write.wait, 20)
        return await complete_experiment(*arguments, **named)

    monkeypatch.setattr(filing, "complete_experiment", complete_after_the_takeover)
    with ThreadPoolExecutor(2) as pool:
        result = pool.submit(agent.put, result_body(claim))
        assert has_read.wait(20)
        takeover = pool.submit(other.claim)
        until_done_or_blocked(takeover, database_url)
        may_write.set()
        assert (result.result().status_code, takeover.result().status_code) == (201, 409)
    assert result.result().json()["experiment_id"] == claim["experiment_id"]
    assert query(database_url, "SELECT epoch, status FROM experiments") == [(1, "done")]


@pytest.mark.parametrize("first", [0, 1], ids=["the-older-first", "the-newer-first"])
def test_two_that_ran_each_others_programs_do_not_wait_in_a_circle(
    agent, other, database_url, monkeypatch, first
):
    """One has read where its result goes; before it writes, the other hands its own in."""
    programs = [make_program(matrix_lr=0.05), make_program(depth=9)]
    agents = [agent, other]
    claims = [
        each.claimed(hypothesis=f"Program {n}", source=programs[n]) for n, each in enumerate(agents)
    ]
    has_read, may_write = Event(), Event()
    complete_experiment = filing.complete_experiment

    async def complete_after_the_other_came(*arguments, **named):
        if not has_read.is_set():
            has_read.set()
            assert await asyncio.to_thread(may_write.wait, 20)
        return await complete_experiment(*arguments, **named)

    def hand_in(n):
        return agents[n].put(result_body(claims[n], source=programs[1 - n]))

    monkeypatch.setattr(filing, "complete_experiment", complete_after_the_other_came)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(hand_in, first)
        assert has_read.wait(20)
        another = pool.submit(hand_in, 1 - first)
        until_done_or_blocked(another, database_url)
        may_write.set()
        answers = [one.result(), another.result()]
    assert [answer.status_code for answer in answers] == [201, 201]
    # The second saw what the first had done: they are not repeats of each other.
    rows = query(database_url, "SELECT status, repeat_of IS NULL FROM experiments ORDER BY 2")
    assert rows == [("done", False), ("done", True)]


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("insights", {"text": "Depth helps"}),
        ("ideas", {"hypothesis": "Raise DEPTH to 9", "rationale": "It helped"}),
    ],
)
def test_evidence_is_held_in_the_order_in_which_results_hold_experiments(
    agent, database_url, address, body
):
    """A result that needs the first and then the second must never find the second held."""
    first, second = sorted(
        agent.put(result_body(hypothesis=f"{n}", source=make_program(depth=n))).json()[
            "experiment_id"
        ]
        for n in (5, 6)
    )
    with connected(database_url, autocommit=False) as result, ThreadPoolExecutor(1) as pool:
        hold = "SELECT id FROM experiments WHERE id = %s FOR UPDATE NOWAIT"
        result.execute(hold, [first])
        publishing = pool.submit(
            agent.http.post,
            f"/v1/campaigns/{CAMPAIGN}/{address}",
            json={**body, "evidence": [second, first]},
        )
        until_done_or_blocked(publishing, database_url)
        result.execute(hold, [second])
        result.commit()
        assert publishing.result().status_code == 201


def test_what_a_frozen_replica_holds_is_free_again(database_url):
    """A transaction in which nobody asks for anything is ended by the database."""

    async def bound() -> str:
        engine = make_engine(database_url)
        async with engine.connect() as connection:
            shown = await connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout")
            found = str(shown.scalar_one())
        await engine.dispose()
        return found

    assert asyncio.run(bound()) == "15s"


def test_a_claim_that_had_to_wait_gets_its_whole_lease(agent, other, database_url):
    claim = agent.claimed()
    let_lease_run_out(database_url, claim)
    with connected(database_url, autocommit=False) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("SELECT id FROM experiments FOR UPDATE")
        takeover = pool.submit(other.claimed)
        until_done_or_blocked(takeover, database_url)
        [(let_go_at,)] = holder.execute("SELECT clock_timestamp()").fetchall()
        holder.rollback()
        expires_at = datetime.fromisoformat(takeover.result()["lease_expires_at"])
    assert expires_at >= let_go_at + timedelta(seconds=make_settings().lease_ttl_s)


def test_a_result_whose_lease_ran_out_while_it_waited_is_late(agent, database_url):
    """It began in time: what counts is the moment at which it holds its experiment."""
    claim = agent.claimed()
    with connected(database_url, autocommit=False) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("SELECT id FROM experiments FOR UPDATE")
        result = pool.submit(agent.put, result_body(claim))
        until_done_or_blocked(result, database_url)
        holder.execute("UPDATE experiments SET lease_expires_at = clock_timestamp()")
        holder.commit()
        answer = result.result()
    assert answer.status_code == 201
    assert answer.json()["late"] is True


def until_done_or_blocked(request, database_url):
    blocked = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    until(lambda: request.done() or query(database_url, blocked), limit_s=20)


def test_a_claim_that_fails_half_way_leaves_nothing(agent, database_url):
    run_sql(
        database_url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'disk full'; END $$",
    )
    run_sql(
        database_url,
        "CREATE TRIGGER refuse BEFORE INSERT ON leases FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    before = query(database_url, "SELECT count(*) FROM programs")
    assert agent.claim().status_code == 500
    assert query(database_url, "SELECT count(*) FROM experiments") == [(0,)]
    # The program is stored by a statement before the one that failed.
    assert query(database_url, "SELECT count(*) FROM programs") == before
    run_sql(database_url, "DROP TRIGGER refuse ON leases")
    assert agent.claim().status_code == 201
    assert query(database_url, "SELECT count(*) FROM programs") > before


def test_the_database_itself_refuses_an_epoch_twice(agent, database_url):
    agent.claimed()
    with pytest.raises(errors.UniqueViolation, match="pk_leases"):
        run_sql(
            database_url,
            "INSERT INTO leases SELECT experiment_id, epoch, agent_id, NULL, request_sha256, seed"
            " FROM leases",
        )
