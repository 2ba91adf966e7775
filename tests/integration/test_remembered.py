"""What every request asks for is remembered for a minute, and for no longer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.agents.service import register_agent
from coordinator.auth import agent_of_key, hash_api_key
from coordinator.campaigns.service import get_campaign
from coordinator.db import Remembered, make_engine, make_sessions
from coordinator.errors import UnknownCampaignError, WrongKeyError
from shared.wire.agents import AgentCreate
from tests.factories import CAMPAIGN, add_campaign


@asynccontextmanager
async def session_of(database_url: str) -> AsyncIterator[AsyncSession]:
    engine = make_engine(database_url)
    try:
        async with make_sessions(engine)() as session:
            yield session
    finally:
        await engine.dispose()


async def key_of(session: AsyncSession, name: str) -> bytes:
    made = await register_agent(session, AgentCreate(name=name, hardware={}), invite=None)
    await session.commit()
    session.expunge_all()
    return hash_api_key(made.api_key)


def test_a_key_that_an_operator_took_away_is_good_for_a_minute_at_most(database_url):
    now = [1000.0]
    agents = Remembered(agent_of_key, seconds=60, clock=lambda: now[0])

    async def scenario() -> None:
        async with session_of(database_url) as session:
            key = await key_of(session, "anna")
            known = await agents.get(session, key)
            await session.execute(update(Agent).values(api_key_sha256=b"another"))
            await session.commit()
            now[0] += 59
            assert await agents.get(session, key) is known
            now[0] += 1
            with pytest.raises(WrongKeyError):
                await agents.get(session, key)

    asyncio.run(scenario())


def test_what_is_remembered_outlives_the_request_that_read_it(database_url):
    agents = Remembered(agent_of_key)

    async def scenario() -> None:
        async with session_of(database_url) as session:
            key = await key_of(session, "anna")
            known = await agents.get(session, key)
            await session.rollback()  # which takes the values of its objects away
        assert known.name == "anna"
        async with session_of(database_url) as session:
            assert (await agents.get(session, key)).platform == "unknown"

    asyncio.run(scenario())


def test_what_was_not_there_may_be_there_the_next_time(database_url):
    campaigns = Remembered(get_campaign)

    async def ask() -> str:
        async with session_of(database_url) as session:
            return (await campaigns.get(session, CAMPAIGN)).name

    with pytest.raises(UnknownCampaignError):
        asyncio.run(ask())
    add_campaign(database_url)
    assert asyncio.run(ask()) == CAMPAIGN


def test_only_so_many_are_remembered_and_the_first_goes_first(database_url):
    asked = []

    async def find(session: AsyncSession, key: bytes) -> Agent:
        asked.append(key)
        return await agent_of_key(session, key)

    agents = Remembered(find, most=2)

    async def scenario() -> None:
        async with session_of(database_url) as session:
            one, two, three = [await key_of(session, name) for name in ("anna", "ben", "cleo")]
            for key in (one, two, one, three, two, one):
                await agents.get(session, key)
            assert asked == [one, two, three, one]

    asyncio.run(scenario())
