"""Postgres: the declarative base, the engine, and the transaction of a request."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Request
from psycopg import AsyncConnection as PsycopgConnection
from psycopg import OperationalError
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import (
    ColumnElement,
    DateTime,
    MetaData,
    Table,
    bindparam,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

# Database time decides every deadline. Not now(), which is the start of the transaction and
# would be old after a wait for a lock.
CLOCK = func.clock_timestamp()

SILENCE_S = 20.0  # longer than the database lets a statement take


class Base(DeclarativeBase):
    """Base of every table; each constraint gets a name, so that its violation can be told."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 the declarative API wants a plain class attribute
        datetime: DateTime(timezone=True),
        # None is SQL's NULL: a JSON null inside would slip past every constraint on it.
        dict[str, Any]: JSONB(none_as_null=True),
        list[dict[str, Any]]: JSONB(none_as_null=True),
    }


def table_of(model: type[Base]) -> Table:
    """Return the table of a mapped class, for inserts that need no objects and no rows back."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


class _Connection(PsycopgConnection[Any]):
    """A connection that is given up after ``SILENCE_S`` without an answer.

    The database ends what takes too long by itself, but not where it is the one that stopped.
    """

    async def wait(
        self,
        gen: PQGen[Any],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 psycopg names it
    ) -> Any:
        try:
            return await super().wait(gen, interval, timeout or SILENCE_S)
        except OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # nothing has answered, and a rollback would wait as long
            raise


def make_engine(database_url: str, *, pool_size: int = 16) -> AsyncEngine:
    """Return an engine on psycopg 3 for any ``postgresql://`` URL."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=8,
        pool_pre_ping=True,
        pool_timeout=10,
        # Programs reach 256 KiB; seconds of silence from the database are a 503, not a hang.
        # The index of embeddings is asked to look on where the nearest belong to other campaigns.
        connect_args={
            "async_creator_fn": _Connection.connect,
            "connect_timeout": 5,
            # What a replica has locked is free again soon after it froze, or left the network.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 25_000,
            "options": "-c statement_timeout=15000 -c idle_in_transaction_session_timeout=15000"
            " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
            " -c hnsw.iterative_scan=strict_order"
            " -c hnsw.ef_search=300",  # of 100, 1 % of the near neighbours slip through
        },
    )


def make_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Return the factory of sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


async def _request_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.sessions() as session:
        yield session
        await session.commit()


# scope="function": the commit happens before the answer. With the default scope a failed commit
# would come after a 2xx that promised durability.
Session = Annotated[AsyncSession, Depends(_request_session, scope="function")]


async def free_connection(session: AsyncSession) -> None:
    """Give the connection back until the next statement; what follows is a new transaction.

    Called after the first reads of a request and before it computes for long, so that as many can
    compute as like while others are served. What was read before must not decide afterwards,
    unless it never changes.
    """
    await session.commit()


def lock_of(parameter: str) -> ColumnElement[Any]:
    """Return what holds the advisory lock named by a bound parameter until the transaction ends."""
    return func.pg_advisory_xact_lock(func.hashtextextended(bindparam(parameter), 0))


_LOCK = select(lock_of("name"))


async def lock_until_commit(session: AsyncSession | AsyncConnection, name: str) -> None:
    """Hold the advisory lock ``name`` until the transaction ends."""
    await session.execute(_LOCK, {"name": name})


Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row", bound=Base)


class Remembered(Generic[Key, Row]):
    """Rows that the service never changes, for a minute each: every request asks for some.

    A minute, because an operator may change them by SQL. The objects belong to no session.
    """

    def __init__(
        self,
        find: Callable[[AsyncSession, Key], Awaitable[Row]],
        *,
        seconds: float = 60.0,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._rows: dict[Key, tuple[Row, float]] = {}

    async def get(self, session: AsyncSession, key: Key) -> Row:
        """Return the row of this key, or raise what ``find`` does where there is none."""
        known = self._rows.get(key)
        if known is not None and self._clock() < known[1]:
            return known[0]
        row = await self._find(session, key)
        session.expunge(row)  # or a rollback of this session would take its values away
        self._rows.pop(key, None)
        while len(self._rows) >= self._most:
            del self._rows[next(iter(self._rows))]  # the one that was read first
        self._rows[key] = row, self._clock() + self._seconds
        return row


def constraint_of(error: IntegrityError) -> str | None:
    """Return the name of the constraint that a write violated."""
    diagnostics = getattr(error.orig, "diag", None)
    name: str | None = getattr(diagnostics, "constraint_name", None)
    return name
