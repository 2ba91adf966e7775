"""Two coordinator processes under load, killed in turn while many clients are at work."""

import asyncio
import os
import signal
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from coordinator.campaigns.folder import CampaignFolder
from coordinator.embedded import Services
from coordinator.laptop.processes import Child, running
from tests.factories import add_campaign, make_campaign_folder, make_settings
from tests.load.clients import BASELINE, Client, Plan
from tests.load.history import Operation, Tables, read_tables

LEASE_TTL_S = 1
START_TIMEOUT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """How much trouble to make."""

    operations: int
    clients: int
    kills: int
    longest_s: float = 3_600.0
    seed: int = 1


class Coordinator:
    """One coordinator on a port of its own, which it keeps through its deaths."""

    def __init__(self, number: int, services: Services, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._name = f"coordinator-{number}"
        self._folder = folder
        self._environment = {
            **make_settings(home=folder).child_environment(
                database_url=services.database_url, redis_url=services.redis_url
            ),
            "SWARMLAB_LEASE_TTL_S": str(LEASE_TTL_S),
            "OMP_NUM_THREADS": "1",
        }
        self._stack = ExitStack()
        self._child: Child | None = None

    def start(self) -> None:
        self._child = self._stack.enter_context(
            running(
                self._name,
                ["coordinator", "--port", str(self._port)],
                environment=self._environment,
                log_folder=self._folder,
            )
        )

    async def is_ready(self) -> None:
        assert self._child is not None
        async with httpx.AsyncClient(base_url=self.url) as http, asyncio.timeout(START_TIMEOUT_S):
            while True:
                assert self._child.process.poll() is None, self._child.log_tail()
                try:
                    if (await http.get("/readyz")).is_success:
                        return
                except httpx.TransportError:
                    pass  # not listening yet
                await asyncio.sleep(0.1)

    def kill(self) -> None:
        assert self._child is not None
        os.kill(self._child.process.pid, signal.SIGKILL)
        self._child.process.wait()

    def stop(self) -> None:
        self._stack.close()


def generate(
    load: Load, services: Services, folder: Path
) -> tuple[list[Operation], Tables, dict[str, Any]]:
    """Return the history, the rows that it left, and the figures of the run."""
    tiny = make_campaign_folder()
    add_campaign(
        services.database_url,
        CampaignFolder(profile=tiny.profile, frozen=tiny.frozen, baseline=BASELINE),
    )
    coordinators = [Coordinator(number, services, folder) for number in range(2)]
    try:
        for each in coordinators:
            each.start()
        operations, seconds, kills = asyncio.run(_run(load, coordinators))
    finally:
        for each in coordinators:
            each.stop()
    report = {
        "clients": load.clients,
        "coordinator_kills": kills,
        "lease_ttl_s": LEASE_TTL_S,
        "seconds": round(seconds, 1),
        "operations_per_s": round(len(operations) / seconds, 1),
    }
    return operations, read_tables(services.database_url), report


async def _run(load: Load, coordinators: list[Coordinator]) -> tuple[list[Operation], float, int]:
    await asyncio.gather(*(each.is_ready() for each in coordinators))
    plan = Plan(
        urls=[each.url for each in coordinators],
        operations=load.operations,
        lease_ttl_s=LEASE_TTL_S,
        window=load.clients,
        # So that a client gets through about six experiments, however many operations there are.
        beats=max(1, load.operations // (6 * load.clients)),
        ends_s=time.monotonic() + load.longest_s,
    )
    clients = [Client(number, plan, seed=load.seed) for number in range(load.clients)]
    await asyncio.gather(*(each.register() for each in clients))
    began = time.monotonic()
    killer = asyncio.create_task(_kill_in_turn(load, plan, coordinators))
    await asyncio.gather(*(each.live() for each in clients))
    seconds = time.monotonic() - began
    return plan.recorded, seconds, await killer


async def _kill_in_turn(load: Load, plan: Plan, coordinators: list[Coordinator]) -> int:
    """Kill a coordinator at even parts of the load, and wait until it is back."""
    for kill in range(load.kills):
        while plan.answered < load.operations * (kill + 1) / (load.kills + 1):
            if plan.is_over:
                return kill
            await asyncio.sleep(0.05)
        coordinator = coordinators[kill % len(coordinators)]
        coordinator.kill()
        coordinator.start()
        await coordinator.is_ready()
    return load.kills
