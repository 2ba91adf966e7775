"""Commands end in order: on Ctrl-C, on SIGTERM, and when their terminal is gone."""

import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from shared.signals import end_in_order

CAMPAIGN = Path(__file__).parents[2] / "campaigns" / "nanochat"
NOBODY = "http://127.0.0.1:9"
WITH_ITS_TERMINAL = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from shared.cli import main
main()
"""
STARTS = 'if __name__ == "__main__":'
WAITS_FOREVER = f"""{STARTS}
    import signal
    print("preparing", file=sys.stderr, flush=True)
    signal.pause()
"""


@pytest.fixture
def former_handlers():
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def test_a_worker_whose_terminal_is_closed_leaves_in_order(tmp_path):
    master, terminal = pty.openpty()
    worker = subprocess.Popen(
        # A session of its own with this terminal, as a shell's.
        [sys.executable, "-c", WITH_ITS_TERMINAL, "worker", "--coordinator", NOBODY, "--json"],
        env={"PATH": os.environ["PATH"], "SWARMLAB_HOME": str(tmp_path)},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    said = b""
    while b"does not answer" not in said:
        said += os.read(master, 4096)
    os.close(master)
    assert worker.wait(timeout=60) == 0


@pytest.mark.usefixtures("former_handlers")
def test_a_process_that_is_to_outlive_its_terminal_still_does():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what `nohup` does
    end_in_order()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.usefixtures("former_handlers")
def test_sigterm_unwinds_a_command_that_does_not_answer_it():
    end_in_order()
    with pytest.raises(SystemExit, match="143"):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_campaign_whose_data_are_being_prepared_can_be_stopped(
    tmp_path, services, database_url, request_to_stop
):
    folder = shutil.copytree(CAMPAIGN, tmp_path / "campaign")
    prepare = folder / "prepare.py"
    prepare.write_text(prepare.read_text().replace(STARTS, WAITS_FOREVER))
    creating = subprocess.Popen(
        [sys.executable, "-m", "shared.cli", "campaign", "create", str(folder)],
        env={
            "PATH": os.environ["PATH"],
            "SWARMLAB_HOME": str(tmp_path),
            "DATABASE_URL": database_url,
            "REDIS_URL": services.redis_url,
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert creating.stderr is not None
    said = iter(creating.stderr.readline, "")
    assert any(line == "preparing\n" for line in said), "it ended before"
    [preparing] = psutil.Process(creating.pid).children()
    creating.send_signal(request_to_stop)
    creating.communicate(timeout=60)
    assert creating.returncode == 130
    assert not preparing.is_running()
