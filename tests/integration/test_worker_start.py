"""From the command to the first experiment: what is told of the preparation, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from coordinator.embedded import Services
from tests.factories import add_campaign, make_campaign_folder, serving
from tests.integration.worker_bench import researcher_at
from worker.loop import work

IS_READY = """
import json
fields = {"data_sha256": "0" * 64, "tokenizer_sha256": "", "train_bytes": 1, "val_bytes": 1}
print(json.dumps(fields))
"""
FAILS = """
import sys
print("downloading shard 1/2", file=sys.stderr)
sys.exit("no route to host; check the proxy")
"""
WAITS_FOREVER = """
import os, signal, sys
print(os.getpid(), file=sys.stderr)
signal.pause()
"""


@pytest.fixture
def preparing(services, database_url):
    """A served coordinator whose campaign prepares its data with the given file."""

    @contextmanager
    def serve(source: str) -> Iterator[str]:
        folder = make_campaign_folder()
        frozen = folder.frozen | {"prepare.py": source}
        add_campaign(database_url, folder.model_copy(update={"frozen": frozen}))
        with serving(Services(database_url=database_url, redis_url=services.redis_url)) as url:
            yield url

    return serve


def start(home: Path, url: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "shared.cli", "worker", "--json"),
            *("--coordinator", url, "--name", "otter", *arguments),
        ],
        env={"PATH": os.environ["PATH"], "SWARMLAB_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_the_preparation_says_is_told_and_why_it_failed(preparing, tmp_path):
    with preparing(FAILS) as url:
        worker = start(tmp_path, url)
        out, err = worker.communicate(timeout=120)
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["line"] for event in events if event["event"] == "preparing"] == [
        "the data of campaign tiny",
        "downloading shard 1/2",
        "no route to host; check the proxy",
    ]
    assert worker.returncode == 1
    assert "prepare.py ended with code 1" in err
    assert "no route to host; check the proxy" in err


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_prepares_its_data_can_be_stopped(preparing, tmp_path, stop):
    with preparing(WAITS_FOREVER) as url:
        worker = start(tmp_path, url)
        assert worker.stdout is not None
        lines = (json.loads(line).get("line", "") for line in worker.stdout)
        pid = next(int(line) for line in lines if line.isdecimal())
        child = psutil.Process(pid)
        worker.send_signal(stop)
        out, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["event"] == "stopped"
    assert not child.is_running()


def test_a_worker_that_starts_again_tells_what_it_builds_on(preparing, tmp_path):
    with preparing(IS_READY) as url:
        with researcher_at(url, tmp_path) as researcher:
            work(researcher, experiments=1)
            tip = researcher.notebook.tip()
        worker = start(tmp_path, url)
        assert worker.stdout is not None
        events = (json.loads(line) for line in worker.stdout)
        ready = next(event for event in events if event["event"] == "ready")
        worker.terminate()
        worker.communicate(timeout=60)
    assert tip.val_bpb is not None
    assert (ready["val_bpb"], ready["waiting_results"]) == (tip.val_bpb, 0)
