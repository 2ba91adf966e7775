"""Three hundred random cycles of everything going wrong, and a ledger at the end."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import httpx
import pytest

from coordinator.embedded import Services
from tests.factories import add_campaign
from tests.integration.test_worker_kill import Stable, check_nothing_is_lost_or_doubled
from tests.integration.worker_chaos import MODES, STALL_S, troubled_line

CYCLES = 300
COORDINATOR_DEATHS = 8
SEED = 20261121


class Coordinator:
    """A coordinator in a process of its own, on one port, that may be killed."""

    def __init__(self, services: Services, database_url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DATABASE_URL": database_url,
            "REDIS_URL": services.redis_url,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "shared.cli", "coordinator", "--port", str(self._port)],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_until_ready(self) -> None:
        transport = httpx.HTTPTransport(retries=20)  # waits longer before each
        with httpx.Client(transport=transport, timeout=30) as client:
            assert client.get(f"{self.url}/healthz").status_code == 200

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@contextmanager
def running(coordinator: Coordinator):
    coordinator.start()
    coordinator.wait_until_ready()
    yield coordinator
    coordinator.kill()


@pytest.mark.timeout(900)
def test_whatever_happens_every_finished_experiment_arrives_exactly_once(
    services, database_url, tmp_path
):
    add_campaign(database_url)
    chance = random.Random(SEED)
    deaths = set(chance.sample(range(CYCLES), COORDINATOR_DEATHS))
    endings: Counter[int] = Counter()
    stable = Stable()
    with (
        running(Coordinator(services, database_url)) as coordinator,
        troubled_line(SEED) as (url, line),
    ):
        line.target = coordinator.url
        assert stable.work(url, tmp_path, experiments=1) == 0
        line.trouble = 0.25
        for cycle in range(CYCLES):
            if cycle in deaths:
                coordinator.kill()
                coordinator.start()
            ending = stable.work(
                url,
                tmp_path,
                seed=cycle,
                experiments=3,
                patience_s=STALL_S / 2,
                kill_after_s=chance.uniform(0.05, 0.6),
            )
            endings[ending] += 1
        line.trouble = 0.0
        coordinator.wait_until_ready()
        assert stable.work(url, tmp_path, seed=CYCLES, experiments=1) == 0
        count = check_nothing_is_lost_or_doubled(coordinator.url, tmp_path)
    stable.close()
    assert endings[-9] > CYCLES / 10, endings
    assert set(endings) <= {0, -9}, endings
    assert all(line.counts[mode] > 0 for mode in MODES), line.counts
    assert count > 3
