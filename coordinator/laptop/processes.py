"""The child processes of a laptop's swarm: started apart, stopped in order, none left behind."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Child:
    """A running ``swarmlab`` command and the file that its log goes to."""

    name: str
    process: subprocess.Popen[str]
    log_path: Path

    def log_tail(self) -> str:
        """Return the last lines of what the process logged."""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])


@contextmanager
def running(
    name: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    log_folder: Path,
    on_line: Callable[[str], None] | None = None,
) -> Iterator[Child]:
    """Yield a running ``swarmlab`` command; on exit it is asked to stop, then made to.

    Args:
        name: What people read, and the name of the log file.
        arguments: The command's own arguments.
        environment: The whole environment of the process.
        log_folder: Where standard error goes, as ``<name>.log``.
        on_line: Called from a thread with each line of standard output.
    """
    log_folder.mkdir(parents=True, exist_ok=True)
    log_path = log_folder / f"{name}.log"
    with log_path.open("w") as log:
        # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop the children
        # in the order that loses nothing.
        process = subprocess.Popen(
            [sys.executable, "-m", "shared.cli", *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log if on_line is None else subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    reader = None
    if on_line is not None:
        assert process.stdout is not None
        reader = Thread(target=_read_lines, args=(process.stdout, on_line), daemon=True)
        reader.start()
    try:
        yield Child(name=name, process=process, log_path=log_path)
    finally:
        stop(process)
        if reader is not None:
            reader.join(timeout=STOP_TIMEOUT_S)


def stop(process: subprocess.Popen[str]) -> None:
    """End the process: politely, and after a while by force."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read_lines(stream: IO[str], on_line: Callable[[str], None]) -> None:
    for line in stream:
        on_line(line)
