"""Queries on ideas. Whether one is open is asked of its experiments, at the time of asking."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Float,
    Row,
    Select,
    Uuid,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.campaigns.models import Campaign
from coordinator.db import CLOCK
from coordinator.dedup.description import Description
from coordinator.experiments.models import Experiment
from coordinator.ideas.models import Idea, IdeaClaim, IdeaEvidence
from coordinator.results.models import Result
from shared.dedup import standing_of
from shared.states import CrashReason, ExperimentStatus, Outcome
from shared.wire.claims import ConstantChange
from shared.wire.ideas import IdeaRead, IdeaStatus

ALIKE = 100  # so many ideas are compared with a new one
NEAREST = 20  # of them in meaning, whatever they are about

# Where the machine was at fault, the idea is as untested as before.
_UNTESTED = [
    reason
    for reason in CrashReason
    if standing_of(ExperimentStatus.DONE, Outcome.CRASH, reason) == "free"
]


def is_tested() -> ColumnElement[bool]:
    """Return whether an experiment for the idea, or a repeat of one, gave an answer."""
    return exists(
        select(literal(1))
        .select_from(IdeaClaim)
        .join(
            Experiment,
            # The late result of a claim that another agent took over is an experiment of its own.
            or_(
                Experiment.id == IdeaClaim.experiment_id,
                Experiment.repeat_of == IdeaClaim.experiment_id,
            ),
        )
        .join(Result, Result.experiment_id == Experiment.id)
        .where(
            IdeaClaim.idea_id == Idea.id,
            Result.crash_reason.is_(None) | Result.crash_reason.not_in(_UNTESTED),
        )
        .correlate(Idea)
    )


def is_claimed() -> ColumnElement[bool]:
    """Return whether somebody holds an experiment for the idea now."""
    return exists(
        select(literal(1))
        .select_from(IdeaClaim)
        .join(Experiment, Experiment.id == IdeaClaim.experiment_id)
        .where(
            IdeaClaim.idea_id == Idea.id,
            Experiment.status == ExperimentStatus.CLAIMED,
            Experiment.lease_expires_at > CLOCK,
        )
        .correlate(Idea)
    )


def idea_status() -> ColumnElement[str]:
    """Return the status of an idea."""
    return case(
        (is_tested(), IdeaStatus.TESTED),
        (is_claimed(), IdeaStatus.CLAIMED),
        else_=IdeaStatus.OPEN,
    )


def _experiments_in(table: type[IdeaClaim | IdeaEvidence]) -> ColumnElement[Any]:
    ids = (
        select(table.experiment_id)
        .where(table.idea_id == Idea.id)
        .order_by(table.experiment_id)
        .correlate(Idea)
    )
    return func.array(ids.scalar_subquery(), type_=ARRAY(Uuid))


def _ideas() -> Select[Any]:
    return (
        select(
            Idea,
            Agent.name.label("agent"),
            Campaign.name.label("campaign"),
            idea_status().label("status"),
            _experiments_in(IdeaEvidence).label("evidence"),
            _experiments_in(IdeaClaim).label("experiments"),
        )
        .join(Agent, Agent.id == Idea.agent_id)
        .join(Campaign, Campaign.id == Idea.campaign_id)
    )


def _read(row: Row[Any]) -> IdeaRead:
    idea: Idea = row.Idea
    return IdeaRead(
        idea_id=idea.id,
        campaign=row.campaign,
        agent=row.agent,
        hypothesis=idea.hypothesis,
        rationale=idea.rationale,
        priority=idea.priority,
        changes=None
        if idea.changes is None
        else [ConstantChange.model_validate(each) for each in idea.changes],
        evidence=row.evidence,
        status=IdeaStatus(row.status),
        experiments=row.experiments,
        created_at=idea.created_at,
    )


async def add_idea(session: AsyncSession, *, evidence: list[UUID], **values: Any) -> None:
    """Add an idea with the experiments that speak for it."""
    await session.execute(insert(Idea).values(**values))
    if evidence:
        rows = [{"idea_id": values["id"], "experiment_id": each} for each in evidence]
        await session.execute(insert(IdeaEvidence).values(rows))


async def find_idea(session: AsyncSession, idea_id: UUID) -> IdeaRead | None:
    """Return the idea of this id."""
    row = (await session.execute(_ideas().where(Idea.id == idea_id))).one_or_none()
    return None if row is None else _read(row)


async def find_same_idea(
    session: AsyncSession, campaign_id: UUID, agent_id: UUID, body_sha256: str
) -> IdeaRead | None:
    """Return the idea that the agent published with this very body."""
    row = await session.execute(
        _ideas().where(
            Idea.campaign_id == campaign_id,
            Idea.agent_id == agent_id,
            Idea.body_sha256 == body_sha256,
        )
    )
    found = row.one_or_none()
    return None if found is None else _read(found)


async def find_alike(
    session: AsyncSession, campaign_id: UUID, description: Description
) -> list[Row[Any]]:
    """Return the untested ideas about the same parameters and the nearest in meaning.

    The likeliest to be the same come first.

    Returns:
        Rows ``(id, hypothesis, changes, agent, status, cosine)``.
    """
    distance = Idea.embedding.cosine_distance(description.embedding)
    cosine = literal(1.0, Float) - distance
    untested = (Idea.campaign_id == campaign_id) & ~is_tested()
    nearest = select(Idea.id).where(untested).order_by(distance).limit(NEAREST)
    rows = await session.execute(
        select(
            Idea.id,
            Idea.hypothesis,
            Idea.changes,
            Agent.name.label("agent"),
            idea_status().label("status"),
            cosine.label("cosine"),
        )
        .join(Agent, Agent.id == Idea.agent_id)
        .where(
            untested,
            or_(Idea.parameters_key == description.parameters_key, Idea.id.in_(nearest)),
        )
        .order_by((Idea.values_key == description.values_key).desc(), cosine.desc())
        .limit(ALIKE)
    )
    return list(rows.all())


async def list_ideas(
    session: AsyncSession,
    campaign_id: UUID,
    status: IdeaStatus | None,
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> list[IdeaRead]:
    """Return ideas, the most urgent first, then the newest, after this priority and id."""
    query = _ideas().where(Idea.campaign_id == campaign_id)
    match status:
        case IdeaStatus.TESTED:
            query = query.where(is_tested())
        case IdeaStatus.CLAIMED:
            query = query.where(~is_tested(), is_claimed())
        case IdeaStatus.OPEN:
            query = query.where(~is_tested(), ~is_claimed())
    if after is not None:
        query = query.where(tuple_(Idea.priority, Idea.id) < tuple_(*map(literal, after)))
    rows = await session.execute(query.order_by(Idea.priority.desc(), Idea.id.desc()).limit(limit))
    return [_read(row) for row in rows]


async def find_priority(session: AsyncSession, campaign_id: UUID, idea_id: UUID) -> int | None:
    """Return the priority of an idea, ``None`` if the campaign has no such idea."""
    return await session.scalar(
        select(Idea.priority).where(Idea.id == idea_id, Idea.campaign_id == campaign_id)
    )


async def link_experiment(session: AsyncSession, idea_id: UUID, experiment_id: UUID) -> bool:
    """Write down that the experiment tests the idea; return whether that is news."""
    rows = await session.execute(
        postgresql.insert(IdeaClaim)
        .values(idea_id=idea_id, experiment_id=experiment_id)
        .on_conflict_do_nothing()
        .returning(IdeaClaim.idea_id)
    )
    return rows.one_or_none() is not None
