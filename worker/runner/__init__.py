"""The parent process that runs one candidate program and reports what it came to."""

from worker.runner.data import DataFingerprint, PrepareError, prepare_data
from worker.runner.platforms import Platform, detect_platform
from worker.runner.records import LabError, Progress, RunAbandonedError, RunReport, RunRequest
from worker.runner.running import run_program

__all__ = [
    "DataFingerprint",
    "LabError",
    "Platform",
    "PrepareError",
    "Progress",
    "RunAbandonedError",
    "RunReport",
    "RunRequest",
    "detect_platform",
    "prepare_data",
    "run_program",
]
