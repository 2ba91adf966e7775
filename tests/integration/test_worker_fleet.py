import io
import os
import signal
import sys

from typer.testing import CliRunner

from worker.cli import app
from worker.fleet import run_fleet, worker_commands


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


class Watched(io.StringIO):
    """A stream that does something at a line."""

    def __init__(self, at_line) -> None:
        super().__init__()
        self.at_line = at_line

    def write(self, text: str) -> int:
        self.at_line(text)
        return super().write(text)


def test_the_output_of_all_is_passed_on_line_by_line():
    stream = io.StringIO()
    code = run_fleet([python(f"print('worker', {n})\nprint('done')") for n in range(3)], stream)
    assert code == 0
    assert sorted(stream.getvalue().splitlines()) == ["done"] * 3 + [
        *("worker 0", "worker 1", "worker 2"),
    ]


def test_the_worst_exit_code_is_the_fleets():
    assert run_fleet([python("raise SystemExit(3)"), python("pass")], io.StringIO()) == 3


def test_a_request_to_stop_goes_to_each():
    seen = []

    def at_line(text: str) -> None:
        seen.append(text)
        if seen.count("ready\n") == 2 and text == "ready\n":
            os.kill(os.getpid(), signal.SIGTERM)

    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n    print('bye', flush=True)\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\ntime.sleep(60)\n"
    )
    before = signal.getsignal(signal.SIGTERM)
    assert run_fleet([python(code), python(code)], Watched(at_line)) == 0
    assert seen.count("bye\n") == 2
    assert signal.getsignal(signal.SIGTERM) is before


def test_each_gpu_gets_its_worker_and_its_name():
    commands = worker_commands(["--json"], gpus=2, name="otter")
    assert [command[4:] for command in commands] == [
        ["--json", "--gpu", "0", "--name", "otter-gpu0"],
        ["--json", "--gpu", "1", "--name", "otter-gpu1"],
    ]


def test_the_command_line_is_handed_down(monkeypatch):
    handed = []
    monkeypatch.setattr("worker.fleet.gpu_count", lambda: 2)
    monkeypatch.setattr(
        "worker.fleet.run_fleet", lambda commands, _stream: handed.extend(commands) or 0
    )
    result = CliRunner().invoke(
        app,
        ["worker", "--gpus", "all", "--experiments", "3", "--json", "--on-stop", "finish"],
    )
    assert result.exit_code == 0, result.output
    assert [command[4:] for command in handed] == [
        ["--experiments", "3", "--on-stop", "finish", "--json", "--gpu", str(gpu)] for gpu in (0, 1)
    ]


def test_a_name_from_the_environment_gets_the_gpus_number_too(monkeypatch):
    handed = []
    monkeypatch.setenv("SWARMLAB_AGENT_NAME", "mybox")
    monkeypatch.setattr("worker.fleet.gpu_count", lambda: 2)
    monkeypatch.setattr(
        "worker.fleet.run_fleet", lambda commands, _stream: handed.extend(commands) or 0
    )
    result = CliRunner().invoke(app, ["worker", "--gpus", "all"])
    assert result.exit_code == 0, result.output
    assert [command[-2:] for command in handed] == [
        ["--name", "mybox-gpu0"],
        ["--name", "mybox-gpu1"],
    ]


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr("worker.fleet.gpu_count", lambda: 0)
    result = CliRunner().invoke(app, ["worker", "--gpus", "all"])
    assert result.exit_code == 1
    assert "no GPU" in result.output
