"""The dedup decision on a claim, inside the claim's own transaction."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.campaigns.models import Campaign
from coordinator.dedup.cross_encoder import CrossEncoder
from coordinator.dedup.description import (
    Description,
    change_from_json,
    parse_cached,
)
from coordinator.dedup.keys import is_baseline_key
from coordinator.dedup.readings import reading_from_json, reading_version
from coordinator.dedup.repository import find_nearest, find_neighbours, find_parents, lock_names
from coordinator.errors import DuplicateClaimError
from shared.changes import ChangeSignature
from shared.dedup import (
    Candidate,
    Neighbour,
    Reason,
    base_relation,
    decide_claim,
    standing_of,
    verdicts_of_words,
)
from shared.states import CrashReason, ExperimentStatus, Outcome
from shared.wire.claims import Match
from shared.words import ParsedHypothesis, Vocabulary

SIMILAR = 5
SIMILAR_COSINE = 0.5  # below this two hypotheses have little but the field in common


async def find_alike(
    session: AsyncSession, campaign: Campaign, description: Description, *, dedup_key: str | None
) -> list[Any]:
    """Return what a new experiment could repeat, the most alike in words first.

    From here to the commit, claims that could be the same take turns.
    """
    nearest = await find_nearest(session, campaign.id, description)  # slow, so before the turn
    await _lock_alike(session, campaign, description)
    return await find_neighbours(
        session, campaign.id, description, nearest=nearest, dedup_key=dedup_key
    )


async def _lock_alike(session: AsyncSession, campaign: Campaign, description: Description) -> None:
    names = {f"parameters:{campaign.id}:{description.parameters_key}"}
    if description.change is not None:
        names.add(f"change:{campaign.id}:{description.change.key}")
    await lock_names(session, names)


async def refuse_duplicate(
    session: AsyncSession,
    cross_encoder: CrossEncoder,
    campaign: Campaign,
    description: Description,
    alike: Sequence[Any],
    *,
    hypothesis: str,
    vocabulary: Vocabulary,
    base_sha256: str | None,
    dedup_key: str | None,
) -> UUID | None:
    """Return what a new experiment re-tests on a base that has moved on, if it does.

    Raises:
        DuplicateClaimError: It is the same as experiments that are held or done; it carries the
            reason and these matches.
    """
    if is_baseline_key(dedup_key):  # which no words can repeat
        runs = [row for row in alike if f"{row.fingerprint}@{row.ran_on}" == dedup_key]
        scored = [row for row in runs if row.val_bpb is not None]
        if scored:
            raise _duplicate("same-program", scored)
        return None
    bases = {row.base_sha256 for row in alike if row.base_sha256}
    parents = await find_parents(session, campaign.id, bases)
    neighbours = [
        Neighbour(
            id=row,
            standing=standing_of(
                _status_now(row),
                Outcome(row.outcome) if row.outcome else None,
                CrashReason(row.crash_reason) if row.crash_reason else None,
            ),
            relation=base_relation(base_sha256, row.base_sha256, parents),
            parsed=_parsed(row, change, vocabulary),
            fingerprint=row.fingerprint,
            change=change,
            cosine=row.cosine,
        )
        for row in alike
        if not is_baseline_key(row.dedup_key)
        for change in [change_from_json(row.change) if row.change else None]
    ]
    candidate = Candidate(
        parsed=description.parsed, fingerprint=dedup_key, change=description.change
    )
    decision = decide_claim(candidate, neighbours, [None] * len(neighbours))
    if decision.reason is None:  # neither program nor change tells, so the words decide
        pairs = [(hypothesis, each.id.hypothesis) for each in neighbours]
        verdicts = verdicts_of_words(candidate, neighbours)
        verdicts = await cross_encoder.reconsider(pairs, verdicts)
        decision = decide_claim(candidate, neighbours, verdicts)
    if decision.reason is not None:
        raise _duplicate(decision.reason, [match.id for match in decision.matches])
    return decision.retest_of.id.id if decision.retest_of else None


def _duplicate(reason: Reason, rows: Sequence[Any]) -> DuplicateClaimError:
    matches = [_match(row).model_dump(mode="json") for row in rows]
    return DuplicateClaimError(reason=reason, matches=matches)


def similar_experiments(alike: Sequence[Any]) -> list[Match]:
    """Return what a granted claim resembles, so that its agent can learn from it."""
    return [_match(row) for row in alike[:SIMILAR] if row.cosine and row.cosine >= SIMILAR_COSINE]


def _status_now(row: Any) -> ExperimentStatus:
    """Return the status by the clock: a lease that ran out holds nothing, swept or not."""
    status = ExperimentStatus(row.status)
    if status is ExperimentStatus.CLAIMED and not row.is_live:
        return ExperimentStatus.EXPIRED
    return status


def _parsed(row: Any, change: ChangeSignature | None, vocabulary: Vocabulary) -> ParsedHypothesis:
    if row.reading_version == reading_version():
        with suppress(ValidationError):  # then the text still tells
            return reading_from_json(row.reading)
    return parse_cached(row.hypothesis, change, vocabulary)


def _match(row: Any) -> Match:
    return Match(
        experiment_id=row.id,
        hypothesis=row.hypothesis,
        agent=row.agent,
        status=row.status,
        outcome=Outcome(row.outcome) if row.outcome else None,
        val_bpb=row.val_bpb,
        similarity=None if row.cosine is None else round(row.cosine, 4),
    )
