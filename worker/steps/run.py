"""Run: train the program in the sandbox while a thread keeps the lease alive.

A lost lease does not stop the run: its result is stored as a late one.
"""

import threading
import time
from datetime import datetime
from typing import Self

from shared.wire.claims import HeartbeatCreate
from worker.errors import CoordinatorUnreachableError, RefusedError
from worker.researcher import Researcher
from worker.runner import Progress, RunReport, RunRequest
from worker.runner.folders import remove_folder
from worker.workbench import Experiment

PROGRESS_PAUSE_S = 0.5
SHORTEST_BEAT_S, LONGEST_BEAT_S = 1.0, 60.0


def run(researcher: Researcher, experiment: Experiment) -> RunReport:
    """Return what the run came to.

    Raises:
        RunAbandonedError: the worker was asked to stop.
    """
    run_dir = researcher.runs_dir / str(experiment.result_id)
    remove_folder(run_dir)
    run_dir.mkdir(parents=True)
    assert experiment.seed is not None
    request = RunRequest(
        source=experiment.source,
        harness_files=researcher.campaign.harness_files,
        seed=experiment.seed,
        run_dir=run_dir,
        data_dir=researcher.data_dir,
        cache_dir=researcher.cache_dir,
        baseline=researcher.campaign.baseline,
        time_budget_s=researcher.campaign.read.time_budget_s,
        num_threads=researcher.num_threads,
        gpu_index=researcher.gpu_index,
        gpu_variables=researcher.gpu_variables,
    )
    researcher.emit(
        "run_started",
        experiment_id=experiment.experiment_id,
        hypothesis=experiment.hypothesis,
    )
    with Heartbeat(researcher, experiment) as heartbeat:
        report = researcher.runner(
            request, on_progress=heartbeat.note, should_stop=researcher.abandon.is_set
        )
    remove_folder(run_dir)
    return report


class Heartbeat:
    """Renews the lease from a thread of its own; passes progress on, twice a second at most."""

    def __init__(self, researcher: Researcher, experiment: Experiment) -> None:
        self._researcher = researcher
        self._experiment = experiment
        self._progress: Progress | None = None
        self._reported_at = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        if self._experiment.experiment_id is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def note(self, progress: Progress) -> None:
        """Take the newest progress."""
        is_new_phase = self._progress is None or self._progress.phase != progress.phase
        self._progress = progress
        now = time.monotonic()
        if is_new_phase or now - self._reported_at >= PROGRESS_PAUSE_S:
            self._reported_at = now
            self._researcher.emit("progress", **_fields(progress))

    def _beat(self) -> None:
        expires_at = self._experiment.lease_expires_at
        experiment_id, epoch = self._experiment.experiment_id, self._experiment.epoch
        assert experiment_id is not None
        assert epoch is not None
        clock = self._researcher.client.timekeeper
        while not self._done.wait(beat_pause_s(expires_at, clock.now())):
            progress = _fields(self._progress) if self._progress else None
            try:
                lease = self._researcher.client.heartbeat(
                    experiment_id, HeartbeatCreate(epoch=epoch, progress=progress)
                )
            except CoordinatorUnreachableError as error:
                self._researcher.lose_swarm(error)
            except RefusedError:
                return  # the lease is somebody else's now; the result will be a late one
            else:
                expires_at = lease.lease_expires_at


def beat_pause_s(expires_at: datetime | None, now: datetime) -> float:
    """Return how long to wait before the next heartbeat: a third of what is left of the lease.

    Both times are the coordinator's.
    """
    left_s = (expires_at - now).total_seconds() if expires_at else LONGEST_BEAT_S
    return min(max(left_s / 3, SHORTEST_BEAT_S), LONGEST_BEAT_S)


def _fields(progress: Progress) -> dict[str, str | float | None]:
    return {
        "phase": progress.phase,
        "fraction": progress.fraction,
        "step": progress.step,
        "loss": progress.loss,
        "tokens_per_s": progress.tokens_per_s,
        "mfu_percent": progress.mfu_percent,
        "seconds_left": progress.seconds_left,
    }
