"""Queries that find what an experiment may repeat."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Executable,
    Float,
    Select,
    Text,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    union,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.db import CLOCK, lock_of
from coordinator.dedup.description import Description
from coordinator.experiments.models import Experiment
from coordinator.programs.models import Program
from coordinator.results.models import Result
from shared.states import ExperimentStatus, Outcome

# Of each kind of likeness so many are looked at; a claim must not cost more in an old campaign.
NEAREST = 20
SAME_VALUES = 1_000  # of them the nearest
SAME_LIVE = 30
SAME = 10


EMBEDDING: ColumnElement[Any] = bindparam("embedding", type_=Experiment.embedding.type)
CAMPAIGN_ID: ColumnElement[UUID] = bindparam("campaign_id", type_=Experiment.campaign_id.type)
NEAREST_IDS: ColumnElement[Any] = bindparam("nearest", type_=ARRAY(Experiment.id.type))
DISTANCE: ColumnElement[float] = Experiment.embedding.cosine_distance(EMBEDDING)
COSINE: ColumnElement[float] = literal(1.0, Float) - DISTANCE


async def find_nearest(
    session: AsyncSession, campaign_id: UUID, description: Description
) -> list[UUID]:
    """Return the most alike in words, by the approximate index of the history."""
    asked = {"campaign_id": campaign_id, "embedding": description.embedding}
    return list(await session.scalars(_nearest(), asked))


@cache
def _nearest() -> Select[UUID]:
    return (
        select(Experiment.id)
        .where(Experiment.campaign_id == CAMPAIGN_ID, Experiment.embedding.is_not(None))
        .order_by(DISTANCE)
        .limit(NEAREST)
    )


async def lock_names(session: AsyncSession, names: Iterable[str]) -> None:
    """Hold the advisory locks of these names until the transaction ends.

    And plan no statement of it anew for its parameters: to plan that of the neighbours takes longer
    than to run it, and no parameter makes another plan better.
    """
    # Sorted, so that two claims never wait for each other in a circle.
    asked = {f"name_{n}": name for n, name in enumerate(sorted(names))}
    await session.execute(_lock(tuple(asked)), asked)


@cache
def _lock(names: tuple[str, ...]) -> Executable:
    """Return the statement; built once, because building takes as long as running."""
    is_planned_once = func.set_config("plan_cache_mode", "force_generic_plan", True)
    return select(is_planned_once, *map(lock_of, names))


async def find_neighbours(
    session: AsyncSession,
    campaign_id: UUID,
    description: Description,
    *,
    nearest: list[UUID],
    dedup_key: str | None,
) -> list[Any]:
    """Return what the candidate could repeat, the most alike first.

    That is: whatever has the same program or the same change, the most alike in words of those
    with the same value of the same parameter and of the live claims of that parameter, and what
    is ``nearest`` by the index. Of the rest none is approximate: a live claim is always found.

    Returns:
        Rows ``(id, hypothesis, reading, reading_version, change, base_sha256, dedup_key, status,
        is_live, outcome, crash_reason, val_bpb, ran_on, agent, fingerprint, cosine)``.
    """
    change = description.change
    statement = _neighbours(has_change=change is not None, has_program=dedup_key is not None)
    asked = {
        "campaign_id": campaign_id,
        "embedding": description.embedding,
        "parameters_key": description.parameters_key,
        "values_key": description.values_key,
        "nearest": nearest,
    }
    if change is not None:
        asked["change_key"] = change.key
    if dedup_key is not None:
        asked["dedup_key"] = dedup_key
    rows = await session.execute(statement, asked)
    return list(rows.all())


@cache
def _neighbours(*, has_change: bool, has_program: bool) -> Executable:
    """Return the statement; built once, because building takes as long as running."""
    here = Experiment.campaign_id == CAMPAIGN_ID
    same_parameter = here & (Experiment.parameters_key == bindparam("parameters_key"))
    same_values = (
        select(Experiment.id, COSINE.label("cosine"))
        .where(same_parameter & (Experiment.values_key == bindparam("values_key")))
        .order_by(Experiment.id.desc())
        .limit(SAME_VALUES)
        .subquery()
    )
    live = (
        select(Experiment.id)
        .where(same_parameter & (Experiment.status == literal_column("'claimed'")))
        .order_by(COSINE.desc())
        .limit(SAME_LIVE)
    )
    parts = [
        select(Experiment.id).where(Experiment.id == any_(NEAREST_IDS)),
        select(same_values.c.id).order_by(same_values.c.cosine.desc()).limit(NEAREST),
        live,
    ]
    if has_change:
        parts.append(_newest(here & (Experiment.change_key == bindparam("change_key"))))
    if has_program:
        of_program = Experiment.dedup_key == bindparam("dedup_key")
        parts.append(select(Experiment.id).where(here, of_program))
        # A repeat gave its key up, but a late result answers for its program all the same.
        repeats = here & Experiment.repeat_of.is_not(None)
        key = bindparam("dedup_key", type_=Text)
        behaves = Program.fingerprint == func.split_part(key, "@", 1)
        # That of a baseline for the platform that it ran on.
        answers = key.in_((Program.fingerprint, Program.fingerprint + "@" + Result.platform))
        parts.append(
            _newest(repeats & behaves & answers)
            .join(Program, Program.source_sha256 == Experiment.source_sha256)
            .join(Result, Result.experiment_id == Experiment.id)
        )
    found = union(*(select(part.subquery().c.id) for part in parts)).subquery()
    return (
        select(
            Experiment.id,
            Experiment.hypothesis,
            Experiment.reading,
            Experiment.reading_version,
            Experiment.change,
            Experiment.base_sha256,
            Experiment.dedup_key,
            Experiment.status,
            (
                (Experiment.status == ExperimentStatus.CLAIMED)
                & (Experiment.lease_expires_at > CLOCK)
            ).label("is_live"),
            Result.outcome,
            Result.crash_reason,
            Result.val_bpb,
            Result.platform.label("ran_on"),
            Agent.name.label("agent"),
            Program.fingerprint,
            COSINE.label("cosine"),
        )
        .join(found, found.c.id == Experiment.id)
        .join(Agent, Agent.id == Experiment.agent_id)
        .outerjoin(Result, Result.experiment_id == Experiment.id)
        .outerjoin(Program, Program.source_sha256 == Experiment.source_sha256)
        .order_by(text("cosine DESC NULLS LAST"), Experiment.id)
    )


def _newest(condition: ColumnElement[bool]) -> Select[UUID]:
    return select(Experiment.id).where(condition).order_by(Experiment.id.desc()).limit(SAME)


async def find_outdated(
    session: AsyncSession, version: str, *, before: UUID | None, limit: int
) -> list[Any]:
    """Return what other rules than those of ``version`` read, the newest first.

    Returns:
        Rows ``(id, campaign_id, hypothesis, change, base_sha256, reading_version)``.
    """
    columns = (Experiment.campaign_id, Experiment.hypothesis, Experiment.change)
    statement = (
        select(Experiment.id, *columns, Experiment.base_sha256, Experiment.reading_version)
        .where(Experiment.reading_version.is_distinct_from(version))
        .order_by(Experiment.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(Experiment.id < before)
    return list((await session.execute(statement)).all())


async def store_reading(session: AsyncSession, row: Any, **reading: Any) -> None:
    """Write down what was read of such a row, unless the row is another meanwhile."""
    await session.execute(
        update(Experiment)
        .where(
            Experiment.id == row.id,
            Experiment.hypothesis == row.hypothesis,
            Experiment.reading_version.is_not_distinct_from(row.reading_version),
        )
        .values(**reading)
        .execution_options(synchronize_session=False)
    )


async def find_parents(
    session: AsyncSession, campaign_id: UUID, programs: set[str]
) -> Mapping[str, str | None]:
    """Return from which base each of these programs was made and kept."""
    if not programs:
        return {}
    rows = await session.execute(
        select(Experiment.source_sha256, func.min(Experiment.base_sha256))
        .join(Result, Result.experiment_id == Experiment.id)
        .where(
            Experiment.campaign_id == campaign_id,
            Experiment.source_sha256.in_(programs),
            or_(Result.outcome == Outcome.KEEP, Experiment.base_sha256.is_(None)),
        )
        .group_by(Experiment.source_sha256)
    )
    return {program: base for program, base in rows if program is not None}
