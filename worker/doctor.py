"""Looks at this machine as a run would find it, and says what to do about what is missing."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx

from worker.errors import SetupError
from worker.runner.platforms import detect_platform
from worker.runner.sandbox import REMEDY, confine, find_bubblewrap
from worker.settings import gpu_variables

LEAST_VRAM_GB = 8.0
LEAST_DISK_GB = 10.0  # a dozen shards of text, their tokens, and compiled kernels
COORDINATOR_TIMEOUT_S = 5.0
HOME_REMEDY = "Set SWARMLAB_HOME to a folder that you may write in."
GIT_REMEDY = "Install git (`apt-get install git`, `dnf install git`): it keeps the notebook."


class Health(StrEnum):
    """How a part of the machine is."""

    OK = "ok"
    NOTE = "note"  # it works, less well than it could
    PROBLEM = "problem"  # runs will fail


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One part of the machine; ``remedy`` is empty where there is nothing to do."""

    part: str
    health: Health
    found: str
    remedy: str = ""


def examine_machine(*, data_dir: Path, coordinator_url: str | None) -> list[Finding]:
    """Return what was found, part by part, in the order in which to mend it."""
    torch = _examine_torch()
    return [
        torch,
        *(_examine_gpu() if torch.health is Health.OK else ()),
        _examine_disk(data_dir),
        *_examine_data(data_dir),
        _examine_git(),
        _examine_sandbox(),
        *([_examine_coordinator(coordinator_url)] if coordinator_url else []),
    ]


def require_git() -> None:
    """Have the git that every notebook is kept with.

    Raises:
        SetupError: there is none.
    """
    if shutil.which("git") is None:
        raise SetupError(f"There is no git on the PATH. {GIT_REMEDY}")


def require_writable(home: Path) -> None:
    """Have a home folder that can be made and written in.

    Raises:
        SetupError: it cannot.
    """
    existing = _nearest_existing(home)
    if why_not := _why_not_writable(existing):
        raise SetupError(f"Nothing can be written in {existing} ({why_not}). {HOME_REMEDY}")


def require_unmoved(coordinator_url: str) -> None:
    """Have an address that does not send its visitors on to another one.

    Raises:
        SetupError: it does.
    """
    url = coordinator_url.rstrip("/")
    with contextlib.suppress(httpx.HTTPError):  # it does not answer now: that may change
        answer = httpx.get(f"{url}/healthz", timeout=COORDINATOR_TIMEOUT_S)
        if answer.has_redirect_location:
            location = answer.headers["location"].removesuffix("/healthz")
            raise SetupError(
                f"{url} sends its visitors on to {location}: if the coordinator is there, set "
                "SWARMLAB_COORDINATOR_URL (--coordinator) to it."
            )


def _examine_torch() -> Finding:
    """Import PyTorch as a run does: confined, with a home and an environment of its own."""
    with tempfile.TemporaryDirectory(prefix="swarmlab-doctor-") as folder:
        code = "import torch; print(torch.__version__)"
        done = subprocess.run(
            confine([sys.executable, "-c", code], run_dir=Path(folder), read_only=[]),
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder} | gpu_variables(None),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 0:
        return Finding(part="torch", health=Health.OK, found=done.stdout.strip())
    said = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
    return Finding(
        part="torch",
        health=Health.PROBLEM,
        found=f"runs cannot import it: {said[-1]}",
        remedy="Install swarmlab into a virtual environment, as the README says: runs do not see "
        "what `pip install --user` put into your home folder, nor your PYTHONPATH.",
    )


def _examine_gpu() -> Iterator[Finding]:
    platform = detect_platform()
    cards = _nvidia_cards()
    if not platform.vram_gb:
        if cards:
            yield Finding(
                part="gpu",
                health=Health.PROBLEM,
                found=f"{cards[0][0]} is there, but PyTorch cannot use it",
                remedy="Install the CUDA build of PyTorch, or a driver that is new enough for it.",
            )
        else:
            yield Finding(
                part="gpu",
                health=Health.NOTE,
                found=f"none; programs run on {platform.name}",
                remedy="Nothing to do for campaigns that are made for a CPU. If there is an NVIDIA "
                "card, install its driver; in a container, pass the card in (`--gpus all`).",
            )
        return
    yield Finding(part="gpu", health=Health.OK, found=platform.name)
    if cards:
        yield Finding(part="driver", health=Health.OK, found=cards[0][1])
    is_small = platform.vram_gb < LEAST_VRAM_GB
    yield Finding(
        part="vram",
        health=Health.NOTE if is_small else Health.OK,
        found=f"{platform.vram_gb:g} GB, tier {platform.tier}",
        remedy="Large programs will run out of memory; end other users of the card."
        if is_small
        else "",
    )


def _nvidia_cards() -> list[tuple[str, str]]:
    """Return name and driver of each NVIDIA card, as the driver's own tool sees them."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        return [("a card whose driver does not answer", "unknown")]
    rows = [line.rpartition(", ") for line in done.stdout.splitlines() if line.strip()]
    return [(name, driver) for name, _, driver in rows]


def _examine_disk(folder: Path) -> Finding:
    existing = _nearest_existing(folder)
    if why_not := _why_not_writable(existing):
        found = f"nothing can be written in {existing}: {why_not}"
        return Finding(part="disk", health=Health.PROBLEM, found=found, remedy=HOME_REMEDY)
    free_gb = shutil.disk_usage(existing).free / 2**30
    is_full = free_gb < LEAST_DISK_GB
    return Finding(
        part="disk",
        health=Health.NOTE if is_full else Health.OK,
        found=f"{free_gb:.1f} GiB free at {existing}",
        remedy=f"Free some: campaigns with large data need about {LEAST_DISK_GB:.0f} GiB. The "
        "demo needs 100 MiB."
        if is_full
        else "",
    )


def _nearest_existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if os.access(path, os.F_OK))


def _why_not_writable(folder: Path) -> str | None:
    try:
        # Tried, because rights alone do not tell: a mount may be read-only, a folder a file.
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _examine_data(data_dir: Path) -> Iterator[Finding]:
    # One level down where the folder is a campaign's own, two where it holds all campaigns.
    found = [*data_dir.glob("*/fingerprint.json"), *data_dir.glob("*/*/fingerprint.json")]
    prepared = sorted(path for path in found if path.parent.suffix != ".part")  # those are not done
    if not prepared:
        yield Finding(
            part="data",
            health=Health.NOTE,
            found=f"none in {data_dir}",
            remedy="Nothing to do: the worker prepares the data of its campaign when it starts.",
        )
    for path in prepared:
        yield from _examine_prepared(path, name=str(path.parent.relative_to(data_dir)))


def _examine_prepared(path: Path, *, name: str) -> Iterator[Finding]:
    folder = path.parent
    again = f"Remove {folder}; the worker makes it again."
    needed = [f"{split}{end}" for split in ("train", "val") for end in (".bin", ".starts.npy")]
    missing = [file for file in (*needed, "tokenizer.json") if not (folder / file).exists()]
    if missing:
        found = f"{name}: {', '.join(missing)} missing"
        yield Finding(part="data", health=Health.PROBLEM, found=found, remedy=again)
        return
    fingerprint = json.loads(path.read_text())
    found = f"{name}: {fingerprint['train_bytes'] / 1e6:.1f} MB of training text"
    yield Finding(part="data", health=Health.OK, found=found)
    digest = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    is_whole = digest == fingerprint["tokenizer_sha256"]
    yield Finding(
        part="tokenizer",
        health=Health.OK if is_whole else Health.PROBLEM,
        found=f"{name}: {'as prepared' if is_whole else 'changed since it was prepared'}",
        remedy="" if is_whole else again,
    )


def _examine_git() -> Finding:
    path = shutil.which("git")
    if path is None:
        return Finding(part="git", health=Health.PROBLEM, found="none", remedy=GIT_REMEDY)
    return Finding(part="git", health=Health.OK, found=path)


def _examine_sandbox() -> Finding:
    path = find_bubblewrap()
    if path is None:
        return Finding(part="sandbox", health=Health.NOTE, found="none", remedy=REMEDY)
    return Finding(part="sandbox", health=Health.OK, found=path)


def _examine_coordinator(url: str) -> Finding:
    try:
        answer = httpx.get(f"{url.rstrip('/')}/healthz", timeout=COORDINATOR_TIMEOUT_S)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding(
            part="coordinator",
            health=Health.NOTE,
            found=f"{url} does not answer: {error}",
            remedy="Check SWARMLAB_COORDINATOR_URL and the network. Until then the worker goes on "
            "alone and hands its results in later.",
        )
    return Finding(part="coordinator", health=Health.OK, found=url)
