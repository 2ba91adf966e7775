"""Keeping and reading records."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.bests.models import Best
from coordinator.bests.repository import find_best, find_best_in_full
from coordinator.bests.rules import Record, decide_record
from coordinator.campaigns.models import Campaign
from coordinator.db import lock_until_commit
from coordinator.errors import InvalidRequestError, NoBestYetError
from coordinator.events.repository import add_event
from coordinator.programs.repository import find_source
from coordinator.results.models import Result
from shared.ids import new_id
from shared.states import Scope
from shared.wire.bests import BestRead


async def advance_bests(
    session: AsyncSession, campaign: Campaign, result: Result, *, agent: str, source_sha256: str
) -> set[Scope]:
    """Record the result in every scope whose best it beats, and return those scopes.

    Metric and program change together: both are in the one row that is added.
    """
    if result.val_bpb is None:
        return set()
    scopes = {
        Scope.GLOBAL: "",
        Scope.TIER: result.tier,
        Scope.PLATFORM: result.platform,
        Scope.AGENT: agent,
    }
    # One lock for all scopes of a campaign: results are few, and no order can deadlock.
    await lock_until_commit(session, f"bests:{campaign.id}")
    advanced = set()
    for scope, value in scopes.items():
        last = await find_best(session, campaign.id, scope, value)
        record = decide_record(
            result.val_bpb,
            None if last is None else Record(sequence=last.sequence, val_bpb=last.val_bpb),
        )
        if record is None:
            continue
        session.add(
            Best(
                id=new_id(),
                campaign_id=campaign.id,
                scope=scope,
                value=value,
                sequence=record.sequence,
                val_bpb=result.val_bpb,
                previous_sequence=record.previous_sequence,
                previous_val_bpb=record.previous_val_bpb,
                result_id=result.id,
                experiment_id=result.experiment_id,
                source_sha256=source_sha256,
                status="provisional",
            )
        )
        advanced.add(scope)
    await session.flush()
    if Scope.GLOBAL in advanced:
        await add_event(
            session,
            "new_best",
            campaign_id=campaign.id,
            agent_id=result.agent_id,
            experiment_id=result.experiment_id,
            agent=agent,
            val_bpb=result.val_bpb,
            source_sha256=source_sha256,
        )
    return advanced


async def get_best(
    session: AsyncSession, campaign: Campaign, scope: Scope, value: str | None
) -> BestRead:
    """Return the record of a scope.

    Raises:
        InvalidRequestError: The scope needs a value and there is none, or the reverse.
        NoBestYetError: The scope has no record.
    """
    found = await find_best_in_full(session, campaign.id, scope, _scope_value(scope, value))
    if found is None:
        raise NoBestYetError
    best, hypothesis, platform, agent, source_bytes = found
    return BestRead(
        best_id=best.id,
        scope=scope,
        value=best.value,
        sequence=best.sequence,
        experiment_id=best.experiment_id,
        agent=agent,
        hypothesis=hypothesis,
        platform=platform,
        val_bpb=best.val_bpb,
        status=best.status,
        source_sha256=best.source_sha256,
        source_bytes=source_bytes,
        harness_sha256=campaign.harness_sha256,
        created_at=best.created_at,
    )


async def get_best_source(
    session: AsyncSession, campaign_id: UUID, scope: Scope, value: str | None
) -> tuple[str, str]:
    """Return text and SHA-256 of the record program of a scope.

    Raises:
        InvalidRequestError: The scope needs a value and there is none, or the reverse.
        NoBestYetError: The scope has no record.
    """
    best = await find_best(session, campaign_id, scope, _scope_value(scope, value))
    if best is None:
        raise NoBestYetError
    source = await find_source(session, best.source_sha256)
    assert source is not None
    return source, best.source_sha256


def _scope_value(scope: Scope, value: str | None) -> str:
    if scope is Scope.GLOBAL and value:
        raise InvalidRequestError("The global scope has no value: leave 'value' out.")
    if scope is not Scope.GLOBAL and not value:
        raise InvalidRequestError(f"Say which {scope}: add &value=… to the query.")
    return value or ""
