"""Compiled kernels: kept from the campaign's own program, and lent to every run as a copy.

What one program can write and a later one can read is a way to go on where the first stopped: with
its weights, or with the validation inputs that it was shown. So nothing that a candidate writes
outlives its run, and nobody but the campaign's own program fills what is kept: on a GPU it runs for
a moment before the first candidate does.
"""

import hashlib
import shutil
import uuid
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from shared.constants import override_constants, read_constants
from worker.runner.records import RunRequest

FOLDER = "kernels"  # in the run's directory
HARNESS = "prepare.py"
MOMENT_S = 5  # of training, behind the eleventh step


def are_kept(request: RunRequest) -> bool:
    """Return whether the campaign's own program has compiled here, or tried to."""
    return _kept(request).is_dir()


def own_program(request: RunRequest) -> RunRequest:
    """Return the run of the campaign's own program for a moment: all compiled, little trained."""
    files, budget_s = dict(request.harness_files), request.time_budget_s
    if "TIME_BUDGET" in read_constants(files.get(HARNESS, "")):
        files[HARNESS] = override_constants(files[HARNESS], {"TIME_BUDGET": MOMENT_S})
        budget_s = MOMENT_S
    run_dir = request.run_dir.with_name(f"{request.run_dir.name}-{FOLDER}")
    return replace(
        request,
        source=request.baseline,
        harness_files=files,
        run_dir=run_dir,
        time_budget_s=budget_s,
    )


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


def give_up_kernels(request: RunRequest) -> None:
    """Keep nothing where nothing came of it, so that it is not tried before every run."""
    _kept(request).mkdir(parents=True, exist_ok=True)


def _kept(request: RunRequest) -> Path:
    """Return the folder of this campaign, this PyTorch and this accelerator."""
    program = hashlib.sha256(request.baseline.encode()).hexdigest()[:16]
    part = "any" if request.gpu_index is None else f"gpu{request.gpu_index}"
    return request.cache_dir / f"{program}-torch{version('torch')}-{part}"
