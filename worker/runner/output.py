"""What a program prints: kept in bounds, and read for its progress and its summary."""

import re
import threading
from collections import deque
from typing import IO

from worker.runner.records import Progress

LOG_LINES = 50
LINE_CHARS = 400
OUTPUT_BYTES = 16 * 2**20
_STEP = re.compile(
    r"^step (?P<step>\d{1,12}) .*?loss: (?P<loss>[\d.]{1,20}).*?tok/sec: (?P<rate>[\d,]{1,20})"
    r".*?mfu: (?P<mfu>[\d.]{1,20})%"
)
_SUMMARY = re.compile(r"^(?P<name>\w+):\s+(?P<value>[-+.\deE]{1,30})$")


class ProgramOutput(threading.Thread):
    """Reads a program's output to its end; what is read is the program's word, no more.

    Attributes:
        latest: the step last printed.
        summary: the numbers of ``name: value`` lines.
        is_flooding: more was printed than any run has to say.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(name="program-output", daemon=True)
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self.latest = Progress(phase="starting")
        self.summary: dict[str, float] = {}
        self.is_flooding = False
        self.start()

    def run(self) -> None:
        """Read until every holder of the pipe is gone."""
        read, rest = 0, b""
        while chunk := self._stream.read1(65536):  # type: ignore[attr-defined]
            read += len(chunk)
            self.is_flooding = read > OUTPUT_BYTES
            if self.is_flooding:
                continue  # read on, so that the program does not wait; keep nothing
            *lines, rest = re.split(rb"[\r\n]+", rest + chunk)
            for line in lines:
                self._take(line)
            rest = rest[-LINE_CHARS:]
        self._take(rest)

    def _take(self, raw: bytes) -> None:
        line = raw[:LINE_CHARS].decode("utf-8", errors="replace").replace("\x00", "")
        if not line:
            return
        self._lines.append(line)
        try:
            if found := _STEP.match(line):
                self.latest = Progress(
                    phase="training",
                    step=int(found["step"]),
                    loss=float(found["loss"]),
                    tokens_per_s=float(found["rate"].replace(",", "")),
                    mfu_percent=float(found["mfu"]),
                )
            elif found := _SUMMARY.match(line):
                self.summary[found["name"]] = float(found["value"])
        except ValueError:
            return  # looks like a number and is none: the program's own business

    def tail(self) -> str:
        """Return the last lines."""
        return "\n".join(self._lines)
