"""Queries that find what an experiment may repeat."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Float, Select, func, literal, or_, select, text, union
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.db import CLOCK
from coordinator.dedup.description import Description
from coordinator.experiments.models import Experiment
from coordinator.programs.models import Program
from coordinator.results.models import Result
from shared.states import ExperimentStatus, Outcome

# Of each kind of likeness so many are looked at; a claim must not cost more in an old campaign.
SAME = 10
SAME_PARAMETERS = 2_000
SAME_LIVE = 30


def _cosine(description: Description) -> ColumnElement[float]:
    distance: ColumnElement[float] = Experiment.embedding.cosine_distance(description.embedding)
    return literal(1.0, Float) - distance


async def find_neighbours(
    session: AsyncSession,
    campaign_id: UUID,
    description: Description,
    *,
    dedup_key: str | None,
) -> list[Any]:
    """Return what the candidate could repeat, the most alike first.

    That is: whatever has the same program, the same change, the same values of the same
    parameters, and the most alike in words of those that touch the same parameters, of the live
    claims and of the newest. No approximate index is asked: a live claim is always found.

    Returns:
        Rows ``(id, hypothesis, change, base_sha256, dedup_key, status, is_live, outcome,
        crash_reason, val_bpb, agent, fingerprint, cosine)``.
    """
    here = Experiment.campaign_id == campaign_id
    same_parameters = here & (Experiment.parameters_key == description.parameters_key)
    cosine = _cosine(description)
    newest = (
        select(Experiment.id, cosine.label("cosine"))
        .where(same_parameters)
        .order_by(Experiment.id.desc())
        .limit(SAME_PARAMETERS)
        .subquery()
    )
    nearest = select(newest.c.id).order_by(newest.c.cosine.desc()).limit(SAME)
    live = (
        select(Experiment.id)
        .where(same_parameters & (Experiment.status == ExperimentStatus.CLAIMED))
        .order_by(cosine.desc())
        .limit(SAME_LIVE)
    )
    same_values = _newest(same_parameters & (Experiment.values_key == description.values_key))
    parts = [nearest, live, same_values]
    if description.change is not None:
        parts.append(_newest(here & (Experiment.change_key == description.change.key)))
    if dedup_key is not None:
        parts.append(select(Experiment.id).where(here, Experiment.dedup_key == dedup_key))
        # A repeat gave its key up, but a late result answers for its program all the same.
        repeats = here & Experiment.repeat_of.is_not(None) & (Program.fingerprint == dedup_key)
        of_program = Program.source_sha256 == Experiment.source_sha256
        parts.append(_newest(repeats).join(Program, of_program))
    found = union(*(select(part.subquery().c.id) for part in parts)).subquery()
    rows = await session.execute(
        select(
            Experiment.id,
            Experiment.hypothesis,
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
            Agent.name.label("agent"),
            Program.fingerprint,
            cosine.label("cosine"),
        )
        .join(found, found.c.id == Experiment.id)
        .join(Agent, Agent.id == Experiment.agent_id)
        .outerjoin(Result, Result.experiment_id == Experiment.id)
        .outerjoin(Program, Program.source_sha256 == Experiment.source_sha256)
        .order_by(text("cosine DESC NULLS LAST"), Experiment.id)
    )
    return list(rows.all())


def _newest(condition: ColumnElement[bool]) -> Select[UUID]:
    return select(Experiment.id).where(condition).order_by(Experiment.id.desc()).limit(SAME)


async def find_similar(
    session: AsyncSession, campaign_id: UUID, description: Description, *, limit: int
) -> list[Any]:
    """Return the most alike in words, by the approximate index of the history.

    Returns:
        Rows ``(id, hypothesis, status, outcome, val_bpb, agent, cosine)``.
    """
    rows = await session.execute(
        select(
            Experiment.id,
            Experiment.hypothesis,
            Experiment.status,
            Result.outcome,
            Result.val_bpb,
            Agent.name.label("agent"),
            _cosine(description).label("cosine"),
        )
        .join(Agent, Agent.id == Experiment.agent_id)
        .outerjoin(Result, Result.experiment_id == Experiment.id)
        .where(Experiment.campaign_id == campaign_id, Experiment.embedding.is_not(None))
        .order_by(Experiment.embedding.cosine_distance(description.embedding))
        .limit(limit)
    )
    return list(rows.all())


async def find_parents(
    session: AsyncSession, campaign_id: UUID, programs: set[str]
) -> Mapping[str, str | None]:
    """Return from which base each of these programs was made and kept."""
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
