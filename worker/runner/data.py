"""The campaign's data, made ready by its own prepare.py."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class PrepareError(Exception):
    """The campaign's data could not be made ready."""

    def __init__(self, code: int) -> None:
        super().__init__(
            f"prepare.py ended with code {code}: its last lines above say why. What is already "
            "downloaded is kept; start again when the cause is gone."
        )


@dataclass(frozen=True, kw_only=True)
class DataFingerprint:
    """What the data is made of, as prepare.py states it."""

    data_sha256: str
    tokenizer_sha256: str
    train_bytes: int
    val_bytes: int


def prepare_data(harness_files: Mapping[str, str], data_dir: Path) -> DataFingerprint:
    """Make the data ready, progress on stderr; quick when it is ready already.

    Raises:
        PrepareError: prepare.py failed.
    """
    with tempfile.TemporaryDirectory(prefix="swarmlab-prepare-") as folder:
        write_files(Path(folder), harness_files)
        command = [sys.executable, "prepare.py", "--data-dir", str(data_dir.absolute()), "--json"]
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise PrepareError(done.returncode)
    return DataFingerprint(**json.loads(done.stdout))


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
