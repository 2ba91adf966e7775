"""What goes into a run and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from shared.states import CrashReason
from shared.wire.results import Metrics


class RunAbandonedError(Exception):
    """The run was stopped before its end; none of its processes is left."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class LabError(Exception):
    """The examiner could not be started."""

    def __init__(self, complaint: str) -> None:
        super().__init__(
            "The examiner could not be started; `swarmlab doctor` names the remedy. It said:\n"
            + complaint
        )


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One program to run.

    Attributes:
        source: the text of train.py.
        harness_files: path to text, prepare.py among them.
        seed: the swarm's; nothing that the program does changes it.
        run_dir: a directory of this run alone; made if missing.
        data_dir: where ``prepare_data`` put the data.
        cache_dir: compiled kernels of the campaign's own program, kept between runs.
        baseline: the campaign's own program, the only one whose kernels are kept.
        time_budget_s: seconds of training, counted from the 11th step.
        num_threads: CPU threads of the program; all of them when ``None``.
        gpu_index: the accelerator whose compile cache is used.
        gpu_variables: of the environment, by which the driver and that accelerator are found.
    """

    source: str
    harness_files: Mapping[str, str]
    seed: int
    run_dir: Path
    data_dir: Path
    cache_dir: Path
    baseline: str
    time_budget_s: float
    num_threads: int | None = None
    gpu_index: int | None = None
    gpu_variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands; ``loss``, ``tokens_per_s`` and ``mfu_percent`` are the program's word.

    Attributes:
        phase: ``starting``, ``training`` or ``examining``.
        fraction: of the time budget, 0 to 1.
        seconds_left: of the time budget.
    """

    phase: str
    fraction: float = 0.0
    step: int = 0
    loss: float | None = None
    tokens_per_s: float | None = None
    mfu_percent: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """How a run ended: exactly one of ``metrics`` and ``crash_reason`` is set.

    Attributes:
        log_tail: the last 50 lines of the program's output, and why it was refused or ended.
        seconds: of each part of a scored run, on the parent's clock: ``startup``, ``window`` (the
            free steps), ``training``, ``examination``, ``total``.
    """

    metrics: Metrics | None
    crash_reason: CrashReason | None
    log_tail: str
    started_at: datetime
    finished_at: datetime
    seconds: Mapping[str, float] = field(default_factory=dict)
