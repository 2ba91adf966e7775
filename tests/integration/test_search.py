"""Search by meaning: over experiments, ideas and insights, within one campaign."""

from typing import Any

import pytest

from shared.ids import new_id
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
        agent.put(result_body(hypothesis=text, source=make_program(depth=5 + number)))
        for number, text in enumerate(texts)
    ]
    for text in ("Halve the batch size", "Replace GELU by squared ReLU in the MLP"):
        agent.http.post(f"/v1/campaigns/{CAMPAIGN}/ideas", json={"hypothesis": text})
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
    """Also when the nearest of the index, more than it looks at in one go, belong to others."""
    add_campaign(database_url, make_campaign_folder(name="second"))
    answer = swarm.http.put(
        f"/v1/campaigns/second/results/{new_id()}",
        json=result_body(hypothesis="Something else entirely", source=make_program(depth=50)),
    )
    run_sql(
        database_url,
        """
        INSERT INTO experiments (id, campaign_id, agent_id, hypothesis, platform, status, epoch,
                                 source_sha256, completed_at, embedding)
        SELECT gen_random_uuid(), campaign_id, agent_id, hypothesis, platform, status, 1,
               source_sha256, completed_at, embedding
        FROM experiments, generate_series(1, 400) n
        WHERE hypothesis = 'Use rotary position embeddings'
        """,
    )
    found = swarm.http.get(
        "/v1/campaigns/second/search",
        params={"q": "Use rotary position embeddings", "kind": "experiment"},
    ).json()["hits"]
    assert [each["id"] for each in found] == [answer.json()["experiment_id"]]
    assert len(hits(swarm, "Use rotary position embeddings", kind="experiment", limit=100)) == 100
