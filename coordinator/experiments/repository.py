"""Queries on the history."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    Text,
    all_,
    case,
    func,
    literal,
    literal_column,
    null,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from coordinator.agents.models import Agent
from coordinator.campaigns.models import Campaign
from coordinator.experiments.models import NO_WORD, WORDS, Experiment
from coordinator.results.models import Result
from shared.states import CrashReason, ExperimentStatus, Outcome, Tier
from shared.wire.claims import Match
from shared.wire.experiments import (
    AncestorRead,
    ChangeRead,
    ConstantChanged,
    DefinitionChanged,
    ExperimentDetailRead,
    ExperimentRead,
    HistoryQuery,
    bound_of,
)
from shared.wire.results import Cost, Metrics

MAX_STEPS = 10_000  # of a lineage; no program was improved so often


def _history() -> Select[Experiment, Result, str, str]:
    return (
        select(Experiment, Result, Agent.name, Campaign.name)
        .join(Agent, Agent.id == Experiment.agent_id)
        .join(Campaign, Campaign.id == Experiment.campaign_id)
        .outerjoin(Result, Result.experiment_id == Experiment.id)
    )


def _read(row: Any) -> ExperimentRead:
    experiment, result, agent, campaign = row
    return ExperimentRead(
        experiment_id=experiment.id,
        campaign=campaign,
        agent=agent,
        hypothesis=experiment.hypothesis,
        rationale=experiment.rationale,
        base_sha256=experiment.base_sha256,
        source_sha256=experiment.source_sha256,
        changes=None if experiment.change is None else _read_change(experiment.change),
        status=ExperimentStatus(experiment.status),
        epoch=experiment.epoch,
        lease_expires_at=experiment.lease_expires_at,
        seed=result.seed if result else experiment.seed,
        outcome=Outcome(result.outcome) if result else None,
        crash_reason=CrashReason(result.crash_reason) if result and result.crash_reason else None,
        metrics=Metrics.model_validate(result.metrics) if result and result.metrics else None,
        cost=Cost.model_validate(result.cost) if result and result.cost else None,
        base_val_bpb=result.base_val_bpb if result else None,
        platform=result.platform if result else experiment.platform,
        tier=Tier(result.tier) if result else None,
        late=result.is_late if result else False,
        repeat_of=experiment.repeat_of,
        retest_of=experiment.retest_of,
        created_at=experiment.created_at,
        completed_at=experiment.completed_at,
    )


def _read_change(change: dict[str, Any]) -> ChangeRead:
    return ChangeRead(
        constants=[ConstantChanged(**edit) for edit in change["constants"]],
        definitions=[
            DefinitionChanged(name=edit["name"], kind=edit["kind"])
            for edit in change["definitions"]
        ],
        statements_added=len(change["statements_added"]),
        statements_removed=len(change["statements_removed"]),
    )


def _conditions(wanted: HistoryQuery) -> list[ColumnElement[bool]]:
    """Return the filters in the form that the indexes know."""
    found: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (Experiment.status, wanted.status),
            (Result.outcome, wanted.outcome),
            (Result.crash_reason, wanted.crash_reason),
            (Result.tier, wanted.tier),
            # What is shown: where it ran, or where it is to run.
            (func.coalesce(Result.platform, Experiment.platform), wanted.platform),
        )
        if value is not None
    ]
    if wanted.since is not None:
        found.append(Experiment.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(Experiment.created_at < wanted.until)
    if wanted.completed_since is not None:
        found.append(Experiment.completed_at >= wanted.completed_since)
    if wanted.changed:
        names = literal(wanted.changed, ARRAY(Text))
        found.append(Experiment.changed_names.bool_op("@>")(names))
    if wanted.text is not None:
        words = func.regexp_replace(wanted.text, literal_column(NO_WORD), " ", "g")
        query = func.plainto_tsquery(literal_column("'simple'"), words)
        found.append(literal_column(WORDS).bool_op("@@")(query))
    found += [_metric(name) >= value for name, value in map(bound_of, wanted.min)]
    found += [_metric(name) <= value for name, value in map(bound_of, wanted.max)]
    return found


def _metric(name: str) -> ColumnElement[Any]:
    # The score stands in a column, with an index; the others where they came.
    return Result.val_bpb.expression if name == "val_bpb" else Result.metrics[name].as_float()


async def list_history(
    session: AsyncSession,
    campaign_id: UUID,
    wanted: HistoryQuery,
    *,
    before: UUID | None,
    limit: int,
    base_sha256: str | None = None,
) -> list[ExperimentRead]:
    """Return experiments, the newest first, that came before the id ``before``."""
    query = _history().where(Experiment.campaign_id == campaign_id, *_conditions(wanted))
    if wanted.agent is not None:
        # Asked first: knowing who it is, the planner knows how much there is to go through.
        agent_id = await session.scalar(select(Agent.id).where(Agent.name == wanted.agent))
        query = query.where(Experiment.agent_id == agent_id)
    if base_sha256 is not None:
        query = query.where(Experiment.base_sha256 == base_sha256)
    if before is not None:
        query = query.where(Experiment.id < before)
    rows = await session.execute(query.order_by(Experiment.id.desc()).limit(limit))
    return [_read(row) for row in rows]


async def find_experiment(session: AsyncSession, experiment_id: UUID) -> ExperimentRead | None:
    """Return one experiment as it is read."""
    row = (await session.execute(_history().where(Experiment.id == experiment_id))).one_or_none()
    return None if row is None else _read(row)


async def find_experiment_detail(
    session: AsyncSession, experiment_id: UUID
) -> ExperimentDetailRead | None:
    """Return one experiment with what lists leave out, because it is long."""
    query = _history().where(Experiment.id == experiment_id).options(undefer(Result.log_tail))
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    result = row[1]
    return ExperimentDetailRead(
        **dict(_read(row)),
        started_at=result.started_at if result else None,
        finished_at=result.finished_at if result else None,
        log_tail=result.log_tail if result else None,
    )


async def find_strangers(
    session: AsyncSession, campaign_id: UUID, experiment_ids: list[UUID]
) -> list[UUID]:
    """Return which of these are no experiments of the campaign, in the order given."""
    rows = await session.scalars(
        select(Experiment.id).where(
            Experiment.campaign_id == campaign_id, Experiment.id.in_(experiment_ids)
        )
    )
    known = set(rows)
    return [each for each in experiment_ids if each not in known]


async def find_lineage(
    session: AsyncSession, experiment: ExperimentRead, *, baseline_sha256: str
) -> list[AncestorRead]:
    """Return the bases of an experiment, the nearest first, down to the baseline.

    A program may have been reached again from what it led to, so no base is gone through twice.
    """
    chain = select(
        literal(0).label("step"),
        literal(experiment.source_sha256 or "", String).label("sha256"),
        literal(experiment.experiment_id).label("made_by"),
        literal(experiment.base_sha256, String).label("base"),
        array([literal(experiment.source_sha256 or "", String)]).label("path"),
    ).cte("chain", recursive=True)
    maker = (
        select(Experiment.id, Experiment.base_sha256)
        .join(Campaign, Campaign.id == Experiment.campaign_id)
        .where(
            Campaign.name == experiment.campaign,
            Experiment.source_sha256 == chain.c.base,
            Experiment.base_sha256.is_distinct_from(Experiment.source_sha256),
        )
        .order_by(
            (Experiment.platform == experiment.platform).desc(),
            (Experiment.status == ExperimentStatus.DONE).desc(),
            Experiment.repeat_of.is_(None).desc(),
            Experiment.id,
        )
        .limit(1)
        .correlate(chain)
        .lateral("maker")
    )
    chain = chain.union_all(
        select(
            chain.c.step + 1,
            chain.c.base,
            maker.c.id,
            case((chain.c.base == baseline_sha256, null()), else_=maker.c.base_sha256),
            func.array_append(chain.c.path, chain.c.base),
        )
        .select_from(chain.outerjoin(maker, true()))
        .where(chain.c.base != all_(chain.c.path), chain.c.step < MAX_STEPS)
    )
    rows = await session.execute(
        select(
            chain.c.sha256,
            chain.c.made_by,
            Experiment.hypothesis,
            Agent.name,
            func.coalesce(Result.platform, Experiment.platform),
            Result.outcome,
            Result.val_bpb,
        )
        .select_from(chain)
        .outerjoin(Experiment, Experiment.id == chain.c.made_by)
        .outerjoin(Agent, Agent.id == Experiment.agent_id)
        .outerjoin(Result, Result.experiment_id == Experiment.id)
        .where(chain.c.step > 0)
        .order_by(chain.c.step)
    )
    return [
        AncestorRead(
            source_sha256=sha256,
            is_baseline=sha256 == baseline_sha256,
            experiment_id=made_by,
            hypothesis=hypothesis,
            agent=agent,
            platform=platform,
            outcome=Outcome(outcome) if outcome else None,
            val_bpb=val_bpb,
        )
        for sha256, made_by, hypothesis, agent, platform, outcome, val_bpb in rows
    ]


async def find_matches_by_dedup_key(
    session: AsyncSession, campaign_id: UUID, dedup_key: str
) -> list[Match]:
    """Return the experiment that stands in the way of a claim."""
    rows = await session.execute(
        select(Experiment, Result.outcome, Result.val_bpb, Agent.name)
        .join(Agent, Agent.id == Experiment.agent_id)
        .outerjoin(Result, Result.experiment_id == Experiment.id)
        .where(Experiment.campaign_id == campaign_id, Experiment.dedup_key == dedup_key)
    )
    return [
        Match(
            experiment_id=experiment.id,
            hypothesis=experiment.hypothesis,
            agent=agent,
            status=experiment.status,
            outcome=Outcome(outcome) if outcome else None,
            val_bpb=val_bpb,
            similarity=1.0,
        )
        for experiment, outcome, val_bpb, agent in rows
    ]
