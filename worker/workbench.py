"""The workbench: the one experiment at hand, on disk, so that a killed worker can go on.

| step | what is known | after a kill |
| --- | --- | --- |
| `claiming` | the proposal and the key of its claim | the same key finds the claim again |
| `running` | the claim, its epoch and its seed | the same program runs again, from the start |
| (in the outbox) | the result | the notebook is concluded, the result is sent |

A program that takes the worker down with it `MAX_ATTEMPTS` times is recorded as a crash.
"""

import contextlib
import os
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.wire.claims import ConstantChange
from shared.wire.results import Cost

MAX_ATTEMPTS = 3


class Step(StrEnum):
    """How far the experiment at hand has come."""

    CLAIMING = "claiming"
    RUNNING = "running"


class Experiment(BaseModel):
    """The experiment at hand.

    ``experiment_id`` and ``epoch`` are the claim's; work done alone has neither.
    """

    model_config = ConfigDict(frozen=True)

    result_id: UUID
    claim_key: UUID
    hypothesis: str
    rationale: str | None = None
    changes: tuple[ConstantChange, ...] = ()
    idea_id: UUID | None = None
    cost: Cost | None = None
    source: str
    base_sha256: str | None = None
    base_val_bpb: float | None = None
    step: Step = Step.CLAIMING
    experiment_id: UUID | None = None
    epoch: int | None = None
    seed: int | None = None
    lease_expires_at: AwareDatetime | None = None
    attempts: int = 0


class Workbench:
    """Holds at most one experiment; every change is on disk when the call returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def get(self) -> Experiment | None:
        """Return the experiment at hand."""
        try:
            return Experiment.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def put(self, experiment: Experiment) -> Experiment:
        """Put the experiment down, in place of what lies there."""
        write_durably(self._path, experiment.model_dump_json().encode())
        return experiment

    def clear(self) -> None:
        """Take the experiment away."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file whole: a crash leaves the old content or the new one, never a part."""
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    partial.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
