"""Where in the history a result goes: to the experiment that it completes, or beside it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.campaigns.models import Campaign
from coordinator.claims.rules import Completion
from coordinator.db import constraint_of
from coordinator.dedup.description import Description
from coordinator.experiments.models import Experiment
from coordinator.results.repository import (
    add_done_experiment,
    complete_experiment,
    find_experiment_by_dedup_key,
)
from shared.ids import new_id
from shared.wire.results import ResultPut


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The claim that a result answers; ``seed`` is the one that came with it."""

    experiment: Experiment
    completion: Completion
    seed: int


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A result on its way into the history, with what was found out about it.

    ``seed`` is the claim's, for a result of solo work its own. ``dedup_key`` is ``None`` where the
    result keeps nobody from running the same program.
    """

    campaign: Campaign
    agent: Agent
    body: ResultPut
    source_sha256: str
    seed: int | None
    dedup_key: str | None
    description: Description

    def columns(self) -> dict[str, Any]:
        """Return what the experiment's row says of the program that ran, and why it was run."""
        # A result that gives no reason leaves the one of the claim that it completes.
        reason = {} if self.body.rationale is None else {"rationale": self.body.rationale}
        return {
            "hypothesis": self.body.hypothesis,
            **reason,
            "base_sha256": self.body.base,
            "source_sha256": self.source_sha256,
            **self.description.columns(),
        }


@dataclass(frozen=True, kw_only=True)
class Filed:
    """Where in the history a result was put."""

    experiment_id: UUID
    repeat_of: UUID | None
    is_late: bool


async def file_result(
    session: AsyncSession, submission: Submission, claimed: Claimed | None
) -> Filed:
    """Give a result its place: its claim's experiment, or one of its own."""
    if claimed is None:
        return await _add(session, submission, repeat_of=None)
    experiment = claimed.experiment
    if not claimed.completion.completes:
        return await _add(session, submission, repeat_of=experiment.id)
    repeat_of = await _complete(session, submission, experiment)
    is_late = claimed.completion.is_late
    return Filed(experiment_id=experiment.id, repeat_of=repeat_of, is_late=is_late)


async def _add(session: AsyncSession, submission: Submission, *, repeat_of: UUID | None) -> Filed:
    """Add an experiment for a result of solo work or of an older epoch."""
    experiment_id = new_id()

    async def add(*, dedup_key: str | None) -> bool:
        return await add_done_experiment(
            session,
            id=experiment_id,
            campaign_id=submission.campaign.id,
            agent_id=submission.agent.id,
            dedup_key=dedup_key,
            platform=submission.body.platform,
            seed=submission.seed,
            repeat_of=repeat_of,
            # A clock that runs ahead makes no experiment newer than all that will come.
            created_at=func.least(submission.body.started_at, func.now()),
            **submission.columns(),
        )

    if repeat_of is None and not await add(dedup_key=submission.dedup_key):
        assert submission.dedup_key is not None
        repeat_of = await find_experiment_by_dedup_key(
            session, submission.campaign.id, submission.dedup_key
        )
    if repeat_of is not None:
        await add(dedup_key=None)
    return Filed(experiment_id=experiment_id, repeat_of=repeat_of, is_late=True)


async def _complete(
    session: AsyncSession, submission: Submission, experiment: Experiment
) -> UUID | None:
    """Mark the experiment done and return what it turned out to repeat.

    The program that ran need not be the one that was claimed (a crash was fixed, or the claim
    came without source): it takes the place of what it is, or becomes a repeat, and what was
    claimed is free again.
    """
    dedup_key = submission.dedup_key
    while True:
        repeat_of = None
        if dedup_key is not None and experiment.dedup_key != dedup_key:
            repeat_of = await find_experiment_by_dedup_key(
                session, submission.campaign.id, dedup_key
            )
        try:
            async with session.begin_nested():
                completed = await complete_experiment(
                    session,
                    experiment.id,
                    epoch=experiment.epoch,
                    dedup_key=None if repeat_of else dedup_key,
                    repeat_of=repeat_of,
                    **submission.columns(),
                )
        except IntegrityError as error:
            if constraint_of(error) != "uq_experiments_dedup_key":
                raise
            continue  # somebody claimed this very program since we looked: now it is found
        assert completed
        return repeat_of
