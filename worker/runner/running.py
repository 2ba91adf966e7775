"""One run: start the program, watch it, end it, and say what it came to."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO

from shared.states import CrashReason
from shared.wire.results import Metrics
from worker.runner.data import write_files
from worker.runner.records import Progress, RunAbandonedError, RunReport, RunRequest

LOG_LINES = 50
POLL_S = 0.1
_STEP = re.compile(
    r"^step (?P<step>\d+) .*?loss: (?P<loss>[\d.]+).*?tok/sec: (?P<rate>[\d,]+)"
    r".*?mfu: (?P<mfu>[\d.]+)%.*?remaining: (?P<left>-?\d+)s"
)
_SUMMARY = re.compile(r"^(?P<name>[a-z_A-Z]+):\s+(?P<value>\S+)$")


def run_program(
    request: RunRequest,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> RunReport:
    """Run a program to its end, or to twice its budget, and report; leave no process behind.

    Raises:
        RunAbandonedError: ``should_stop`` became true.
    """
    started_at, started = datetime.now(UTC), time.monotonic()
    request.run_dir.mkdir(parents=True, exist_ok=True)
    lab: dict[str, object] = {"data_dir": str(request.data_dir.absolute()), "seed": request.seed}
    if request.num_threads:
        lab["num_threads"] = request.num_threads
    write_files(
        request.run_dir,
        {**request.harness_files, "train.py": request.source, "lab.json": json.dumps(lab)},
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "train.py"],
        cwd=request.run_dir,
        env=_environment(request),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout is not None
    tail: deque[str] = deque(maxlen=LOG_LINES)
    summary: dict[str, float] = {}
    reader = threading.Thread(
        target=_read,
        args=(process.stdout, tail, summary, request.time_budget_s, on_progress),
        daemon=True,
    )
    reader.start()
    timed_out = False
    try:
        while process.poll() is None:
            if should_stop is not None and should_stop():
                raise RunAbandonedError
            if time.monotonic() - started > 2 * request.time_budget_s + 60:
                timed_out = True
                break
            reader.join(POLL_S) if reader.is_alive() else time.sleep(POLL_S)
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended on its own
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
    log = "\n".join(tail)
    metrics, reason = None, None
    if timed_out:
        reason = CrashReason.TIMEOUT
    elif process.returncode or "val_bpb" not in summary:
        reason = _classify(log)
    else:
        metrics = _metrics(summary, time.monotonic() - started)
    return RunReport(
        metrics=metrics,
        crash_reason=reason,
        log_tail=log,
        started_at=started_at,
        finished_at=datetime.now(UTC),
    )


def _environment(request: RunRequest) -> dict[str, str]:
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(request.run_dir.absolute()),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(request.cache_dir.absolute() / "inductor"),
        "TRITON_CACHE_DIR": str(request.cache_dir.absolute() / "triton"),
        # glibc gives large tensors back to the kernel at once and faults them in again at the
        # next step; keeping them made the demo's steps a fifth faster (185 for 155 in 20 s).
        "MALLOC_MMAP_THRESHOLD_": "4294967296",
        "MALLOC_TRIM_THRESHOLD_": "4294967296",
        "MALLOC_TOP_PAD_": "67108864",
    }
    if request.num_threads:
        environment["OMP_NUM_THREADS"] = str(request.num_threads)
    if request.gpu_index is not None:
        environment["CUDA_VISIBLE_DEVICES"] = str(request.gpu_index)
    return environment


def _read(
    stream: IO[str],
    tail: deque[str],
    summary: dict[str, float],
    budget_s: float,
    on_progress: Callable[[Progress], None] | None,
) -> None:
    if on_progress is not None:
        on_progress(Progress(phase="starting", seconds_left=budget_s))
    for raw in stream:
        line = raw.rstrip("\n")
        tail.append(line)
        if found := _STEP.match(line):
            if on_progress is not None:
                left = max(0.0, float(found["left"]))
                on_progress(
                    Progress(
                        phase="training",
                        fraction=1 - left / budget_s,
                        step=int(found["step"]),
                        loss=float(found["loss"]),
                        tokens_per_s=float(found["rate"].replace(",", "")),
                        mfu_percent=float(found["mfu"]),
                        seconds_left=left,
                    )
                )
        elif found := _SUMMARY.match(line):
            try:
                summary[found["name"]] = float(found["value"])
            except ValueError:
                continue  # a line of the program's own


def _classify(log: str) -> CrashReason:
    if "OutOfMemoryError" in log or "out of memory" in log:
        return CrashReason.OOM
    return CrashReason.NAN if "FAIL: the loss is" in log else CrashReason.ERROR


def _metrics(summary: dict[str, float], total_seconds: float) -> Metrics:
    known = {k: v for k, v in summary.items() if k in Metrics.model_fields}
    counts = {k: int(known[k]) for k in ("num_steps", "depth") if k in known}
    return Metrics.model_validate({**known, **counts, "total_seconds": round(total_seconds, 1)})
