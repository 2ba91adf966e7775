"""Compiled kernels: kept from the campaign's own program, and lent to every run as a copy.

What one program can write and a later one can read is a way to go on where the first stopped: with
its weights, or with the validation inputs that it was shown. So nothing that a candidate writes
outlives its run, and nobody but the campaign's own program fills what is kept.
"""

import hashlib
import shutil
import uuid
from importlib.metadata import version
from pathlib import Path

from worker.runner.records import RunRequest

FOLDER = "kernels"  # in the run's directory


def lend_kernels(request: RunRequest) -> None:
    """Copy what is kept into the run's directory, where the program may change it."""
    kept = _kept(request)
    if kept.is_dir():
        shutil.copytree(kept, request.run_dir / FOLDER, symlinks=True, dirs_exist_ok=True)


def keep_kernels(request: RunRequest) -> None:
    """Keep what the campaign's own program compiled, once; call it when no process is left."""
    compiled, kept = request.run_dir / FOLDER, _kept(request)
    if request.source != request.baseline or kept.exists() or not compiled.is_dir():
        return
    arriving = kept.with_name(f"{kept.name}.{uuid.uuid4().hex}")
    shutil.copytree(compiled, arriving, symlinks=True)
    try:
        arriving.rename(kept)
    except OSError:  # a worker beside this one was first
        shutil.rmtree(arriving)


def _kept(request: RunRequest) -> Path:
    """Return the folder of this campaign, this PyTorch and this accelerator."""
    program = hashlib.sha256(request.baseline.encode()).hexdigest()[:16]
    part = "any" if request.gpu_index is None else f"gpu{request.gpu_index}"
    request.cache_dir.mkdir(parents=True, exist_ok=True)
    return request.cache_dir / f"{program}-torch{version('torch')}-{part}"
