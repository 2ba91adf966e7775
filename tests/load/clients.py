"""Clients that behave like volunteers' machines: wrong clocks, naps, deaths, second tries."""

import asyncio
import random
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shared.ids import new_id
from shared.sources import source_sha256
from tests.factories import CAMPAIGN, PLATFORM
from tests.load.history import Operation

KNOBS = 60
TRIES = 40  # of one request, while coordinators die and come back
LONGEST_SKEW_S = 300.0

# One for all: each client would spend 20 ms on its own, for connections that are not encrypted.
TLS = ssl.create_default_context()

BASELINE = "".join(f"KNOB_{knob} = {knob}\n" for knob in range(KNOBS)) + "print(KNOB_0)\n"


class DiedError(Exception):
    """The client died: what it knew is gone."""


@dataclass(kw_only=True)
class Plan:
    """What all clients share: the programs to try, and when it is over."""

    urls: Sequence[str]
    operations: int
    lease_ttl_s: float
    window: int
    beats: int  # of a claim, on average
    ends_s: float
    recorded: list[Operation] = field(default_factory=list)
    answered: int = 0
    done: set[int] = field(default_factory=set)
    frontier: int = 0

    @property
    def is_over(self) -> bool:
        return self.answered >= self.operations or time.monotonic() >= self.ends_s

    def note(self, operation: Operation) -> None:
        self.recorded.append(operation)
        self.answered += operation.status is not None and operation.status < 500

    def choose_program(self, chance: random.Random) -> int:
        """Return one of few programs, so that clients want the same."""
        while self.frontier in self.done:
            self.done.remove(self.frontier)
            self.frontier += 1
        return chance.randrange(self.frontier, self.frontier + self.window)


def make_body(program: int) -> dict[str, Any]:
    knob, value = program % KNOBS, 1000 + program // KNOBS
    return {
        "hypothesis": f"Set KNOB_{knob} to {value}",
        "source": BASELINE.replace(f"KNOB_{knob} = {knob}\n", f"KNOB_{knob} = {value}\n"),
        "base": source_sha256(BASELINE),
    }


class Client:
    """One volunteer: an agent, a clock that is wrong, and a liking for trouble."""

    def __init__(self, number: int, plan: Plan, *, seed: int) -> None:
        self.number = number
        self.plan = plan
        self.chance = random.Random(seed * 1_000_003 + number)
        self.skew_s = self.chance.uniform(-LONGEST_SKEW_S, LONGEST_SKEW_S)
        self.at = [httpx.AsyncClient(base_url=url, timeout=30, verify=TLS) for url in plan.urls]
        self.agent_id = ""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skew_s)

    async def register(self) -> None:
        answer = await self.at[self.number % len(self.at)].post(
            "/v1/agents", json={"name": f"load-{new_id().hex}", "hardware": {"platform": PLATFORM}}
        )
        answer.raise_for_status()
        self.agent_id = answer.json()["agent_id"]
        for each in self.at:
            each.headers["Authorization"] = f"Bearer {answer.json()['api_key']}"

    async def live(self) -> None:
        """Claim, run and tell until the plan is over, through deaths and rebirths."""
        while not self.plan.is_over:
            try:
                await self.try_a_program()
            except DiedError:
                continue  # started again, knowing nothing
        for each in self.at:
            await each.aclose()

    async def try_a_program(self) -> None:
        program = self.plan.choose_program(self.chance)
        body = {**make_body(program), "claim_key": str(new_id())}
        claim = await self.claim(body)
        if not claim.is_acknowledged:
            if claim.answer == {"is_done": True}:
                self.plan.done.add(program)
            return
        for _ in range(self.chance.randint(1, 2 * self.plan.beats)):
            if self.plan.is_over:
                return
            await self.wait_before_beating(claim)
            await self.heartbeat(claim)
        fate = self.chance.random()
        if fate < 0.08:
            raise DiedError
        if fate < 0.16:
            await self.send(
                Operation(
                    kind="release",
                    **self.of(claim),
                ),
                "DELETE",
                f"/v1/experiments/{claim.experiment_id}/claim?epoch={claim.epoch}",
            )
            return
        if fate < 0.24:  # died, came back and remembers nothing but its claim key
            again = await self.claim(body)
            claim = again if again.is_acknowledged else claim
        await self.tell(claim, body)
        self.plan.done.add(program)

    async def wait_before_beating(self, claim: Operation) -> None:
        """Beat after a part of what is left by one's own clock, be it right or wrong."""
        ttl_s = self.plan.lease_ttl_s
        if self.chance.random() < 0.02:
            await asyncio.sleep(self.chance.uniform(1.0, 2.0) * ttl_s)  # a nap beyond the lease
            return
        assert claim.lease_expires_at is not None
        left_s = claim.lease_expires_at - self.now().timestamp()
        await asyncio.sleep(self.chance.random() * min(max(left_s / 3, 0.01), ttl_s / 3))

    async def claim(self, body: dict[str, Any]) -> Operation:
        """Ask until there is an answer, a grant or a refusal."""
        operation = Operation(
            kind="claim",
            client=self.number,
            agent_id=self.agent_id,
            invoked_s=0.0,
            claim_key=body["claim_key"],
        )
        return await self.send(operation, "POST", f"/v1/campaigns/{CAMPAIGN}/claims", body)

    async def heartbeat(self, claim: Operation) -> None:
        path = f"/v1/experiments/{claim.experiment_id}/heartbeat"
        await self.send(
            Operation(kind="heartbeat", **self.of(claim)), "POST", path, {"epoch": claim.epoch}
        )

    async def tell(self, claim: Operation, body: dict[str, Any]) -> None:
        result_id = str(new_id())
        val_bpb = 1 + self.chance.random()
        started_at = self.now()
        result = {
            **{name: body[name] for name in ("hypothesis", "source", "base")},
            "experiment_id": claim.experiment_id,
            "epoch": claim.epoch,
            "metrics": {"val_bpb": val_bpb},
            "platform": PLATFORM,
            "started_at": started_at.isoformat(),
        }
        operation = Operation(kind="result", result_id=result_id, val_bpb=val_bpb, **self.of(claim))
        for _ in range(self.chance.choice((1, 1, 2, 3, 4))):  # an outbox that lost an answer
            await self.send(
                operation, "PUT", f"/v1/campaigns/{CAMPAIGN}/results/{result_id}", result
            )

    def of(self, claim: Operation) -> dict[str, Any]:
        return {
            "client": self.number,
            "agent_id": self.agent_id,
            "experiment_id": claim.experiment_id,
            "epoch": claim.epoch,
            "invoked_s": 0.0,
        }

    async def send(
        self, operation: Operation, method: str, path: str, body: Any = None
    ) -> Operation:
        """Record each try; repeat until one is answered.

        Raises:
            DiedError: This client died while it waited.
        """
        for _ in range(TRIES):
            coordinator = self.chance.choice(self.at)
            patience_s = self.chance.uniform(0, 0.05) if self.chance.random() < 0.01 else 60
            invoked = replace(operation, invoked_s=time.monotonic())
            try:
                async with asyncio.timeout(patience_s):
                    answer = await coordinator.request(method, path, json=body)
            except TimeoutError:
                self.plan.note(invoked)
                raise DiedError from None
            except httpx.TransportError:
                self.plan.note(invoked)
                await asyncio.sleep(0.2)  # that coordinator is being started again
                continue
            done = _answered(invoked, answer)
            self.plan.note(done)
            if done.status is not None and done.status < 500:
                return done
            await asyncio.sleep(0.2)
        raise DiedError


def _answered(invoked: Operation, answer: httpx.Response) -> Operation:
    body = answer.json() if answer.content else {}
    if not answer.is_success:
        return replace(
            invoked,
            responded_s=time.monotonic(),
            status=answer.status_code,
            problem=body["type"].rsplit("#", 1)[1],
            answer={"is_done": any(match["status"] == "done" for match in body["matches"])}
            if "matches" in body
            else None,
        )
    expires_at = body.get("lease_expires_at")
    return replace(
        invoked,
        responded_s=time.monotonic(),
        status=answer.status_code,
        experiment_id=invoked.experiment_id or body.get("experiment_id"),
        epoch=invoked.epoch or body.get("epoch"),
        lease_expires_at=datetime.fromisoformat(expires_at).timestamp() if expires_at else None,
        answer={name: body[name] for name in ("experiment_id", "late", "outcome", "repeat_of")}
        if invoked.kind == "result"
        else None,
    )
