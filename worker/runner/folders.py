"""The folder of a run, in which a program leaves what it likes: deep trees, locked folders."""

import contextlib
import math
import os
import subprocess
from pathlib import Path

import structlog

MAX_ENTRIES = 100_000


def folder_bytes(folder: Path) -> float:
    """Return what the files in it take; infinity for what cannot be looked through."""
    total, entries = 0, 0
    folders = [os.fspath(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    entries += 1
                    if entries > MAX_ENTRIES:
                        return math.inf
                    with contextlib.suppress(FileNotFoundError):  # gone since it was listed
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
        except FileNotFoundError:
            continue  # gone since it was listed
        except OSError:
            return math.inf  # locked, or deeper than a path may be long
    return total


def remove_folder(folder: Path) -> None:
    """Remove it with all that is in it, however deep or locked, if it is there.

    By the system's own commands: Python's functions recurse, and end at the depth of its stack.
    """
    for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        if not folder.exists():
            return
        done = subprocess.run(
            [*command, "--", os.fspath(folder)], check=False, capture_output=True, text=True
        )
    if folder.exists():
        structlog.get_logger().warning("not_removed", folder=str(folder), why=done.stderr[-500:])
