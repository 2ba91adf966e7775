"""The history."""

import math
import re
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field

from shared.states import CrashReason, ExperimentStatus, Outcome, Tier
from shared.wire.base import Moment, ShortText, WireModel
from shared.wire.results import Cost, Metrics

Item = TypeVar("Item")

BOUND = re.compile(
    rf"(?P<metric>{'|'.join(Metrics.model_fields)}):(?P<value>[-+]?[0-9.]+([eE][-+]?[0-9]+)?)"
)


def bound_of(text: str) -> tuple[str, float]:
    """Return metric and number of a bound such as ``val_bpb:0.98``.

    Raises:
        ValueError: It is not a bound; the message shows the form.
    """
    found = BOUND.fullmatch(text)
    try:
        value = float(found["value"]) if found else math.nan
    except ValueError:
        value = math.nan
    if found is None or not math.isfinite(value):
        names = ", ".join(Metrics.model_fields)
        raise ValueError(f"write a bound as metric:number, e.g. val_bpb:0.98, with one of {names}")
    return found["metric"], value


def _bound(text: str) -> str:
    bound_of(text)
    return text


Bound = Annotated[ShortText, AfterValidator(_bound)]


class PageQuery(WireModel):
    """Which part of a list; ``cursor`` is the ``next_cursor`` of the part before."""

    cursor: ShortText | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class HistoryQuery(PageQuery):
    """A part of the history; every filter that is given must hold.

    ``since`` is the first moment and ``until`` the first one after, of ``created_at``, which is
    when it began; ``completed_since`` is the first of ``completed_at``, which is when it came in.
    ``changed`` names constants or definitions that the experiment changed against its base, and
    ``text`` words that stand in hypothesis or rationale. ``min`` and ``max`` bound metrics, as
    ``val_bpb:0.98``. What may be repeated must hold each time.
    """

    status: ExperimentStatus | None = None
    outcome: Outcome | None = None
    crash_reason: CrashReason | None = None
    agent: ShortText | None = None
    platform: ShortText | None = None
    tier: Tier | None = None
    since: Moment | None = None
    until: Moment | None = None
    completed_since: Moment | None = None
    changed: Annotated[list[ShortText], Field(max_length=20)] = Field(default_factory=list)
    text: ShortText | None = None
    min: Annotated[list[Bound], Field(max_length=20)] = Field(default_factory=list)
    max: Annotated[list[Bound], Field(max_length=20)] = Field(default_factory=list)


class ConstantChanged(WireModel):
    """A constant and its values as Python literals; ``None`` is a program that lacks it."""

    name: str
    old: str | None
    new: str | None


class DefinitionChanged(WireModel):
    """A function, method or class that was ``added``, ``changed`` or ``removed``."""

    name: str
    kind: str


class ChangeRead(WireModel):
    """The canonical difference of a program to its base; formatting and comments never count."""

    constants: list[ConstantChanged]
    definitions: list[DefinitionChanged]
    statements_added: int
    statements_removed: int


class ExperimentRead(WireModel):
    """One experiment: hypothesis, base, program, claim state and result.

    ``repeat_of`` is an experiment with the same program, ``retest_of`` one that made the same
    change to a base that has moved on since.
    """

    experiment_id: UUID
    campaign: str
    agent: str
    hypothesis: str
    rationale: str | None
    base_sha256: str | None
    source_sha256: str | None
    changes: ChangeRead | None = None
    status: ExperimentStatus
    epoch: int
    lease_expires_at: datetime | None
    seed: int | None
    outcome: Outcome | None
    crash_reason: CrashReason | None
    metrics: Metrics | None
    cost: Cost | None = None
    base_val_bpb: float | None
    platform: str | None
    tier: Tier | None
    late: bool
    repeat_of: UUID | None
    retest_of: UUID | None = None
    created_at: datetime
    completed_at: datetime | None


class ExperimentDetailRead(ExperimentRead):
    """One experiment by itself: also when it ran, by its worker's clock, and how its log ended."""

    started_at: datetime | None
    finished_at: datetime | None
    log_tail: str | None


class AncestorRead(WireModel):
    """One base in a lineage, with the experiment that made it where there is one.

    Of several with this program it is one of the asking experiment's platform, if there is one,
    because scores compare only within a platform.
    """

    source_sha256: str
    is_baseline: bool
    experiment_id: UUID | None
    hypothesis: str | None
    agent: str | None
    platform: str | None
    outcome: Outcome | None
    val_bpb: float | None


class Page(WireModel, Generic[Item]):
    """Part of a list; hand ``next_cursor`` back for the next part, ``None`` is the end."""

    items: list[Item]
    next_cursor: str | None
