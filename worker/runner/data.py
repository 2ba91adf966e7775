"""The campaign's data, made ready by its own prepare.py."""

import json
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.runner.output import LINE_CHARS

LAST_LINES = 10  # of what prepare.py said, told again when it failed


class PrepareError(Exception):
    """The campaign's data could not be made ready."""

    def __init__(self, code: int, last_lines: Iterable[str]) -> None:
        said = "".join(f"\n  {line}" for line in last_lines) or " nothing."
        super().__init__(
            f"prepare.py ended with code {code}. It said last:{said}\n"
            "What is already downloaded is kept; start again when the cause is gone."
        )


@dataclass(frozen=True, kw_only=True)
class DataFingerprint:
    """What the data is made of, as prepare.py states it."""

    data_sha256: str
    tokenizer_sha256: str
    train_bytes: int
    val_bytes: int


def _print(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def prepare_data(
    harness_files: Mapping[str, str], data_dir: Path, say: Callable[[str], None] = _print
) -> DataFingerprint:
    """Make the data ready; quick when it is ready already.

    Args:
        harness_files: path to text, prepare.py among them.
        data_dir: where prepare.py puts its data.
        say: takes each line that prepare.py writes to stderr, and each state of a progress bar.

    Raises:
        PrepareError: prepare.py failed.
    """
    last_lines: deque[str] = deque(maxlen=LAST_LINES)
    with (
        tempfile.TemporaryDirectory(prefix="swarmlab-prepare-") as folder,
        tempfile.TemporaryFile() as answer,
    ):
        write_files(Path(folder), harness_files)
        command = [sys.executable, "prepare.py", "--data-dir", str(data_dir.absolute()), "--json"]
        with subprocess.Popen(
            command,
            cwd=folder,
            stdout=answer,
            stderr=subprocess.PIPE,
            text=True,  # the end of a line is \n or, in a progress bar, \r
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stderr is not None
            try:
                for raw in process.stderr:
                    # The last lines may reach a terminal as they are, and must not steer it.
                    text = "".join(c if c.isprintable() else " " for c in raw[:LINE_CHARS])
                    if line := text.rstrip():
                        last_lines.append(line)
                        say(line)
                code = process.wait()
            except BaseException:  # a request to stop among them
                process.kill()
                raise
        if code:
            raise PrepareError(code, last_lines)
        answer.seek(0)
        return DataFingerprint(**json.loads(answer.read()))


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files under a folder, byte for byte.

    Raises:
        ValueError: a path leads out of the folder.
    """
    for name, text in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"The campaign's file {name!r} lies outside its folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
