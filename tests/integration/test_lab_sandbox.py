"""What a program can reach from inside: looked at from inside."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.laboratory import Laboratory, program
from worker.runner import running
from worker.runner.sandbox import find_bubblewrap

pytestmark = pytest.mark.skipif(
    find_bubblewrap() is None, reason="bubblewrap is not installed here"
)

SPY = """
import json, os, pathlib, socket
def tried(action):
    try:
        return str(action())
    except OSError as error:
        return type(error).__name__
def connects():
    with socket.socket() as s:
        s.settimeout(2)
        s.connect(("127.0.0.1", PORT))
    return "connected"
seen = {
    "environment": sorted(os.environ),
    "processes": len([p for p in os.listdir("/proc") if p.isdigit()]),
    "secret": tried(lambda: open("SECRET").read()),
    "validation": [str(p) for r in ("/tmp", "/root", "/home", "/work")
                   for p in pathlib.Path(r).rglob("val.bin")],
    "network": tried(connects),
    "harness": tried(lambda: open("prepare.py", "a")),
    "outside": tried(lambda: open("/usr/swarmlab", "w")),
    "run_dir": tried(lambda: open("mine.txt", "w").write("x")),
}
for name, value in seen.items():
    print("SPY", name, json.dumps(value))
sys.exit(0)
"""


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, Any]]:
    """What the spy reports."""
    import socket

    with (
        tempfile.TemporaryDirectory(prefix="swarmlab-spy-") as home,
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(running, "check_policy", lambda _: [])
        patch.setenv("SWARMLAB_API_KEY", "sl_secret")
        secret = Path(home) / "key.txt"
        secret.write_text("sl_secret")
        spy = SPY.replace("PORT", str(server.getsockname()[1])).replace("SECRET", str(secret))
        report = Laboratory(Path(home)).run(program(model=spy))
        lines = [x.split(" ", 2) for x in report.log_tail.splitlines() if x.startswith("SPY ")]
        assert lines, report.log_tail
        yield {name: json.loads(value) for _, name, value in lines}


def test_no_secret_is_in_its_environment(seen: dict[str, Any]) -> None:
    assert "SWARMLAB_API_KEY" not in seen["environment"]


def test_it_sees_its_own_processes_only(seen: dict[str, Any]) -> None:
    assert seen["processes"] <= 3


def test_the_volunteers_files_are_not_there(seen: dict[str, Any]) -> None:
    assert seen["secret"] == "FileNotFoundError"


def test_the_validation_text_is_not_there(seen: dict[str, Any]) -> None:
    assert seen["validation"] == []


def test_there_is_no_network(seen: dict[str, Any]) -> None:
    assert seen["network"] == "ConnectionRefusedError"


def test_only_the_run_directory_can_be_written(seen: dict[str, Any]) -> None:
    assert seen["harness"] == "OSError"  # read-only file system
    assert seen["outside"] == "OSError"
    assert seen["run_dir"] == "1"
