"""`swarmlab up`, as a person would call it: real processes, real training."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import until

KEYS = [
    *("experiments", "outcomes", "baseline_val_bpb", "best_val_bpb", "best_experiment_id"),
    "seconds",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """One home for all tests here: the second continues where the first stopped."""
    return open_folder(tmp_path_factory)


def open_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    # Postgres runs as another user when we are root, and must get into the folder.
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    return folder


def start(home: Path, port: int, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "shared.cli", "up", "--port", str(port), "--json", *arguments],
        env={
            **{key: value for key, value in os.environ.items() if not key.endswith("_URL")},
            "SWARMLAB_HOME": str(home),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def left_behind(home: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = process.environ().get("SWARMLAB_HOME") == str(home) or any(
                str(home) in part for part in process.cmdline()
            )
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    if (home / "postgres" / "postmaster.pid").exists():
        found.append("postmaster.pid")
    return found


def finish(process: subprocess.Popen[str]) -> dict:
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    return json.loads(stdout)  # the whole of stdout is one document


@pytest.mark.timeout(600)
def test_up_runs_so_many_experiments_and_continues_where_it_stopped(home, free_port):
    first = finish(start(home, free_port, "--experiments", "2"))
    assert list(first) == KEYS
    assert first["experiments"] == 2
    assert sum(first["outcomes"].values()) == 2
    assert 0 < first["best_val_bpb"] <= first["baseline_val_bpb"] < 8
    assert left_behind(home) == []
    second = finish(start(home, free_port, "--experiments", "1"))
    assert second["experiments"] == 1
    assert second["baseline_val_bpb"] == first["baseline_val_bpb"]
    assert second["best_val_bpb"] <= first["best_val_bpb"]
    assert left_behind(home) == []


@pytest.mark.timeout(300)
def test_ctrl_c_stops_everything_cleanly_in_the_middle_of_a_run(home, free_port):
    process = start(home, free_port, "--workers", "2")
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "run_started" in line:
            break
    else:
        pytest.fail("no run was ever started:\n" + "".join(said))
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    summary = finish(process)
    assert list(summary) == KEYS
    assert left_behind(home) == []


def test_ctrl_c_while_postgres_is_made_is_no_failure(tmp_path_factory, free_port):
    new = open_folder(tmp_path_factory)
    process = start(new, free_port, "--experiments", "1")
    until((new / "postgres" / "PG_VERSION").exists)  # what initdb writes early
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert left_behind(new) == []


def test_a_taken_port_is_refused_with_the_remedy(home, free_port):
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port))
        listener.listen()
        process = start(home, free_port)
        stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (1, "")
    assert "--port" in stderr


def start_coordinator(home: Path, port: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.cli", "coordinator", "--port", str(port)],
        env={
            **{key: value for key, value in os.environ.items() if not key.endswith("_URL")},
            "SWARMLAB_HOME": str(home),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "Uvicorn running" in line:
            return process
    pytest.fail("the coordinator did not start:\n" + "".join(said))


@pytest.mark.parametrize("request_to_stop", [signal.SIGTERM, signal.SIGHUP])
def test_a_coordinator_alone_takes_its_embedded_services_with_it(home, free_port, request_to_stop):
    import httpx

    process = start_coordinator(home, free_port)
    assert httpx.get(f"http://127.0.0.1:{free_port}/readyz", timeout=30).status_code == 200
    assert left_behind(home) != []
    process.send_signal(request_to_stop)
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert left_behind(home) == []


def test_a_coordinator_whose_embedded_postgres_dies_ends_and_says_so(home, free_port):
    process = start_coordinator(home, free_port)
    lock = home / "postgres" / "postmaster.pid"
    os.kill(int(lock.read_text().split()[0]), signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    assert "swarmlab coordinator: the embedded Postgres has ended" in stderr.splitlines()[-1]
    until(lambda: left_behind(home) in ([], ["postmaster.pid"]))
