"""Ideas: published once, open until somebody tests them, and never open afterwards."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.ids import new_id
from tests.conftest import connected, run_sql
from tests.factories import (
    BASELINE_SHA256,
    CAMPAIGN,
    AgentClient,
    add_campaign,
    make_campaign_folder,
    make_program,
    result_body,
)

IDEAS = f"/v1/campaigns/{CAMPAIGN}/ideas"
RAISE = "Raise MATRIX_LR from 0.04 to 0.05"


def publish(agent: AgentClient, hypothesis: str = RAISE, **body: Any) -> dict[str, Any]:
    answer = agent.http.post(IDEAS, json={"hypothesis": hypothesis, **body})
    assert answer.status_code == 201, answer.text
    idea: dict[str, Any] = answer.json()
    return idea


def ideas(agent: AgentClient, status: str | None = None, **query: Any) -> list[dict[str, Any]]:
    params = query | ({"status": status} if status else {})
    answer = agent.http.get(IDEAS, params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def statuses(agent: AgentClient) -> dict[str, list[str]]:
    """The ideas that each status lists, by hypothesis."""
    listed = {
        status: [each["hypothesis"] for each in ideas(agent, status)]
        for status in ("open", "claimed", "tested")
    }
    shown = {each["hypothesis"]: each["status"] for each in ideas(agent)}
    assert {text: status for status in listed for text in listed[status]} == shown
    return listed


def events(agent: AgentClient, database_url: str, kind: str) -> int:
    with connected(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM events e JOIN agents a ON a.name = %s WHERE kind = %s",
            (agent.name, kind),
        ).fetchone()
    assert row is not None
    count: int = row[0]
    return count


@pytest.fixture
def other(coordinator_url):
    client = AgentClient(coordinator_url)
    yield client
    client.close()


def test_an_idea_is_read_as_it_was_published(agent):
    evidence = [agent.run_baseline()["experiment_id"]]
    changes = [{"name": "MATRIX_LR", "old": "0.04", "new": "0.05"}]
    idea = publish(agent, rationale="It is low", priority=5, evidence=evidence * 2, changes=changes)
    assert ideas(agent) == [idea]
    assert idea | {"idea_id": "", "created_at": ""} == {
        "idea_id": "",
        "campaign": CAMPAIGN,
        "agent": agent.name,
        "hypothesis": RAISE,
        "rationale": "It is low",
        "priority": 5,
        "changes": changes,
        "evidence": evidence,
        "status": "open",
        "experiments": [],
        "created_at": "",
    }


def test_an_idea_goes_from_open_to_claimed_to_tested(agent, other):
    idea = publish(agent)
    assert statuses(agent)["open"] == [RAISE]
    claim = other.claimed(idea_id=idea["idea_id"])
    assert statuses(agent)["claimed"] == [RAISE]
    other.put(result_body(claim))
    assert statuses(agent)["tested"] == [RAISE]
    assert ideas(agent)[0]["experiments"] == [claim["experiment_id"]]


@pytest.mark.parametrize("reason", ["nan", "error", "policy"])
def test_a_program_that_crashed_has_tested_the_idea(agent, reason):
    claim = agent.claimed(idea_id=publish(agent)["idea_id"])
    agent.put(result_body(claim, metrics=None, crash_reason=reason))
    assert statuses(agent)["tested"] == [RAISE]


@pytest.mark.parametrize("reason", ["oom", "timeout"])
def test_a_machine_that_was_too_small_has_not_tested_the_idea(agent, reason):
    claim = agent.claimed(idea_id=publish(agent)["idea_id"])
    agent.put(result_body(claim, metrics=None, crash_reason=reason))
    assert statuses(agent)["open"] == [RAISE]


def test_an_idea_whose_claim_was_given_back_is_open_again(agent):
    claim = agent.claimed(idea_id=publish(agent)["idea_id"])
    agent.release(claim)
    assert statuses(agent)["open"] == [RAISE]


def test_an_idea_whose_lease_ran_out_is_open_at_once(agent, database_url):
    claim = agent.claimed(idea_id=publish(agent)["idea_id"])
    run_sql(
        database_url,
        "UPDATE experiments SET lease_expires_at = clock_timestamp() - interval '1 second'"
        f" WHERE id = '{claim['experiment_id']}'",
    )
    assert statuses(agent)["open"] == [RAISE]
    assert agent.heartbeat(claim).status_code == 200
    assert statuses(agent)["claimed"] == [RAISE]


def test_a_late_result_of_a_claim_that_another_took_over_tests_the_idea(agent, other, database_url):
    first = agent.claimed(idea_id=publish(agent)["idea_id"])
    run_sql(
        database_url,
        "UPDATE experiments SET lease_expires_at = clock_timestamp() - interval '1 second'"
        f" WHERE id = '{first['experiment_id']}'",
    )
    second = other.claimed()
    assert second["experiment_id"] == first["experiment_id"]
    assert statuses(agent)["claimed"] == [RAISE]
    late = agent.put(result_body(first)).json()
    assert late["repeat_of"] == first["experiment_id"]
    other.release(second)
    assert statuses(agent)["tested"] == [RAISE]


def test_an_idea_tested_once_stays_tested_while_it_is_tried_again(agent):
    idea = publish(agent)
    agent.put(result_body(agent.claimed(idea_id=idea["idea_id"])))
    again = agent.claimed(
        hypothesis="Set the depth to 9 on top of it",
        source=make_program(matrix_lr=0.05, depth=9),
        idea_id=idea["idea_id"],
    )
    assert statuses(agent)["tested"] == [RAISE]
    assert len(ideas(agent)[0]["experiments"]) == 2
    agent.release(again)
    assert statuses(agent)["tested"] == [RAISE]


def test_a_claim_asked_for_twice_takes_the_idea_once(agent, database_url):
    idea = publish(agent)
    claim_key = str(new_id())
    agent.claimed(idea_id=idea["idea_id"], claim_key=claim_key)
    agent.claimed(idea_id=idea["idea_id"], claim_key=claim_key)
    assert len(ideas(agent)[0]["experiments"]) == 1
    assert events(agent, database_url, "idea_claimed") == 1


def test_a_claim_for_an_idea_that_is_not_there_is_no_claim(agent, database_url):
    add_campaign(database_url, make_campaign_folder(name="second"))
    foreign = agent.http.post("/v1/campaigns/second/ideas", json={"hypothesis": RAISE}).json()
    for idea_id in (str(new_id()), foreign["idea_id"]):
        answer = agent.claim(idea_id=idea_id)
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("#unknown-idea")
    assert agent.http.get(f"/v1/campaigns/{CAMPAIGN}/experiments").json()["items"] == []


@pytest.mark.parametrize(
    "again",
    [
        {"hypothesis": "raise the matrix learning rate to 5e-2 (it was 0.04)"},
        {"hypothesis": "MATRIX_LR 0.04 -> 0.05", "priority": 1},
        {"hypothesis": "x", "changes": [{"name": "MATRIX_LR", "old": "0.04", "new": "5e-2"}]},
        {"hypothesis": RAISE, "rationale": "another reason"},
    ],
    ids=["prose", "notation", "changes", "same words"],
)
def test_an_untested_idea_is_not_published_twice(agent, other, again):
    idea = publish(agent)
    for _ in ("open", "claimed"):
        answer = other.http.post(IDEAS, json=again)
        assert answer.status_code == 409, answer.text
        problem = answer.json()
        assert problem["type"].endswith("#duplicate-idea")
        (match,) = problem["matches"]
        assert (match["idea_id"], match["agent"]) == (idea["idea_id"], agent.name)
        claim = agent.claim(idea_id=idea["idea_id"], claim_key=idea["idea_id"]).json()
    agent.put(result_body(claim))
    assert other.http.post(IDEAS, json=again).status_code == 201


@pytest.mark.parametrize(
    "another",
    [
        {"hypothesis": "Lower MATRIX_LR from 0.04 to 0.03"},
        {"hypothesis": "Raise MATRIX_LR from 0.04 to 0.06"},
        {"hypothesis": "Raise EMBEDDING_LR from 0.04 to 0.05"},
        {"hypothesis": f"{RAISE} and DEPTH from 4 to 5"},
        {"hypothesis": RAISE, "changes": [{"name": "DEPTH", "old": "4", "new": "5"}]},
    ],
    ids=["direction", "value", "parameter", "compound", "changes"],
)
def test_an_idea_that_only_sounds_alike_is_published(agent, other, another):
    publish(agent)
    assert other.http.post(IDEAS, json=another).status_code == 201


def test_a_repeat_is_found_among_many_ideas_about_the_same_parameter(agent, other):
    idea = publish(agent, "halve the batch size, 524K to 262K")
    for number in range(110):
        publish(agent, f"Set TOTAL_BATCH_SIZE from 2**19 to {300_000 + 4096 * number}")
    answer = other.http.post(IDEAS, json={"hypothesis": "TOTAL_BATCH_SIZE 2**19 -> 2**18"})
    assert answer.status_code == 409, answer.text
    assert answer.json()["matches"][0]["idea_id"] == idea["idea_id"]


def test_the_same_idea_sent_again_is_the_same_idea(agent, database_url):
    body = {"hypothesis": RAISE, "priority": 2}
    first = agent.http.post(IDEAS, json=body)
    again = agent.http.post(IDEAS, json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert events(agent, database_url, "idea_published") == 1


def test_of_many_equal_ideas_at_once_one_is_published(agent, other, database_url):
    agents = [agent, other]
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda n: agents[n % 2].http.post(IDEAS, json={"hypothesis": RAISE}), range(16)
            )
        )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] * 7 + [201] + [409] * 8
    assert len(ideas(agent)) == 1
    assert events(agent, database_url, "idea_published") == 1


def test_ideas_are_listed_by_urgency_then_age_on_every_page(agent):
    for number, priority in enumerate((3, 5, 1, 5, 3)):
        publish(agent, f"Set DEPTH to {number + 10}", priority=priority)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = agent.http.get(IDEAS, params={"limit": 2, "status": "open", **cursor}).json()
        assert len(page["items"]) <= 2
        seen += [each["hypothesis"][-2:] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ["13", "11", "14", "10", "12"]


def test_evidence_must_be_experiments_of_the_campaign(agent, database_url):
    known = agent.run_baseline()["experiment_id"]
    add_campaign(database_url, make_campaign_folder(name="second"))
    foreign = agent.http.put(
        f"/v1/campaigns/second/results/{new_id()}", json=result_body(base=BASELINE_SHA256)
    ).json()["experiment_id"]
    unknown = str(new_id())
    answer = agent.http.post(
        IDEAS, json={"hypothesis": RAISE, "evidence": [unknown, known, foreign]}
    )
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("#unknown-evidence")
    assert answer.json()["missing"] == [unknown, foreign]
    assert ideas(agent) == []


def test_ideas_of_another_campaign_are_neither_listed_nor_in_the_way(agent, database_url):
    add_campaign(database_url, make_campaign_folder(name="second"))
    publish(agent)
    assert agent.http.get("/v1/campaigns/second/ideas").json()["items"] == []
    answer = agent.http.post("/v1/campaigns/second/ideas", json={"hypothesis": RAISE})
    assert answer.status_code == 201
