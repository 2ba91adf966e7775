"""Each mechanism is taken out, and a test of the suite must then fail.

The table at the end is the point of this file: what holds the guarantee, how it is taken out, and
the very test that notices. A mechanism behind another one is taken out together with it.
"""

import inspect
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from coordinator import db
from coordinator.claims.rules import Completion
from coordinator.db import CLOCK
from coordinator.events.repository import add_event
from coordinator.experiments.models import Experiment, Lease
from tests.conftest import run_sql
from tests.factories import AgentClient
from tests.integration import test_failures as failures
from tests.integration import test_guarantees as guarantees
from tests.integration import test_lease_keeping as keeping
from tests.integration import test_lease_races as races
from tests.property import test_lease_state_machine as machine

# FastAPI silences this one by warnings.catch_warnings, which is no friend of threads: what one
# starting coordinator silences, another one in this process can let sound again.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.UnsupportedFieldAttributeWarning"
)

TakeOut = Callable[[pytest.FixtureRequest], AbstractContextManager[None]]


@pytest.fixture
def other(coordinator_url):
    client = AgentClient(coordinator_url)
    yield client
    client.close()


def sql_without(pattern: str, replacement: str = "") -> TakeOut:
    """Every statement is sent with what the pattern matches replaced."""

    @contextmanager
    def take_out(_request):
        hits = 0

        def rewrite(*arguments):
            nonlocal hits
            _connection, _cursor, statement, parameters, *_rest = arguments
            rewritten, count = re.subn(pattern, replacement, statement)
            hits += count
            return rewritten, parameters

        sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", rewrite, retval=True)
        try:
            yield
        finally:
            sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", rewrite)
        assert hits, f"no statement has {pattern!r}: the mutation took nothing out"

    return take_out


def replaced(where: str, by: Any) -> TakeOut:
    """The name of a module means something else."""

    @contextmanager
    def take_out(_request):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, by)
            yield

    return take_out


def schema_without(statement: str) -> TakeOut:
    """The database is changed before the coordinator starts."""

    @contextmanager
    def take_out(request):
        run_sql(request.getfixturevalue("database_url"), statement)
        yield

    return take_out


def commit_after_the_answer(_request):
    depends = db.Session.__metadata__[0]

    @contextmanager
    def take_out():
        object.__setattr__(depends, "scope", "request")
        try:
            yield
        finally:
            object.__setattr__(depends, "scope", "function")

    return take_out()


def without_transactions(database_url, **_options):
    url = sqlalchemy.make_url(database_url).set(drivername="postgresql+psycopg")
    return create_async_engine(url, isolation_level="AUTOCOMMIT")


async def no_lock_but_the_time_of_one(session, _name):
    # All wake at the same instant, however far apart they came, and look before any has written:
    # the race shows every time.
    await session.execute(text("SELECT pg_sleep(2 - extract(epoch FROM clock_timestamp()) % 2)"))


async def look_then_insert(
    session, *, lease_ttl_s, claim_key, request_sha256, agent_name, **values
):
    """Grant as a client without an upsert would."""
    key = values["dedup_key"]
    taken = await session.scalar(select(Experiment.id).where(Experiment.dedup_key == key))
    await session.execute(text("SELECT pg_sleep(0.5)"))
    if taken is not None:
        return None
    expires_at = CLOCK + sqlalchemy.func.make_interval(0, 0, 0, 0, 0, 0, lease_ttl_s)
    rows = await session.execute(
        insert(Experiment)
        .values(status="claimed", epoch=1, lease_expires_at=expires_at, **values)
        .returning(Experiment.id, Experiment.epoch, Experiment.lease_expires_at)
    )
    granted = rows.one()
    lease = Lease(
        experiment_id=granted.id,
        epoch=granted.epoch,
        agent_id=values["agent_id"],
        claim_key=claim_key,
        request_sha256=request_sha256,
        seed=values["seed"],
    )
    session.add(lease)
    await add_event(session, "claimed", experiment_id=granted.id, agent=agent_name)
    return granted


def every_epoch_completes(_state, *, epoch, now):  # noqa: ARG001 the rule's own signature
    return Completion(completes=True, is_late=False)


def the_model(services, database_url):
    with machine.swarm_of_two_coordinators(services, database_url) as swarm:
        machine.check_leases_against_the_model(swarm, examples=40, shrink=False)


@dataclass(frozen=True)
class Mutation:
    """A mechanism, how it is taken out, and the test that must fail then."""

    mechanism: str
    take_out: tuple[TakeOut, ...]
    noticed_by: Callable[..., None]


ROW_LOCK = sql_without(r" FOR UPDATE\s*$")
FENCE = r"experiments\.epoch = %\(epoch_1\)s::BIGINT AND "
NO_UPSERT = replaced("coordinator.claims.service.grant_claim", look_then_insert)
NO_UNIQUE_PROGRAM = schema_without(
    "ALTER TABLE experiments DROP CONSTRAINT uq_experiments_dedup_key"
)
EARLIER = "lease_expires_at = excluded.lease_expires_at"
NO_LEASE_KEY = schema_without("ALTER TABLE leases DROP CONSTRAINT pk_leases")
NO_NEXT_EPOCH = sql_without(r"epoch = \(experiments\.epoch \+ %\(epoch_1\)s::BIGINT\), ")

MUTATIONS = [
    Mutation(
        "only the current epoch completes",
        (replaced("coordinator.results.service.decide_completion", every_epoch_completes),),
        guarantees.test_only_the_current_epoch_completes_and_the_late_result_is_kept_as_a_repeat,
    ),
    Mutation(
        "a result holds its experiment's row",
        (ROW_LOCK,),
        races.test_a_result_and_a_takeover_at_the_same_instant_have_one_winner,
    ),
    Mutation(
        "the epoch in the statement that completes, behind the row lock",
        (ROW_LOCK, sql_without(FENCE)),
        races.test_a_result_and_a_takeover_at_the_same_instant_have_one_winner,
    ),
    Mutation(
        "the epoch in the statement that renews",
        (sql_without(FENCE),),
        keeping.test_a_heartbeat_that_is_overtaken_by_a_takeover_loses,
    ),
    Mutation(
        "only the current epoch renews",
        (replaced("coordinator.claims.keeping.may_renew", lambda *_, **__: True),),
        the_model,
    ),
    Mutation(
        "a grant is one statement",
        (NO_UPSERT,),
        races.test_one_program_claimed_at_once_in_many_words_is_granted_once,
    ),
    Mutation(
        "a program exists once, behind the one statement",
        (NO_UNIQUE_PROGRAM, NO_UPSERT),
        races.test_one_program_claimed_at_once_in_many_words_is_granted_once,
    ),
    Mutation(
        "a grant looks at the expiry",
        (sql_without(r"OR experiments\.lease_expires_at <= clock_timestamp\(\)", "OR true"),),
        races.test_one_program_claimed_at_once_in_many_words_is_granted_once,
    ),
    Mutation(
        "a grant looks at the expiry itself, without a sweep",
        (sql_without(r"OR experiments\.lease_expires_at <= clock_timestamp\(\)"),),
        keeping.test_a_claim_that_ran_out_is_free_before_any_sweep,
    ),
    Mutation(
        "a takeover counts its lease from when it gets the row",
        (sql_without(r"lease_expires_at = \(clock_timestamp\(\)[^)]*\)", EARLIER),),
        races.test_a_claim_that_had_to_wait_gets_its_whole_lease,
    ),
    Mutation(
        "each grant is the next epoch",
        (NO_NEXT_EPOCH,),
        guarantees.test_a_claim_that_ran_out_is_given_to_another_under_the_next_epoch,
    ),
    Mutation(
        "no epoch is given twice, behind the next epoch",
        (NO_LEASE_KEY, NO_NEXT_EPOCH),
        the_model,
    ),
    Mutation(
        "the primary key of leases",
        (NO_LEASE_KEY,),
        races.test_the_database_itself_refuses_an_epoch_twice,
    ),
    Mutation(
        "one transaction for a request",
        (replaced("coordinator.app.make_engine", without_transactions),),
        races.test_a_claim_that_fails_half_way_leaves_nothing,
    ),
    Mutation(
        "the commit comes before the answer",
        (commit_after_the_answer,),
        failures.test_a_failed_commit_is_a_server_error_and_stores_nothing,
    ),
    Mutation(
        "two sendings of one result wait for each other",
        (replaced("coordinator.results.service.lock_until_commit", no_lock_but_the_time_of_one),),
        guarantees.test_a_result_sent_many_times_at_once_is_stored_once,
    ),
    Mutation(
        "two sendings of one claim wait for each other",
        (replaced("coordinator.claims.service.lock_until_commit", no_lock_but_the_time_of_one),),
        races.test_one_claim_key_sent_many_times_at_once_is_one_claim,
    ),
    Mutation(
        "a heartbeat early in the lease writes nothing",
        (replaced("coordinator.claims.keeping.must_renew", lambda *_, **__: True),),
        keeping.test_a_heartbeat_early_in_the_lease_writes_and_locks_nothing,
    ),
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.mechanism)
def test_without_it_the_suite_fails(mutation, request):
    with ExitStack() as mutated:
        for take_out in mutation.take_out:
            mutated.enter_context(take_out(request))
        # After the mutation: the coordinator starts with it.
        names = inspect.signature(mutation.noticed_by).parameters
        fixtures = {name: request.getfixturevalue(name) for name in names}
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            mutation.noticed_by(**fixtures)
