"""One run: check the program, start it beside its examiner, watch both, say what it came to."""

import contextlib
import math
import queue
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import structlog

from shared.states import CrashReason
from shared.wire.results import Metrics
from worker.runner.clock import Clock, limits_for
from worker.runner.folders import folder_bytes, remove_folder
from worker.runner.kernels import are_kept, give_up_kernels, keep_kernels, own_program
from worker.runner.output import OUTPUT_BYTES
from worker.runner.policy import check_policy
from worker.runner.processes import Pair
from worker.runner.records import (
    LabError,
    Progress,
    RunAbandonedError,
    RunReport,
    RunRequest,
)

POLL_S = 0.05
REPORT_EVERY_S = 0.5
AFTER_SCORE_S = 10.0  # to print the summary and leave
AFTER_EXIT_S = 1.0  # for the examiner's last word
RUN_DIR_BYTES = 2 * 2**30
SIZE_EVERY_S = 1.0
LOG_CHARS = 19_000
WORST_BPB = 1000.0  # where the wire model ends

OnProgress = Callable[[Progress], None]
# The program's word, which nothing is decided by.
_UNCHECKED = ("peak_vram_mb", "mfu_percent", "num_steps", "num_params_M", "depth")


def run_program(
    request: RunRequest,
    *,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> RunReport:
    """Run a program to its end or to its limits and report; no process is left behind.

    Raises:
        RunAbandonedError: ``should_stop`` became true.
        LabError: the examiner could not be started; the program is not to blame.
    """
    started_at = datetime.now(UTC)
    refusals = check_policy(request.source)
    if refusals:
        log = "\n".join(["The program was not run:", *map(str, refusals)])
        return _report(started_at, None, CrashReason.POLICY, log)
    if request.source != request.baseline and _has_gpu() and not are_kept(request):
        _compile_own_program(request, should_stop)
        started_at = datetime.now(UTC)
    events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    with Pair(request, events.put) as pair:
        watch = _Watch(request, pair, events, on_progress)
        while not watch.is_over:
            if should_stop is not None and should_stop():
                raise RunAbandonedError
            watch.turn()
    metrics, reason, why = watch.judge()
    if metrics is not None:
        keep_kernels(request)
    log = "\n".join(filter(None, [pair.output.tail(), why]))
    report = _report(started_at, metrics, reason, log)
    return replace(report, seconds=watch.parts()) if metrics is not None else report


def _compile_own_program(request: RunRequest, should_stop: Callable[[], bool] | None) -> None:
    own = own_program(request)
    try:
        report = run_program(own, should_stop=should_stop)
    finally:
        remove_folder(own.run_dir)
    if not are_kept(request):
        structlog.get_logger().warning("nothing was compiled", why=report.log_tail[-LOG_CHARS:])
        give_up_kernels(request)


class _Watch:
    """Follows a running pair until there is something to say about it."""

    def __init__(
        self,
        request: RunRequest,
        pair: Pair,
        events: "queue.SimpleQueue[dict[str, Any]]",
        on_progress: OnProgress | None,
    ) -> None:
        self._request, self._pair, self._events = request, pair, events
        self._on_progress = on_progress
        self._started = time.monotonic()
        limits = limits_for(request.time_budget_s, has_gpu=_has_gpu())
        self._clock = Clock(request.time_budget_s, limits, self._started)
        self._is_ready = False
        self._ended: tuple[CrashReason, str] | None = None
        self._exited_at: float | None = None
        self._scored_at: float | None = None
        self._is_gone = False
        self._reported_at = self._sized_at = -math.inf
        self.is_over = False

    def turn(self) -> None:
        """Take what has happened, wait a little if nothing has."""
        try:
            event = self._events.get(timeout=POLL_S)
        except queue.Empty:
            self._check(time.monotonic())
            return
        self._check(event["at"])
        if not self.is_over:
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        name, at = event["event"], event["at"]
        if name == "ready":
            self._is_ready = True
        elif name == "refused":
            reason = CrashReason.NAN if event["diverged"] else CrashReason.POLICY
            self._end(reason, f"Refused by the examiner: {event['why']}")
        elif name == "gone":
            self._is_gone = True
        elif name == "end":
            self._examiner_ended()
        else:
            self._clock.take(name, at, event)
            if name == "score":
                self._scored_at = at

    def _examiner_ended(self) -> None:
        if self._is_gone or self._scored_at is not None:
            return
        complaint = self._pair.examiner_complaint()
        if self._pair.examiner.wait(AFTER_EXIT_S) == -signal.SIGKILL:
            # By the kernel, which had no memory left for both.
            self._end(CrashReason.OOM, "The machine ran out of memory: the examiner was killed.")
        elif self._is_ready:
            self._end(CrashReason.ERROR, f"The examiner failed:\n{complaint}")
        else:
            raise LabError(complaint)

    def _end(self, reason: CrashReason, why: str) -> None:
        self._ended, self.is_over = (reason, why), True

    def _check(self, now: float) -> None:
        late = self._clock.overdue(now)
        if late is not None:
            self._end(CrashReason.TIMEOUT, f"The program {late} and was ended.")
            return
        program = self._pair.program
        if program.poll() is not None and self._exited_at is None:
            self._exited_at = now
        if self._scored_at is not None:
            has_left = self._exited_at is not None
            self.is_over = has_left or now - self._scored_at > AFTER_SCORE_S
        elif self._exited_at is not None:
            self.is_over = self._is_gone or now - self._exited_at > AFTER_EXIT_S
        if self._pair.output.is_flooding:
            self._end(
                CrashReason.POLICY,
                f"The program printed more than {OUTPUT_BYTES >> 20} MiB and was ended.",
            )
        if now - self._sized_at > SIZE_EVERY_S:
            self._sized_at = now
            run_dir = self._request.run_dir
            if folder_bytes(run_dir) + _unlinked_bytes(run_dir, program.pid) > RUN_DIR_BYTES:
                self._end(
                    CrashReason.POLICY,
                    f"The program wrote more than {RUN_DIR_BYTES >> 20} MiB, or into folders that "
                    "cannot be looked through, and was ended.",
                )
        self._report_progress(now)

    def _report_progress(self, now: float) -> None:
        if self._on_progress is None or now - self._reported_at < REPORT_EVERY_S:
            return
        self._reported_at = now
        budget_s = self._request.time_budget_s
        trained_s = min(self._clock.trained_s(now), budget_s)
        self._on_progress(
            replace(
                self._pair.output.latest,
                phase=self._clock.phase(now),
                fraction=trained_s / budget_s,
                seconds_left=budget_s - trained_s,
            )
        )

    def parts(self) -> dict[str, float]:
        """Return the seconds of each part of a run that has its score."""
        return self._clock.parts(time.monotonic())

    def judge(self) -> tuple[Metrics | None, CrashReason | None, str]:
        """Return metrics or a reason, and a sentence; call it when no process is left."""
        if self._ended is not None:
            return None, *self._ended
        if self._clock.val_bpb is None:
            return None, *self._why_it_crashed()
        if not 0 < self._clock.val_bpb < WORST_BPB:
            return None, CrashReason.NAN, f"A score of {self._clock.val_bpb:g} is no score."
        summary = self._pair.output.summary
        told = {
            name: value
            for name, value in summary.items()
            if name in _UNCHECKED and math.isfinite(value) and 0 <= value < 2**53
        }
        counts = {name: int(told[name]) for name in ("num_steps", "depth") if name in told}
        metrics = Metrics.model_validate(
            {
                **told,
                **counts,
                "val_bpb": self._clock.val_bpb,
                "training_seconds": round(self._clock.trained_s(time.monotonic()), 2),
                "total_seconds": round(time.monotonic() - self._started, 2),
                "total_tokens_M": self._clock.tokens / 1e6,
            }
        )
        return metrics, None, ""

    def _why_it_crashed(self) -> tuple[CrashReason, str]:
        code, log = self._pair.program.returncode, self._pair.output.tail()
        if "OutOfMemoryError" in log or "out of memory" in log.lower() or code in {-9, 137}:
            return CrashReason.OOM, "The program ran out of memory."
        if any(line == "FAIL" or line.startswith("FAIL: the loss is") for line in log.splitlines()):
            return CrashReason.NAN, "The training diverged."
        if code == 0:
            return CrashReason.ERROR, "The program ended without calling evaluate_bpb."
        return CrashReason.ERROR, f"The program ended with code {code}."


def _has_gpu() -> bool:
    return any(Path("/dev").glob("nvidia[0-9]*"))


def _unlinked_bytes(folder: Path, pid: int) -> int:
    """Return the size of files without a name that a process and its children hold open."""
    device, sizes = folder.stat().st_dev, dict[int, int]()
    with contextlib.suppress(psutil.NoSuchProcess):
        program = psutil.Process(pid)
        for process in (program, *program.children(recursive=True)):
            with contextlib.suppress(OSError):  # ended meanwhile
                for opened in Path(f"/proc/{process.pid}/fd").iterdir():
                    with contextlib.suppress(OSError):  # closed meanwhile
                        found = opened.stat()
                        if found.st_nlink == 0 and found.st_dev == device:
                            sizes[found.st_ino] = found.st_blocks * 512
    return sum(sizes.values())


def _report(
    started_at: datetime, metrics: Metrics | None, reason: CrashReason | None, log: str
) -> RunReport:
    return RunReport(
        metrics=metrics,
        crash_reason=reason,
        log_tail=log[-LOG_CHARS:],
        started_at=started_at,
        finished_at=max(started_at, datetime.now(UTC)),  # whatever was done to the clock meanwhile
    )
