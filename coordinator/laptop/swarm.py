"""Bringing a swarm up on one machine, and down again."""

import asyncio
import json
import os
import queue
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import httpx
from rich.console import Console

from coordinator.campaigns.creation import create_from_folder
from coordinator.campaigns.data import DataPreparationError, PreparationStoppedError
from coordinator.embedded import HomeInUseError, running_services
from coordinator.errors import SwarmlabError
from coordinator.laptop.display import SwarmDisplay
from coordinator.laptop.processes import Child, running
from coordinator.laptop.summary import best_and_baseline
from coordinator.ports import PortTakenError, refuse_taken_port
from coordinator.schema import migrate
from coordinator.settings import CoordinatorSettings
from shared.signals import STOPPED, stop_event

HOST = "127.0.0.1"
READY_TIMEOUT_S = 60.0
OUTCOMES = ("keep", "discard", "crash")

WorkerEvents = queue.Queue[tuple[str, dict[str, Any]]]


class SwarmFailedError(RuntimeError):
    """A part of the swarm did not start, or ended by itself."""


@dataclass(frozen=True, kw_only=True)
class SwarmPlan:
    """What to run; ``experiments`` is ``None`` for a swarm that runs until it is stopped."""

    folder: Path
    profile: str
    workers: int
    experiments: int | None
    port: int

    def quotas(self) -> list[int | None]:
        """Return how many experiments each worker is to run."""
        if self.experiments is None:
            return [None] * self.workers
        share, rest = divmod(self.experiments, self.workers)
        return [share + (index < rest) for index in range(self.workers)]


def run_swarm(settings: CoordinatorSettings, plan: SwarmPlan, *, as_json: bool) -> int:
    """Run the swarm until its experiments are done or somebody stops it; return the exit code."""
    console = Console(stderr=as_json)
    with stop_event() as stop:
        try:
            summary = _run(settings, plan, console, stop)
        except PreparationStoppedError:
            return 0 if plan.experiments is None else STOPPED
        except subprocess.CalledProcessError:
            # Ctrl-C reaches all that a terminal runs, so also a Postgres that is being made.
            if not stop.is_set():
                raise
            return 0 if plan.experiments is None else STOPPED
        except (
            *(HomeInUseError, PortTakenError, SwarmFailedError, SwarmlabError),
            *(DataPreparationError, FileNotFoundError),
        ) as error:
            Console(stderr=True).print(
                f"swarmlab up: {error}", soft_wrap=True, style="red", markup=False
            )
            return 1
    if as_json:
        print(json.dumps(summary))  # noqa: T201 the document that --json promises
    else:
        for key, value in summary.items():
            console.print(f"{key}: {value}", highlight=False)
    is_complete = plan.experiments in (None, summary["experiments"])
    return 0 if is_complete else STOPPED


def _run(
    settings: CoordinatorSettings, plan: SwarmPlan, console: Console, stop: Event
) -> dict[str, Any]:
    started = time.monotonic()
    url = f"http://{HOST}:{plan.port}"
    outcomes: Counter[str] = Counter()
    refuse_taken_port(HOST, plan.port)
    with ExitStack() as stack:
        console.print(f"Starting Postgres and Redis in {settings.home_path}", soft_wrap=True)
        services = stack.enter_context(running_services(settings))
        migrate(services.database_url)
        start = partial(
            running,
            environment=settings.child_environment(
                database_url=services.database_url, redis_url=services.redis_url
            ),
            log_folder=settings.home_path / "logs",
        )
        console.print(f"Starting the coordinator at {url} (its API: {url}/docs)", soft_wrap=True)
        coordinator = stack.enter_context(
            start("coordinator", ["coordinator", "--port", str(plan.port)])
        )
        console.print("Preparing the campaign's data and tokenizer")
        campaign = asyncio.run(
            create_from_folder(
                services.database_url,
                plan.folder,
                plan.profile,
                home=settings.home_path,
                should_stop=stop.is_set,
                may_rename=True,
            )
        )
        client = stack.enter_context(httpx.Client(base_url=url, timeout=10))
        _wait_until_ready(client, coordinator, stop)
        events: WorkerEvents = queue.Queue()
        with SwarmDisplay(console, url=url, campaign=campaign.name) as display, ExitStack() as crew:
            threads = max(1, (os.cpu_count() or 1) // max(1, plan.workers))
            workers = [
                crew.enter_context(
                    start(
                        f"laptop-{number}",
                        [
                            *("worker", "--json", "--coordinator", url),
                            *("--campaign", campaign.name, "--name", f"laptop-{number}"),
                            *("--threads", str(threads)),
                            *(("--experiments", str(quota)) if quota is not None else ()),
                        ],
                        on_line=_event_reader(events, f"laptop-{number}"),
                    )
                )
                for number, quota in enumerate(plan.quotas(), start=1)
                if quota != 0
            ]
            _follow(display, events, outcomes, [coordinator, *workers], stop)
            if stop.is_set():
                display.say("Stopping: the workers abandon their runs and give their claims back.")
        # The crew has left: what it published last is in.
        _drain(events, outcomes)
        return {
            "experiments": outcomes.total(),
            "outcomes": {outcome: outcomes[outcome] for outcome in OUTCOMES},
            **best_and_baseline(client, campaign.name),
            "seconds": round(time.monotonic() - started, 1),
        }


def _follow(
    display: SwarmDisplay,
    events: WorkerEvents,
    outcomes: Counter[str],
    children: Sequence[Child],
    stop: Event,
) -> None:
    """Show and count events until every worker has finished or somebody stops the swarm."""
    coordinator, *workers = children
    while not stop.is_set():
        try:
            worker, event = events.get(timeout=0.2)
        except queue.Empty:
            for child in children:
                code = child.process.poll()
                if code is not None and (child is coordinator or code != 0):
                    raise SwarmFailedError(
                        f"{child.name} ended with exit code {code}; {child.log_path} ends with:\n"
                        f"{child.log_tail()}"
                    ) from None
            if all(child.process.poll() == 0 for child in workers) and events.empty():
                return
        else:
            _count(event, outcomes)
            display.show(worker, event)


def _drain(events: WorkerEvents, outcomes: Counter[str]) -> None:
    while not events.empty():
        _count(events.get()[1], outcomes)


def _count(event: dict[str, Any], outcomes: Counter[str]) -> None:
    if event.get("event") == "published":
        outcomes[str(event["outcome"])] += 1


def _event_reader(events: WorkerEvents, worker: str) -> Callable[[str], None]:
    def read(line: str) -> None:
        events.put((worker, json.loads(line)))

    return read


def _wait_until_ready(client: httpx.Client, coordinator: Child, stop: Event) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and coordinator.process.poll() is None:
        try:
            if client.get("/readyz").is_success or stop.is_set():
                return
        except httpx.TransportError:
            pass  # not listening yet
        stop.wait(0.1)
    raise SwarmFailedError(
        f"the coordinator did not become ready; {coordinator.log_path} ends with:\n"
        f"{coordinator.log_tail()}"
    )
