"""Queries on claims. Granting is one statement: there is no moment between look and take."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Executable,
    Interval,
    Text,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.db import CLOCK, table_of
from coordinator.events.models import Event
from coordinator.experiments.models import Experiment, Lease
from shared.states import ExperimentStatus


async def grant_claim(
    session: AsyncSession,
    *,
    lease_ttl_s: int,
    claim_key: UUID | None,
    request_sha256: str,
    agent_name: str,
    **values: Any,
) -> Any | None:
    """Insert the experiment, or take over an open one of the same ``dedup_key``.

    The lease of this epoch and the event are written with it, in the same journey.

    Args:
        session: of the claim's transaction.
        lease_ttl_s: seconds.
        claim_key: the agent's own name of this claim.
        request_sha256: of what was asked under this name.
        agent_name: what the event calls the agent.
        values: columns of the experiment.

    Returns:
        The row ``(id, epoch, lease_expires_at)`` of the granted claim, ``None`` where the same
        program is done or held by somebody.
    """
    values["status"] = ExperimentStatus.CLAIMED
    assert values.keys() == {*_KEPT, *_TAKEN}, "a column would be lost"
    asked = {
        **values,
        "ttl": timedelta(seconds=lease_ttl_s),
        "claim_key": claim_key,
        "request_sha256": request_sha256,
        "agent_name": agent_name,
    }
    rows = await session.execute(_grant(), asked)
    return rows.one_or_none()


# What a takeover leaves, and what it writes over.
_KEPT = ("id", "campaign_id", "dedup_key")
_TAKEN = (
    *("agent_id", "hypothesis", "rationale", "base_sha256", "source_sha256"),
    *("change", "change_key", "changed_names", "parameters_key", "values_key", "embedding"),
    *("reading", "reading_version", "platform", "seed", "status", "retest_of"),
)


@cache
def _grant() -> Executable:
    """Return the statement; built once, because building takes as long as running."""
    own = table_of(Experiment).c
    asked = {name: bindparam(name, type_=own[name].type) for name in (*_KEPT, *_TAKEN)}
    expires_at = CLOCK + bindparam("ttl", type_=Interval)
    granted = (
        postgresql.insert(table_of(Experiment))
        .values(epoch=1, lease_expires_at=expires_at, **asked)
        .on_conflict_do_update(
            constraint="uq_experiments_dedup_key",
            set_={
                # By name: ``statement.excluded`` would build a copy of the table.
                **{name: literal_column(f"excluded.{name}") for name in _TAKEN},
                "epoch": own.epoch + 1,
                # Not what was to be inserted: the row may have had to be waited for.
                "lease_expires_at": expires_at,
            },
            where=(own.status != ExperimentStatus.DONE)
            & ((own.status != ExperimentStatus.CLAIMED) | (own.lease_expires_at <= CLOCK)),
        )
        .returning(own.id, own.epoch, own.lease_expires_at)
        .cte("granted")
    )
    lease = {
        "experiment_id": granted.c.id,
        "epoch": granted.c.epoch,
        "claim_key": bindparam("claim_key", type_=table_of(Lease).c.claim_key.type),
        "request_sha256": bindparam("request_sha256", type_=Text),
        **{name: asked[name] for name in ("agent_id", "seed")},
    }
    event = {
        "kind": literal("claimed"),
        "experiment_id": granted.c.id,
        "payload": func.jsonb_build_object(
            *("epoch", granted.c.epoch, "agent", bindparam("agent_name", type_=Text)),
            *("hypothesis", asked["hypothesis"]),
        ),
        **{name: asked[name] for name in ("campaign_id", "agent_id")},
    }
    written = [
        insert(table_of(model))
        .from_select(list(row), select(*row.values()))
        .cte(model.__tablename__)
        for model, row in ((Lease, lease), (Event, event))
    ]
    return select(granted.c.id, granted.c.epoch, granted.c.lease_expires_at).add_cte(*written)


async def find_lease_by_key(session: AsyncSession, agent_id: UUID, claim_key: UUID) -> Lease | None:
    """Return the lease that the agent got for this claim key."""
    return await session.scalar(
        select(Lease).where(Lease.agent_id == agent_id, Lease.claim_key == claim_key)
    )


async def find_lease(session: AsyncSession, experiment_id: UUID, epoch: int) -> Lease | None:
    """Return the lease of this epoch."""
    return await session.scalar(
        select(Lease).where(Lease.experiment_id == experiment_id, Lease.epoch == epoch)
    )


async def lock_experiment(
    session: AsyncSession, experiment_id: UUID, *, beside: tuple[UUID, str] | None = None
) -> tuple[Experiment, datetime] | None:
    """Return the experiment, held against every other writer until commit, and the time.

    With ``beside``, a campaign and a ``dedup_key`` in it, the experiment that stands for that
    program is held too. In the order of their ids: two that need each other's do not wait in a
    circle.
    """
    wanted = Experiment.id == experiment_id
    if beside is not None:
        campaign_id, dedup_key = beside
        wanted |= (Experiment.campaign_id == campaign_id) & (Experiment.dedup_key == dedup_key)
    held = await session.scalars(
        select(Experiment).where(wanted).order_by(Experiment.id).with_for_update()
    )
    experiment = next((each for each in held if each.id == experiment_id), None)
    if experiment is None:
        return None
    # Asked after the lock was granted: a wait for it must not make an expired lease look live.
    now: datetime = (await session.execute(select(CLOCK))).scalar_one()
    return experiment, now


async def read_claim(session: AsyncSession, experiment_id: UUID, epoch: int) -> Any | None:
    """Return ``(status, epoch, lease_expires_at, holder_id, now)`` in one read that locks nothing.

    ``holder_id`` is the agent that got this epoch, ``None`` if it was never given out.
    """
    rows = await session.execute(
        select(
            *(Experiment.status, Experiment.epoch, Experiment.lease_expires_at),
            *(Lease.agent_id.label("holder_id"), CLOCK.label("now")),
        )
        .outerjoin(Lease, (Lease.experiment_id == Experiment.id) & (Lease.epoch == epoch))
        .where(Experiment.id == experiment_id)
    )
    return rows.one_or_none()


async def renew_lease(
    session: AsyncSession, experiment_id: UUID, *, epoch: int, lease_ttl_s: int
) -> datetime | None:
    """Move the expiry of a claim that ``epoch`` still holds; return it, ``None`` if it does not.

    The condition is that of ``may_renew``, at the instant of writing: whatever was read before
    may have changed since.
    """
    rows = await session.execute(
        update(Experiment)
        .where(
            Experiment.id == experiment_id,
            Experiment.epoch == epoch,
            Experiment.status.in_((ExperimentStatus.CLAIMED, ExperimentStatus.EXPIRED)),
        )
        .values(
            status=ExperimentStatus.CLAIMED,
            lease_expires_at=CLOCK + timedelta(seconds=lease_ttl_s),
        )
        .returning(Experiment.lease_expires_at)
        .execution_options(synchronize_session=False)
    )
    return rows.scalar_one_or_none()


async def set_released(session: AsyncSession, experiment_id: UUID) -> None:
    """Open the experiment for others."""
    await session.execute(
        update(Experiment)
        .where(Experiment.id == experiment_id)
        .values(status=ExperimentStatus.RELEASED, lease_expires_at=None)
        .execution_options(synchronize_session=False)
    )


async def expire_leases(session: AsyncSession, *, limit: int) -> list[Any]:
    """Write down which leases have run out; replicas skip each other's rows."""
    # A materialized list: as a plain subquery the planner may run it, and its limit, once per row.
    expired = (
        select(Experiment.id)
        .where(Experiment.status == ExperimentStatus.CLAIMED, Experiment.lease_expires_at <= CLOCK)
        .order_by(Experiment.lease_expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("expired")
        .prefix_with("MATERIALIZED")
    )
    rows = await session.execute(
        update(Experiment)
        .where(Experiment.id == expired.c.id)
        .values(status=ExperimentStatus.EXPIRED)
        .returning(Experiment.id, Experiment.campaign_id, Experiment.agent_id, Experiment.epoch)
        .execution_options(synchronize_session=False)
    )
    return list(rows.all())
