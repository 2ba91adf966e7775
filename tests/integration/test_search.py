"""Search by meaning: over experiments, ideas and insights, within one campaign."""

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from coordinator.campaigns.models import Campaign
from coordinator.db import make_engine, make_sessions
from coordinator.errors import SearchBusyError
from coordinator.experiments.models import Experiment
from coordinator.search.embedder import Embedder, Vector
from coordinator.search.frozen import CORES, THREADS, model_threads
from coordinator.search.repository import find_nearest
from coordinator.search.service import MOST_WAITING, search
from shared.ids import new_id
from shared.wire.search import SearchKind, SearchQuery
from tests.conftest import run_sql
from tests.factories import (
    CAMPAIGN,
    AgentClient,
    add_campaign,
    make_campaign_folder,
    make_program,
    result_body,
)

SEARCH = f"/v1/campaigns/{CAMPAIGN}/search"


def hits(agent: AgentClient, q: str, **query: Any) -> list[dict[str, Any]]:
    answer = agent.http.get(SEARCH, params={"q": q, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["hits"]
    return found


@pytest.fixture
def swarm(agent):
    """Said in this campaign: two experiments, two ideas, one insight."""
    texts = ("Raise the learning rate of the matrices", "Use rotary position embeddings")
    shown = [
        agent.put(result_body(hypothesis=words, source=make_program(depth=5 + number)))
        for number, words in enumerate(texts)
    ]
    for words in ("Halve the batch size", "Replace GELU by squared ReLU in the MLP"):
        agent.http.post(f"/v1/campaigns/{CAMPAIGN}/ideas", json={"hypothesis": words})
    agent.http.post(
        f"/v1/campaigns/{CAMPAIGN}/insights",
        json={
            "text": "Small batches win because the budget is in minutes",
            "evidence": [shown[0].json()["experiment_id"]],
        },
    )
    return agent


def test_each_kind_is_found_by_its_meaning(swarm):
    found = hits(swarm, "faster optimizer steps with a larger LR", kind="experiment")
    assert [each["kind"] for each in found] == ["experiment"] * 2
    assert found[0]["text"] == "Raise the learning rate of the matrices"
    found = hits(swarm, "another activation function", kind="idea")
    assert found[0]["text"] == "Replace GELU by squared ReLU in the MLP"
    assert len(found) == 2
    (found,) = hits(swarm, "how large should a batch be", kind="insight")
    assert found["text"].startswith("Small batches win")


def test_all_kinds_come_together_the_nearest_first(swarm):
    found = hits(swarm, "a smaller batch")
    assert {each["text"][:5] for each in found[:2]} == {"Halve", "Small"}
    assert {each["kind"] for each in found} == {"experiment", "idea", "insight"}
    similarities = [each["similarity"] for each in found]
    assert similarities == sorted(similarities, reverse=True)
    assert hits(swarm, "a smaller batch", limit=2) == found[:2]


def test_a_hit_says_how_it_stands(swarm):
    experiment = hits(swarm, "Use rotary position embeddings", kind="experiment")[0]
    assert experiment["similarity"] == pytest.approx(1.0, abs=1e-3)
    assert (experiment["status"], experiment["outcome"]) == ("done", "discard")
    assert (experiment["val_bpb"], experiment["agent"]) == (1.5, swarm.name)
    read = swarm.http.get(f"/v1/experiments/{experiment['id']}").json()
    assert read["hypothesis"] == experiment["text"]
    idea = hits(swarm, "Halve the batch size", kind="idea")[0]
    assert (idea["status"], idea["outcome"]) == ("open", None)
    assert hits(swarm, "batch", kind="insight")[0]["status"] is None


def test_another_campaign_is_another_memory(swarm, database_url):
    add_campaign(database_url, make_campaign_folder(name="second"))
    answer = swarm.http.put(
        f"/v1/campaigns/second/results/{new_id()}",
        json=result_body(hypothesis="Something else entirely", source=make_program(depth=50)),
    )
    found = swarm.http.get(
        "/v1/campaigns/second/search", params={"q": "Use rotary position embeddings"}
    ).json()["hits"]
    assert [each["id"] for each in found] == [answer.json()["experiment_id"]]


def test_the_index_looks_on_until_it_has_found_enough(agent, database_url):
    """Also where its nearest, more than it looks at in one go, belong to another campaign."""
    add_campaign(database_url, make_campaign_folder(name="second"))
    shown = agent.put(result_body(hypothesis="Use rotary position embeddings")).json()
    run_sql(
        database_url,
        """
        INSERT INTO experiments (id, campaign_id, agent_id, hypothesis, platform, status, epoch,
                                 source_sha256, completed_at, embedding)
        SELECT gen_random_uuid(), c.id, agent_id, n::text, platform, status, 1, source_sha256,
               completed_at,
               (SELECT array_agg(x + random() * CASE c.name WHEN 'second' THEN 0.1 ELSE 0.01 END)
                FROM unnest(embedding::real[]) x WHERE n > 0)::halfvec(384)
        FROM experiments e, campaigns c, generate_series(1, 150) n
        """,
    )
    found = asyncio.run(by_the_index(database_url, shown["experiment_id"], limit=100))
    assert found == {CAMPAIGN: 100, "second": 100}


async def by_the_index(database_url: str, experiment_id: str, *, limit: int) -> dict[str, int]:
    """How many experiments of each campaign are found near one of them, sorting forbidden."""
    engine = make_engine(database_url)
    found = {}
    async with make_sessions(engine)() as session:
        await session.execute(text("SET enable_sort = off"))
        vector = await session.scalar(
            select(Experiment.embedding).where(Experiment.id == UUID(experiment_id))
        )
        for campaign in await session.scalars(select(Campaign)):
            hits = await find_nearest(
                session, SearchKind.EXPERIMENT, campaign.id, vector, limit=limit
            )
            found[campaign.name] = len(hits)
    await engine.dispose()
    return found


class HeldEmbedder(Embedder):
    """Its threads begin, and do not answer before they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def embed_few(self, texts: list[str]) -> Vector:
        self.begun.set()
        assert self.go_on.wait(60)
        return super().embed_few(texts)


@pytest.fixture
def held() -> Iterator[HeldEmbedder]:
    embedder = HeldEmbedder()
    yield embedder
    embedder.go_on.set()
    embedder.close()


def test_a_search_is_turned_away_before_claims_would_wait_behind_it(
    database_url: str, held: HeldEmbedder
) -> None:
    question = SearchQuery(q="is there room for me?")

    async def ask() -> None:
        engine = make_engine(database_url)
        claims = [asyncio.create_task(held.embed(f"claim {n}")) for n in range(THREADS)]
        await asyncio.to_thread(held.begun.wait, 60)
        while held.waiting < MOST_WAITING:
            claims.append(asyncio.create_task(held.embed(f"claim {len(claims)}")))
            await asyncio.sleep(0)
        async with make_sessions(engine)() as session:
            with pytest.raises(SearchBusyError):
                await search(session, held, new_id(), question)
            held.go_on.set()
            await asyncio.gather(*claims)
            assert (await search(session, held, new_id(), question)).hits == []
        await engine.dispose()

    asyncio.run(ask())


def test_a_search_holds_no_connection_while_its_words_are_embedded(
    database_url: str, held: HeldEmbedder
) -> None:
    async def ask() -> int:
        engine = make_engine(database_url)
        async with make_sessions(engine)() as session:
            await session.execute(text("SELECT 1"))
            asked = asyncio.create_task(search(session, held, new_id(), SearchQuery(q="why?")))
            await asyncio.to_thread(held.begun.wait, 60)
            taken: int = engine.sync_engine.pool.checkedout()  # type: ignore[attr-defined]
            held.go_on.set()
            await asked
        await engine.dispose()
        return taken

    assert asyncio.run(ask()) == 0


@pytest.mark.skipif(not CORES, reason="this system gives threads no cores of their own")
def test_the_threads_of_a_model_meet_on_no_core() -> None:
    all_begun = threading.Barrier(THREADS)

    def cores() -> set[int]:
        all_begun.wait(60)
        return os.sched_getaffinity(0)

    with model_threads("test") as threads:
        waiting = [threads.submit(cores) for _ in range(THREADS)]
        found = [core for each in waiting for core in each.result()]
    assert sorted(found) == CORES
