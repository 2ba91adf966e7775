"""The command itself, as a process."""

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner

from worker.cli import app
from worker.identity import Identity
from worker.workbench import write_durably


def start(home, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "shared.cli", "worker", *arguments],
        env={"PATH": os.environ["PATH"], "SWARMLAB_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_first_start_without_a_coordinator_waits_and_can_be_stopped(tmp_path, stop):
    worker = start(tmp_path, "--coordinator", "http://127.0.0.1:9", "--json")
    first = json.loads(worker.stdout.readline())
    assert first["event"] == "waiting"
    assert "does not answer" in first["reason"]
    worker.send_signal(stop)
    out, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1]["event"] == "stopped"
    assert all({"event", "at", "agent"} <= set(event) for event in events)


def test_lines_are_for_people_where_there_is_no_terminal(tmp_path):
    worker = start(tmp_path, "--coordinator", "http://127.0.0.1:9", "--name", "otter")
    line = worker.stdout.readline()
    worker.terminate()
    worker.communicate(timeout=60)
    assert "otter waiting: http://127.0.0.1:9 does not answer" in line


def test_what_the_person_has_to_see_to_is_said_on_stderr(tmp_path):
    first = start(tmp_path, "--coordinator", "http://127.0.0.1:9", "--name", "../x", "--json")
    out, err = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "cannot be an agent's name" in err
    assert out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--hours", "25-99"], "'25-99' are no hours"),
        (["--proposer", "llm"], "needs ANTHROPIC_API_KEY"),
        (["--proposer", "command"], "give --command"),
        (["--gpu", "99"], "There is no GPU 99 here"),
    ],
)
def test_what_cannot_be_is_said_before_the_coordinator_is_asked(tmp_path, arguments, says):
    worker = start(tmp_path, "--coordinator", "http://127.0.0.1:9", *arguments)
    try:
        first = worker.stdout.readline()
    finally:
        worker.terminate()
        _, err = worker.communicate(timeout=60)
    assert "waiting" not in first
    assert says in err


class Moved(BaseHTTPRequestHandler):
    """Sends everybody on, as a proxy that speaks TLS does with those who do not."""

    def do_POST(self) -> None:
        self.send_response(301)
        self.send_header("Location", f"https://swarm.example.org{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        pass


def test_a_coordinator_that_moved_is_not_waited_for(tmp_path):
    with HTTPServer(("127.0.0.1", 0), Moved) as server:
        threading.Thread(target=server.serve_forever).start()
        worker = start(tmp_path, "--coordinator", f"http://127.0.0.1:{server.server_port}")
        try:
            first = worker.stdout.readline()
        finally:
            worker.terminate()
            _, err = worker.communicate(timeout=60)
            server.shutdown()
    assert "waiting" not in first
    assert "sends its visitors on to https://swarm.example.org: " in err
    assert "SWARMLAB_COORDINATOR_URL" in err


@pytest.mark.parametrize("command", ["worker", "status", "night"])
def test_without_git_a_sentence_says_what_to_install(tmp_path, command):
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli", command],
        env={"PATH": str(tmp_path), "SWARMLAB_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith(f"swarmlab {command}: There is no git")
    assert "apt-get install git" in sentence


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--proposer", "oracle"], "proposer"),
        (["--experiments", "0"], "experiments"),
        (["--max-usd-per-day", "-1"], "max-usd-per-day"),
        (["--gpus", "2"], "--gpus all"),
    ],
)
def test_a_wrong_option_is_named(tmp_path, monkeypatch, arguments, says):
    monkeypatch.setenv("SWARMLAB_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["worker", *arguments])
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize("command", ["worker", "status", "night", "doctor"])
@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("SWARMLAB_PROPOSER", "oracle", "'tpe', 'ideas'"),
        ("SWARMLAB_MAX_USD_PER_DAY", "abc", "a valid number"),
        ("SWARMLAB_COORDINATOR_URL", "127.0.0.1:8000", "is no address"),
        ("SWARMLAB_COORDINATOR_URL", "http://[bad", "is no address"),
        ("SWARMLAB_COORDINATOR_URL", "http://127.0.0.1:99999", "is no address"),
        ("SWARMLAB_COORDINATOR_URL", "http:///v1", "is no address"),
    ],
)
def test_a_wrong_setting_is_a_line(tmp_path, monkeypatch, command, variable, value, says):
    monkeypatch.setenv("SWARMLAB_HOME", str(tmp_path))
    monkeypatch.setenv(variable, value)
    result = CliRunner().invoke(app, [command])
    assert result.exit_code == 2
    [sentence] = result.output.splitlines()
    assert sentence.startswith(f"swarmlab {command}: correct the ")
    assert variable in sentence
    assert says in sentence


def test_a_home_that_cannot_be_written_in_is_said_before_anything_else(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SWARMLAB_HOME", str(tmp_path / "file" / "home"))
    result = CliRunner().invoke(app, ["worker", "--coordinator", "http://127.0.0.1:9"])
    assert result.exit_code == 1
    [sentence] = result.output.splitlines()
    assert f"Nothing can be written in {tmp_path / 'file'}" in sentence
    assert "Set SWARMLAB_HOME" in sentence


@pytest.mark.parametrize("command", ["status", "night"])
@pytest.mark.parametrize("obstacle", ["lock", "tiny/outbox.sqlite"])
def test_what_cannot_be_looked_at_is_said_in_a_sentence(tmp_path, monkeypatch, command, obstacle):
    monkeypatch.setenv("SWARMLAB_HOME", str(tmp_path))
    seat = tmp_path / "workers" / "otter"
    (seat / "tiny").mkdir(parents=True)
    identity = Identity(name="otter", agent_id="1", api_key="sl_x", coordinator_url="http://x")
    (seat / "identity.json").write_text(identity.model_dump_json())
    (seat / "tiny" / "outbox.sqlite").touch()
    (seat / obstacle).unlink(missing_ok=True)
    (seat / obstacle).mkdir()
    result = CliRunner().invoke(app, [command])
    assert result.exit_code == 1
    [sentence] = result.output.splitlines()
    assert f"What the workers keep in {tmp_path} cannot be read" in sentence


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_durably(path, b"old", mode=0o600)

    def fail(_descriptor):
        raise OSError("disk full")

    monkeypatch.setattr("worker.workbench.os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_durably(path, b"new and longer")
    assert path.read_bytes() == b"old"
