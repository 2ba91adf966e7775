"""`kill -9` at each step: what the next start finds is whole, and the work goes on."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.integration.worker_bench import CAMPAIGN, PLATFORM
from worker.notebook import Notebook
from worker.outbox import Outbox
from worker.workbench import Workbench

SCRIPT = Path(__file__).parent / "worker_process.py"
ROOT = Path(__file__).parents[2]
KILLED = -9

PLACES = [
    f"{method}:{when}"
    for method in [
        "Workbench.put",
        "Client.claim",
        "Notebook.write",
        "Notebook._write_commit",
        "Runner.run",
        "Outbox.add",
        "Notebook.conclude",
        "Notebook._record",
        "Workbench.clear",
        "Client.put_result",
        "Outbox.mark_sent",
    ]
    for when in ["before", "after"]
]


class Stable:
    """Hands out workers that may be killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )

    def work(self, url: str, home: Path, **order) -> int:
        order = {"url": url, "home": str(home), "experiments": 2, **order}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def stable():
    stable = Stable()
    yield stable
    stable.close()


def check_nothing_is_lost_or_doubled(url: str, home: Path) -> int:
    """Compare ledger, outbox, notebook and coordinator; return the number of experiments."""
    desk = home / "workers" / "otter" / CAMPAIGN
    answer = httpx.get(
        f"{url}/v1/campaigns/{CAMPAIGN}/experiments", params={"limit": 500, "status": "done"}
    )
    stored = {each["experiment_id"]: each for each in answer.json()["items"]}
    with Outbox(desk / "outbox.sqlite") as outbox:
        entries = outbox.recent(1000)
    assert {entry.state for entry in entries} == {"sent"}
    sent = Counter(str(entry.answer.experiment_id) for entry in entries)
    assert sent == Counter(list(stored)), "lost or doubled"
    for entry in entries:
        source = httpx.get(f"{url}/v1/experiments/{entry.answer.experiment_id}/source")
        assert source.content == entry.result.source.encode()
    ledger = [json.loads(line) for line in (home / "ledger.jsonl").read_text().splitlines()]
    told = Counter(each["hypothesis"] for each in ledger)
    assert told <= Counter(entry.result.hypothesis for entry in entries)
    notebook = Notebook(desk / "notebook", campaign=CAMPAIGN, agent="otter")
    assert notebook.tip().status in {"keep", "adopt"}
    assert len(notebook.rows()) == len(entries)
    notebook.close()
    assert Workbench(desk / "workbench.json").get() is None
    assert not list((desk / "runs").glob("*"))
    return len(entries)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_at_any_step_goes_on(stable, coordinator_url, tmp_path, place, nth):
    assert stable.work(coordinator_url, tmp_path, kill_at=f"{place}:{nth}") == KILLED
    assert stable.work(coordinator_url, tmp_path) == 0
    assert check_nothing_is_lost_or_doubled(coordinator_url, tmp_path) in {2, 3, 4}
    running = httpx.get(
        f"{coordinator_url}/v1/campaigns/{CAMPAIGN}/experiments",
        params={"status": "claimed", "platform": PLATFORM},
    )
    assert running.json()["items"] == [], "a claim was left behind"


def test_a_program_that_kills_the_worker_every_time_is_a_crash(stable, coordinator_url, tmp_path):
    assert stable.work(coordinator_url, tmp_path, experiments=1) == 0
    for _ in range(3):
        assert stable.work(coordinator_url, tmp_path, kill_at="Runner.run:before:1") == KILLED
    assert stable.work(coordinator_url, tmp_path, experiments=1) == 0
    assert check_nothing_is_lost_or_doubled(coordinator_url, tmp_path) == 2
    with Outbox(tmp_path / "workers" / "otter" / CAMPAIGN / "outbox.sqlite") as outbox:
        [newest] = outbox.recent(1)
    assert newest.outcome == "crash"
    assert "did not survive" in newest.result.log_tail
