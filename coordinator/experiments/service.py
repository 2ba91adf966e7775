"""Reading the history."""

import asyncio
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.bests.service import get_best_source
from coordinator.campaigns.service import get_campaign
from coordinator.errors import NoSourceYetError, UnknownEvidenceError, UnknownExperimentError
from coordinator.experiments.cursor import fill_page, from_cursor
from coordinator.experiments.repository import (
    find_experiment,
    find_experiment_detail,
    find_lineage,
    find_strangers,
    list_history,
)
from coordinator.experiments.rules import unified_diff
from coordinator.programs.repository import find_source
from shared.states import Scope
from shared.wire.experiments import (
    AncestorRead,
    ExperimentDetailRead,
    ExperimentRead,
    HistoryQuery,
    Page,
    PageQuery,
)

_Read = TypeVar("_Read", bound=ExperimentRead)


async def get_history(
    session: AsyncSession, campaign_id: UUID, wanted: HistoryQuery
) -> Page[ExperimentRead]:
    """Return a part of the history, the newest first.

    Raises:
        BadCursorError: The cursor is not one of ours.
    """
    return await _history_page(session, campaign_id, wanted, wanted)


async def get_experiment(session: AsyncSession, experiment_id: UUID) -> ExperimentRead:
    """Return one experiment.

    Raises:
        UnknownExperimentError: There is none of this id.
    """
    return _known(await find_experiment(session, experiment_id))


async def get_experiment_detail(session: AsyncSession, experiment_id: UUID) -> ExperimentDetailRead:
    """Return one experiment with the end of its log.

    Raises:
        UnknownExperimentError: There is none of this id.
    """
    return _known(await find_experiment_detail(session, experiment_id))


def _known(experiment: _Read | None) -> _Read:
    if experiment is None:
        raise UnknownExperimentError
    return experiment


async def get_source(session: AsyncSession, experiment_id: UUID) -> tuple[str, str]:
    """Return text and SHA-256 of the experiment's program.

    Raises:
        UnknownExperimentError: There is no experiment of this id.
        NoSourceYetError: It was claimed without source and is not done.
    """
    return await _source_of(session, await get_experiment(session, experiment_id))


async def get_diff(session: AsyncSession, experiment_id: UUID, against: str | UUID) -> str:
    """Return the unified diff that makes the experiment's program of another one.

    Args:
        session: The session of the request.
        experiment_id: The experiment.
        against: ``base`` (the campaign's baseline where there is none), ``best`` (the record of
            the experiment's platform), or the id of another experiment of the campaign.

    Raises:
        UnknownExperimentError: There is no experiment of one of the ids in this campaign.
        NoSourceYetError: One of them was claimed without source and is not done.
        NoBestYetError: The platform has no record yet.
    """
    experiment = await get_experiment(session, experiment_id)
    new, new_sha256 = await _source_of(session, experiment)
    campaign = await get_campaign(session, experiment.campaign)
    old: str | None
    if isinstance(against, UUID):
        other = await get_experiment(session, against)
        if other.campaign != experiment.campaign:
            raise UnknownExperimentError
        old, old_sha256 = await _source_of(session, other)
        old_name = f"experiment {against}"
    elif against == "best":
        old, old_sha256 = await get_best_source(
            session, campaign.id, Scope.PLATFORM, experiment.platform
        )
        old_name = f"best of {experiment.platform}"
    else:
        old_sha256 = experiment.base_sha256 or campaign.baseline_sha256
        old = await find_source(session, old_sha256)
        assert old is not None
        old_name = "base"
    return await asyncio.to_thread(
        unified_diff,
        old,
        new,
        old_label=f"a/train.py\t{old_name} {old_sha256[:12]}",
        new_label=f"b/train.py\texperiment {experiment_id} {new_sha256[:12]}",
    )


async def get_lineage(session: AsyncSession, experiment_id: UUID) -> list[AncestorRead]:
    """Return the bases of the experiment, the nearest first, down to the baseline.

    Raises:
        UnknownExperimentError: There is no experiment of this id.
    """
    experiment = await get_experiment(session, experiment_id)
    campaign = await get_campaign(session, experiment.campaign)
    return await find_lineage(session, experiment, baseline_sha256=campaign.baseline_sha256)


async def get_children(
    session: AsyncSession, experiment_id: UUID, part: PageQuery
) -> Page[ExperimentRead]:
    """Return the experiments that started from this one's program, the newest first.

    Raises:
        UnknownExperimentError: There is no experiment of this id.
        BadCursorError: The cursor is not one of ours.
    """
    experiment = await get_experiment(session, experiment_id)
    from_cursor(part.cursor)  # a bad one is refused, also where there is nothing to show
    if experiment.source_sha256 is None:
        return Page(items=[], next_cursor=None)
    campaign = await get_campaign(session, experiment.campaign)
    return await _history_page(
        session, campaign.id, HistoryQuery(), part, base_sha256=experiment.source_sha256
    )


async def _history_page(
    session: AsyncSession,
    campaign_id: UUID,
    wanted: HistoryQuery,
    part: PageQuery,
    *,
    base_sha256: str | None = None,
) -> Page[ExperimentRead]:
    async def fetch(before: UUID | None, limit: int) -> list[ExperimentRead]:
        return await list_history(
            session, campaign_id, wanted, before=before, limit=limit, base_sha256=base_sha256
        )

    return await fill_page(
        fetch,
        before=from_cursor(part.cursor),
        limit=part.limit,
        id_of=lambda each: each.experiment_id,
        length_of=_length,
    )


def _length(each: ExperimentRead) -> int:
    edits = each.changes.constants if each.changes else []
    edited = sum(len(edit.name) + len(edit.old or "") + len(edit.new or "") for edit in edits)
    return len(each.hypothesis) + len(each.rationale or "") + edited


async def require_evidence(
    session: AsyncSession, campaign_id: UUID, experiment_ids: list[UUID]
) -> None:
    """Make sure that the evidence is there.

    Raises:
        UnknownEvidenceError: Some of it is not an experiment of this campaign; it names which.
    """
    missing = await find_strangers(session, campaign_id, experiment_ids)
    if missing:
        raise UnknownEvidenceError(missing=[str(each) for each in missing])


async def _source_of(session: AsyncSession, experiment: ExperimentRead) -> tuple[str, str]:
    if experiment.source_sha256 is None:
        raise NoSourceYetError
    source = await find_source(session, experiment.source_sha256)
    assert source is not None
    return source, experiment.source_sha256
