"""Several workers at once, one per GPU: started together, told to stop together."""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import TextIO


def gpu_count() -> int:
    """Return how many GPUs a run could use here."""
    import torch  # noqa: PLC0415 seconds of import

    return int(torch.cuda.device_count())


def worker_commands(arguments: Sequence[str], *, gpus: int, name: str | None) -> list[list[str]]:
    """Return one command line per GPU; a given name gets the GPU's number."""
    base = [sys.executable, "-m", "shared.cli", "worker", *arguments]
    return [
        [*base, "--gpu", str(gpu), *(["--name", f"{name}-gpu{gpu}"] if name else [])]
        for gpu in range(gpus)
    ]


def run_fleet(commands: Sequence[Sequence[str]], stream: TextIO) -> int:
    """Run the commands until all have ended; return the highest exit code.

    Their output is passed on line by line; a request to stop goes to each of them.
    """
    lock = threading.Lock()
    # Sessions of their own: a terminal's Ctrl-C reaches us alone and is passed on once.
    children = [
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for command in commands
    ]

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for child in children:
            child.terminate()

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    readers = [threading.Thread(target=_pass_on, args=(child, stream, lock)) for child in children]
    try:
        for reader in readers:
            reader.start()
        return max(abs(child.wait()) for child in children)
    finally:
        for reader in readers:
            reader.join()
        for number, handler in former.items():
            signal.signal(number, handler)


def _pass_on(child: subprocess.Popen[str], stream: TextIO, lock: threading.Lock) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        with lock:
            stream.write(line)
            stream.flush()
    child.stdout.close()
