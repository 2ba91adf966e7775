"""Confinement of a program: the one place that knows bubblewrap.

Inside: no network, an empty environment, its own process tree, and of the file system only the
system's libraries and Python (read-only) and the run directory. The campaign's data, the worker's
keys and everything else of the volunteer's are not there.

Bubblewrap dies with the worker, and the program with it. There is one gap: a worker that is killed
with SIGKILL in the few milliseconds between the start of bubblewrap's two processes leaves the
inner one, and the program, running in its confinement.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import structlog

REMEDY = (
    "Programs run without a sandbox: they can read this user's files. Install bubblewrap "
    "(`apt-get install bubblewrap`, `dnf install bubblewrap`) and start again; in a container, "
    "also allow it to make user namespaces."
)
SYSTEM_PATHS = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/sys",
)  # fmt: skip
TMPFS_BYTES = 256 * 2**20


@cache
def find_bubblewrap() -> str | None:
    """Return bubblewrap's path if it is installed and this kernel lets it work; warn if not."""
    path = shutil.which("bwrap")
    if path is not None:
        probe = [path, "--ro-bind", "/", "/", *_isolation(), "true"]
        done = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode == 0:
            return path
    structlog.get_logger().warning("no sandbox", found=path, remedy=REMEDY)
    return None


def confine(command: Sequence[str], *, run_dir: Path, read_only: Sequence[Path]) -> list[str]:
    """Return the command wrapped in bubblewrap, or as it is where there is none.

    Args:
        command: starts in ``run_dir``; open files passed to it stay open.
        run_dir: writable, but for the ``read_only`` files in it.
        read_only: files of the run that it may read and not change.
    """
    bubblewrap = find_bubblewrap()
    if bubblewrap is None:
        return list(command)
    binds: list[str] = []
    for system_path in (*SYSTEM_PATHS, sys.base_prefix, sys.prefix):
        binds += ["--ro-bind-try", system_path, system_path]
    for device in sorted(Path("/dev").glob("nvidia*")):
        binds += ["--dev-bind", str(device), str(device)]
    binds += ["--bind", str(run_dir), str(run_dir)]
    for path in read_only:
        binds += ["--ro-bind", str(path), str(path)]
    return [bubblewrap, *_isolation(), *binds, "--chdir", str(run_dir), "--", *command]


def _isolation() -> list[str]:
    size = str(TMPFS_BYTES)
    return [
        "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--proc", "/proc",
        "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm",  # noqa: S108
        "--size", size, "--tmpfs", "/tmp",  # noqa: S108
    ]  # fmt: skip
