"""Leases against a model: random histories over two coordinators on one Postgres."""

import asyncio
import copy
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import make_url

from coordinator.db import make_engine, make_sessions
from coordinator.embedded import Services
from coordinator.maintenance.expiry import sweep_expired_leases
from shared.ids import new_id
from tests.factories import (
    BASELINE_SHA256,
    AgentClient,
    add_campaign,
    make_program,
    result_body,
    serving,
)

# FastAPI silences this one by warnings.catch_warnings, which is no friend of threads: what one
# starting coordinator silences, another one in this process can let sound again.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pydantic.warnings.UnsupportedFieldAttributeWarning"
)

AGENTS = 3
PROGRAMS = 3
COORDINATORS = 2
STEPS = 25

agents = st.integers(0, AGENTS - 1)
programs = st.integers(0, PROGRAMS - 1)
coordinators = st.integers(0, COORDINATORS - 1)
any_of_them = st.integers(0, 2**16)  # taken modulo how many there are

depths = itertools.count(100)  # every example has programs of its own


@dataclass(frozen=True, kw_only=True)
class Swarm:
    """Two coordinators, and each agent's connections to both."""

    agents: list[list[AgentClient]]
    postgres: psycopg.Connection[Any]
    database_url: str


@contextmanager
def swarm_of_two_coordinators(services: Services, database_url: str) -> Iterator[Swarm]:
    add_campaign(database_url)
    here = Services(database_url=database_url, redis_url=services.redis_url)
    plain_url = make_url(database_url).set(drivername="postgresql").render_as_string(False)
    with ExitStack() as stack:
        urls = [stack.enter_context(serving(here)) for _ in range(COORDINATORS)]
        clients = []
        for _ in range(AGENTS):
            first = AgentClient(urls[0])
            second = copy.copy(first)
            second.http = httpx.Client(base_url=urls[1], headers=first.http.headers, timeout=30)
            clients.append([first, second])
            stack.callback(first.close)
            stack.callback(second.close)
        postgres = stack.enter_context(psycopg.connect(plain_url, autocommit=True))
        yield Swarm(agents=clients, postgres=postgres, database_url=database_url)


@dataclass(frozen=True, kw_only=True)
class Granted:
    """A lease that the model saw granted."""

    experiment: "Held"
    epoch: int
    agent: int
    claim: dict[str, Any]
    body: dict[str, Any]


@dataclass(kw_only=True)
class Held:
    """What the model knows of one experiment."""

    experiment_id: str
    program: int
    epoch: int
    state: str = "claimed"
    is_live: bool = True
    is_answered: bool = False  # by a result of an older epoch: who asks anew learns it
    leases: list[Granted] = field(default_factory=list)

    def is_kept_by(self, epoch: int) -> bool:
        return self.state == "claimed" and epoch == self.epoch


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """A result that was answered with a success."""

    result_id: UUID
    agent: int
    body: dict[str, Any]
    answer: dict[str, Any]


def problem(answer: httpx.Response) -> str:
    assert answer.is_client_error, answer.text
    return str(answer.json()["type"]).rsplit("#", 1)[1]


class Leases(RuleBasedStateMachine):
    """Every answer is what the model says, and the database holds what was answered."""

    swarm: Swarm

    def __init__(self) -> None:
        super().__init__()
        self.sources = [next(depths) for _ in range(PROGRAMS)]
        self.held: dict[int, Held] = {}
        self.leases: list[Granted] = []
        self.results: list[Acknowledged] = []

    def claim_body(self, program: int) -> dict[str, Any]:
        depth = self.sources[program]
        return {
            "hypothesis": f"Set DEPTH to {depth}",
            "source": make_program(depth=depth),
            "base": BASELINE_SHA256,
            "claim_key": str(new_id()),
        }

    def is_open(self, program: int) -> bool:
        held = self.held.get(program)
        if held is None:
            return True
        return held.state != "done" and not held.is_live and not held.is_answered

    def note_grant(self, program: int, agent: int, body: Any, answer: httpx.Response) -> None:
        claim = answer.json()
        held = self.held.get(program)
        if held is None:
            held = Held(experiment_id=claim["experiment_id"], program=program, epoch=0)
            self.held[program] = held
        assert claim["experiment_id"] == held.experiment_id
        assert claim["epoch"] == held.epoch + 1, "epochs of an experiment count up by one"
        held.epoch, held.state, held.is_live = claim["epoch"], "claimed", True
        granted = Granted(
            experiment=held, epoch=claim["epoch"], agent=agent, claim=claim, body=body
        )
        held.leases.append(granted)
        self.leases.append(granted)

    @rule(program=programs, agent=agents, at=coordinators)
    def claim(self, program: int, agent: int, at: int) -> None:
        body = self.claim_body(program)
        answer = self.swarm.agents[agent][at].claim(**body)
        if self.is_open(program):
            assert answer.status_code == 201, answer.text
            self.note_grant(program, agent, body, answer)
        else:
            assert problem(answer) == "duplicate-claim"

    @rule(program=programs)
    def everybody_claims_at_once(self, program: int) -> None:
        tries = [
            (number % AGENTS, number % COORDINATORS, self.claim_body(program))
            for number in range(AGENTS + 1)
        ]
        with ThreadPoolExecutor(len(tries)) as pool:
            answers = list(
                pool.map(lambda each: self.swarm.agents[each[0]][each[1]].claim(**each[2]), tries)
            )
        granted = [
            (agent, body, answer)
            for (agent, _, body), answer in zip(tries, answers, strict=True)
            if answer.status_code == 201
        ]
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len(granted) == (1 if self.is_open(program) else 0)
        for agent, body, answer in granted:
            self.note_grant(program, agent, body, answer)

    @precondition(lambda self: self.leases)
    @rule(which=any_of_them, at=coordinators)
    def crash_and_ask_again_with_the_same_claim_key(self, which: int, at: int) -> None:
        lease = self.leases[which % len(self.leases)]
        answer = self.swarm.agents[lease.agent][at].claim(**lease.body)
        if lease.experiment.is_kept_by(lease.epoch):
            assert answer.status_code == 201, answer.text
            for name in ("experiment_id", "epoch", "seed"):
                assert answer.json()[name] == lease.claim[name]
            lease.experiment.is_live = True
        else:
            assert problem(answer) == "lease-lost"

    @precondition(lambda self: self.leases)
    @rule(which=any_of_them, at=coordinators)
    def heartbeat(self, which: int, at: int) -> None:
        lease = self.leases[which % len(self.leases)]
        answer = self.swarm.agents[lease.agent][at].heartbeat(lease.claim)
        if lease.experiment.is_kept_by(lease.epoch):
            assert answer.status_code == 200, answer.text
            lease.experiment.is_live = True
        else:
            assert problem(answer) == "lease-lost"

    @precondition(lambda self: self.leases)
    @rule(which=any_of_them, at=coordinators)
    def heartbeat_of_what_one_never_got(self, which: int, at: int) -> None:
        lease = self.leases[which % len(self.leases)]
        stranger = self.swarm.agents[(lease.agent + 1) % AGENTS][at]
        assert problem(stranger.heartbeat(lease.claim)) == "not-your-claim"
        never = {**lease.claim, "epoch": lease.experiment.epoch + 1}
        assert problem(stranger.heartbeat(never)) == "unknown-epoch"

    @precondition(lambda self: self.leases)
    @rule(which=any_of_them, at=coordinators)
    def release(self, which: int, at: int) -> None:
        lease = self.leases[which % len(self.leases)]
        held = lease.experiment
        answer = self.swarm.agents[lease.agent][at].release(lease.claim)
        if lease.epoch == held.epoch and held.state != "done":
            assert answer.status_code == 204, answer.text
            held.state, held.is_live = "released", False
        else:
            assert problem(answer) == "lease-lost"

    @precondition(lambda self: self.leases)
    @rule(which=any_of_them, at=coordinators, score=st.integers(1, 99))
    def result(self, which: int, at: int, score: int) -> None:
        lease = self.leases[which % len(self.leases)]
        held = lease.experiment
        body = result_body(
            lease.claim,
            hypothesis=lease.body["hypothesis"],
            source=lease.body["source"],
            base=BASELINE_SHA256,
            metrics={"val_bpb": 1 + score / 100},
        )
        result_id = new_id()
        response = self.swarm.agents[lease.agent][at].put(body, result_id)
        assert response.status_code == 201, response.text
        answer = response.json()
        completes = lease.epoch == held.epoch and held.state != "done"
        assert (answer["experiment_id"] == held.experiment_id) == completes
        assert answer["late"] == (not (completes and held.is_live))
        assert answer["repeat_of"] == (None if completes else held.experiment_id)
        if completes:
            held.state, held.is_live = "done", False
        held.is_answered = True
        self.results.append(
            Acknowledged(result_id=result_id, agent=lease.agent, body=body, answer=answer)
        )

    @precondition(lambda self: self.results)
    @rule(which=any_of_them, at=coordinators)
    def replay_a_result(self, which: int, at: int) -> None:
        stored = self.results[which % len(self.results)]
        client = self.swarm.agents[stored.agent][at]
        again = client.put(stored.body, stored.result_id)
        assert (again.status_code, again.json()) == (200, stored.answer)
        other = client.put({**stored.body, "log_tail": "changed"}, stored.result_id)
        assert problem(other) == "result-conflict"

    @precondition(lambda self: any(held.is_live for held in self.held.values()))
    @rule(which=any_of_them)
    def the_lease_runs_out(self, which: int) -> None:
        live = [held for held in self.held.values() if held.is_live]
        held = live[which % len(live)]
        self.swarm.postgres.execute(
            "UPDATE experiments SET lease_expires_at = clock_timestamp() - interval '1 s'"
            " WHERE id = %s",
            [held.experiment_id],
        )
        held.is_live = False

    @rule()
    def the_sweep_comes_by(self) -> None:
        async def sweep() -> None:
            engine = make_engine(self.swarm.database_url)
            await sweep_expired_leases(make_sessions(engine))
            await engine.dispose()

        asyncio.run(sweep())

    @invariant()
    def at_most_one_live_lease_for_each_program(self) -> None:
        doubled = self.swarm.postgres.execute(
            "SELECT source_sha256 FROM experiments WHERE status = 'claimed'"
            " AND lease_expires_at > clock_timestamp() GROUP BY 1 HAVING count(*) > 1"
        ).fetchall()
        assert doubled == []

    @invariant()
    def the_database_is_where_the_model_is(self) -> None:
        for held in self.held.values():
            row = self.swarm.postgres.execute(
                "SELECT epoch, status = 'done', status = 'released',"
                " status = 'claimed' AND lease_expires_at > clock_timestamp()"
                " FROM experiments WHERE id = %s",
                [held.experiment_id],
            ).fetchone()
            is_done, is_released = held.state == "done", held.state == "released"
            assert row == (held.epoch, is_done, is_released, held.is_live)

    @invariant()
    def epochs_count_one_two_three_in_the_order_of_granting(self) -> None:
        for held in self.held.values():
            rows = self.swarm.postgres.execute(
                "SELECT epoch, agent_id FROM leases WHERE experiment_id = %s ORDER BY granted_at",
                [held.experiment_id],
            ).fetchall()
            expected = [
                (lease.epoch, self.swarm.agents[lease.agent][0].agent_id) for lease in held.leases
            ]
            assert rows == expected
            assert [epoch for epoch, _ in rows] == list(range(1, held.epoch + 1))

    @invariant()
    def nothing_acknowledged_disappears(self) -> None:
        rows = self.swarm.postgres.execute(
            "SELECT id, experiment_id::text, val_bpb FROM results WHERE id = ANY(%s)",
            [[stored.result_id for stored in self.results]],
        ).fetchall()
        assert sorted(rows) == sorted(
            (
                stored.result_id,
                stored.answer["experiment_id"],
                stored.body["metrics"]["val_bpb"],
            )
            for stored in self.results
        )


def check_leases_against_the_model(swarm: Swarm, *, examples: int, shrink: bool = True) -> None:
    """Run random histories; raise with the shortest one found that the model contradicts."""
    machine = type("LeasesOfThisSwarm", (Leases,), {"swarm": swarm})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink][: 1 + shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_leases_over_two_coordinators_keep_to_the_model(services, database_url):
    with swarm_of_two_coordinators(services, database_url) as swarm:
        check_leases_against_the_model(swarm, examples=15)
