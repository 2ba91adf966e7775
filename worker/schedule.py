"""When a worker may start a run: within the hours and on the idle machine that its owner wants."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time

import psutil

from worker.errors import SetupError
from worker.settings import gpu_variables

BUSY_GPU_PERCENT = 10
BUSY_CPU_PERCENT = 25.0
SAMPLE_S = 1.0

_NONE = (0, -1, 0, -1)  # minutes that no time has
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?-(\d{1,2})(?::(\d{2}))?")


@dataclass(frozen=True, kw_only=True)
class Hours:
    """A daily window of local time; one that ends before it starts goes over midnight."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> "Hours":
        """Return the window that ``22-7`` or ``22:30-7`` names.

        Raises:
            SetupError: it names none.
        """
        match = _HOURS.fullmatch(text.strip())
        start_h, start_m, end_h, end_m = (int(x or 0) for x in match.groups()) if match else _NONE
        try:
            hours = cls(start=_time_of_day(start_h, start_m), end=_time_of_day(end_h, end_m))
        except ValueError as error:
            raise SetupError(f"{text!r} are no hours: write them like 22-7 or 22:30-7.") from error
        if hours.start == hours.end:
            raise SetupError(f"{text!r} is no window: leave --hours away to work all day.")
        return hours

    def __contains__(self, moment: time) -> bool:
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def _time_of_day(hour: int, minute: int) -> time:
    """Return the time; 24:00 is midnight too."""
    return time(0) if (hour, minute) == (24, 0) else time(hour, minute)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What the owner allows; ``load_percent`` tells how busy the machine is."""

    hours: Hours | None = None
    load_percent: Callable[[], float] | None = None
    busy_percent: float = BUSY_CPU_PERCENT

    def why_not_now(self, now: datetime) -> str | None:
        """Return why no run may start, ``None`` where one may."""
        if self.hours is not None and now.time() not in self.hours:
            return f"Outside of the hours {self.hours}."
        if self.load_percent is not None:
            load_percent = self.load_percent()
            if load_percent > self.busy_percent:
                return f"Somebody uses this machine ({load_percent:.0f} % busy)."
        return None


def make_schedule(
    *, hours: str | None, only_when_idle: bool, gpu_index: int | None, has_gpu: bool
) -> Schedule:
    """Return the schedule that the command line asks for.

    Raises:
        SetupError: the hours are none, or the worker sees no GPU of this index.
    """
    window = Hours.parse(hours) if hours else None
    if not only_when_idle:
        return Schedule(hours=window)
    if has_gpu:
        # The driver counts all cards, the worker only those that it is shown.
        card = gpu_variables(gpu_index or 0)["CUDA_VISIBLE_DEVICES"]
        return Schedule(
            hours=window,
            load_percent=lambda: gpu_load_percent(card),
            busy_percent=BUSY_GPU_PERCENT,
        )
    return Schedule(hours=window, load_percent=cpu_load_percent)


def cpu_load_percent() -> float:
    """Return how busy the processors are, over a second."""
    return float(psutil.cpu_percent(interval=SAMPLE_S))


def gpu_load_percent(card: str) -> float:
    """Return how busy a GPU is, as its driver's own tool says.

    Args:
        card: its number or its UUID, as the driver counts.

    Raises:
        SetupError: there is no such tool, or it does not tell.
    """
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            [*command, f"--id={card}"], capture_output=True, text=True, check=True, timeout=30
        )
        return float(done.stdout.strip())
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise SetupError(
            f"nvidia-smi does not tell how busy GPU {card} is ({error}): leave --only-when-idle "
            "away."
        ) from error
