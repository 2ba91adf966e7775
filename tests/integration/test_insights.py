"""Insights: what was learned, with experiments that show it and must exist."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.ids import new_id
from tests.conftest import query
from tests.factories import (
    CAMPAIGN,
    AgentClient,
    add_campaign,
    make_campaign_folder,
    make_program,
    result_body,
)

INSIGHTS = f"/v1/campaigns/{CAMPAIGN}/insights"
TEXT = "Depth beats width on small cards"


def listed(agent: AgentClient, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = agent.http.get(INSIGHTS, params=query).json()["items"]
    return items


@pytest.fixture
def evidence(agent) -> list[str]:
    sources = [make_program(depth=5), make_program(depth=6)]
    return [agent.put(result_body(source=source)).json()["experiment_id"] for source in sources]


def test_an_insight_is_read_as_it_was_published(agent, evidence):
    answer = agent.http.post(INSIGHTS, json={"text": TEXT, "evidence": [*evidence, evidence[0]]})
    assert answer.status_code == 201, answer.text
    insight = answer.json()
    assert listed(agent) == [insight]
    assert insight | {"insight_id": "", "created_at": ""} == {
        "insight_id": "",
        "campaign": CAMPAIGN,
        "agent": agent.name,
        "text": TEXT,
        "evidence": evidence,
        "created_at": "",
    }


def test_an_insight_needs_evidence_of_its_campaign(agent, evidence, database_url):
    add_campaign(database_url, make_campaign_folder(name="second"))
    foreign = agent.http.put(f"/v1/campaigns/second/results/{new_id()}", json=result_body()).json()[
        "experiment_id"
    ]
    unknown = str(new_id())
    answer = agent.http.post(
        INSIGHTS, json={"text": TEXT, "evidence": [foreign, evidence[0], unknown]}
    )
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("#unknown-evidence")
    assert answer.json()["missing"] == [foreign, unknown]
    assert listed(agent) == []


def test_the_same_insight_sent_many_times_at_once_is_stored_once(agent, evidence, database_url):
    body = {"text": TEXT, "evidence": evidence}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: agent.http.post(INSIGHTS, json=body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["insight_id"] for answer in answers}) == 1
    assert len(listed(agent)) == 1
    published = "SELECT payload FROM events WHERE kind = 'insight_published'"
    ((payload,),) = query(database_url, published)
    assert payload["insight_id"] == listed(agent)[0]["insight_id"]


def test_insights_are_listed_newest_first_on_every_page(agent, evidence):
    for number in range(5):
        agent.http.post(INSIGHTS, json={"text": f"{number}", "evidence": evidence})
    first = agent.http.get(INSIGHTS, params={"limit": 3}).json()
    rest = listed(agent, limit=3, cursor=first["next_cursor"])
    assert [each["text"] for each in first["items"] + rest] == list("43210")
