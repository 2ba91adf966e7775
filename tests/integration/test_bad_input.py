"""Whatever a stranger sends: its own 4xx, a sentence that says what to do, and no change."""

import json
from typing import Any

import httpx
import pytest

from coordinator.experiments.cursor import to_cursor
from shared.ids import new_id
from tests.conftest import connected
from tests.factories import (
    BASELINE,
    CAMPAIGN,
    AgentClient,
    claim_body,
    make_program,
    result_body,
)

CLAIMS = f"/v1/campaigns/{CAMPAIGN}/claims"
HISTORY = f"/v1/campaigns/{CAMPAIGN}/experiments"
IDEAS = f"/v1/campaigns/{CAMPAIGN}/ideas"
INSIGHTS = f"/v1/campaigns/{CAMPAIGN}/insights"
SEARCH = f"/v1/campaigns/{CAMPAIGN}/search"
RESULT = f"/v1/campaigns/{CAMPAIGN}/results/{new_id()}"
UNKNOWN = str(new_id())
JSON = {"Content-Type": "application/json"}
DEEP = "x = " + "(" * 5000 + ")" * 5000
TABLES = (
    *("agents", "programs", "experiments", "leases", "results", "bests", "events"),
    *("ideas", "idea_evidence", "idea_claims", "insights", "insight_evidence"),
)


def as_json(body: Any) -> bytes:
    return json.dumps(body).encode()


def result(**changes: Any) -> bytes:
    return as_json(result_body(**changes))


def claim(**changes: Any) -> bytes:
    return as_json(claim_body(**changes))


def idea(**changes: Any) -> bytes:
    return as_json({"hypothesis": "Set DEPTH to 8", **changes})


def insight(**changes: Any) -> bytes:
    return as_json({"text": "Depth pays", "evidence": [UNKNOWN], **changes})


# (what it is, method, path, body, status, slug)
BAD_REQUESTS: list[tuple[str, str, str, bytes | None, int, str]] = [
    ("malformed JSON", "POST", CLAIMS, b"{", 400, "malformed-request"),
    ("no JSON at all", "POST", CLAIMS, b"", 422, "invalid-request"),
    ("not UTF-8", "POST", CLAIMS, b'{"hypothesis": "\xff\xfe"}', 400, "malformed-request"),
    ("a list", "POST", CLAIMS, b"[]", 422, "invalid-request"),
    ("nesting bomb", "POST", CLAIMS, b"[" * 100_000, 400, "malformed-request"),
    ("unknown field", "POST", CLAIMS, claim(speed=1), 422, "invalid-request"),
    ("missing hypothesis", "POST", CLAIMS, as_json({}), 422, "invalid-request"),
    ("empty hypothesis", "POST", CLAIMS, claim(hypothesis=""), 422, "invalid-request"),
    ("blank hypothesis", "POST", CLAIMS, claim(hypothesis=" \n"), 422, "invalid-request"),
    ("numeric hypothesis", "POST", CLAIMS, claim(hypothesis=7), 422, "invalid-request"),
    ("NUL in words", "POST", CLAIMS, claim(hypothesis="a\0b"), 422, "invalid-request"),
    ("surrogate in words", "POST", CLAIMS, claim(hypothesis="\ud800"), 422, "invalid-request"),
    ("endless hypothesis", "POST", CLAIMS, claim(hypothesis="x" * 5000), 422, "invalid-request"),
    ("base that is no hash", "POST", CLAIMS, claim(base="HEAD"), 422, "invalid-request"),
    ("unknown base", "POST", CLAIMS, claim(base="0" * 64), 422, "unknown-base"),
    ("claim key no UUID", "POST", CLAIMS, claim(claim_key="mine"), 422, "invalid-request"),
    ("NUL in platform", "POST", CLAIMS, claim(platform="a\0"), 422, "invalid-request"),
    ("empty source", "POST", CLAIMS, claim(source=" "), 422, "invalid-source"),
    ("source no Python", "POST", CLAIMS, claim(source="def ("), 422, "invalid-source"),
    ("NUL in source", "POST", CLAIMS, claim(source="x = 1\0"), 422, "invalid-request"),
    ("300 KB of source", "POST", CLAIMS, claim(source="x = 1\n" * 50_000), 422, "invalid-source"),
    ("10 MB of source", "POST", CLAIMS, claim(source="x" * 10_000_000), 413, "too-large"),
    ("deep source", "POST", CLAIMS, claim(source=DEEP), 422, "invalid-source"),
    ("unknown campaign", "POST", "/v1/campaigns/no/claims", claim(), 404, "unknown-campaign"),
    ("NUL campaign", "POST", "/v1/campaigns/%00/claims", claim(), 404, "unknown-campaign"),
    ("metrics NaN", "PUT", RESULT, result(metrics={"val_bpb": float("nan")}), 422, "invalid-request"),
    ("metrics inf", "PUT", RESULT, result(metrics={"val_bpb": float("inf")}), 422, "invalid-request"),
    ("score of 0", "PUT", RESULT, result(metrics={"val_bpb": 0}), 422, "invalid-request"),
    ("score as text", "PUT", RESULT, result(metrics={"val_bpb": "1.5"}), 422, "invalid-request"),
    ("score as bool", "PUT", RESULT, result(metrics={"val_bpb": True}), 422, "invalid-request"),
    ("metrics unknown", "PUT", RESULT, result(metrics={"val_bpb": 1.0, "x": 1}), 422, "invalid-request"),
    ("neither score nor crash", "PUT", RESULT, result(metrics=None), 422, "invalid-request"),
    ("score and crash", "PUT", RESULT, result(crash_reason="nan"), 422, "invalid-request"),
    ("strange crash", "PUT", RESULT, result(metrics=None, crash_reason="bored"), 422, "invalid-request"),
    ("epoch alone", "PUT", RESULT, result(epoch=1), 422, "invalid-request"),
    ("negative epoch", "PUT", RESULT, result(experiment_id=UNKNOWN, epoch=-1), 422, "invalid-request"),
    ("huge epoch", "PUT", RESULT, result(experiment_id=UNKNOWN, epoch=2**63), 422, "invalid-request"),
    ("unknown experiment", "PUT", RESULT, result(experiment_id=UNKNOWN, epoch=1), 404, "unknown-experiment"),
    ("time without zone", "PUT", RESULT, result(started_at="2026-11-20T12:00:00"), 422, "invalid-request"),
    ("no time", "PUT", RESULT, result(started_at="yesterday"), 422, "invalid-request"),
    ("time before all", "PUT", RESULT, result(started_at="0001-01-01T00:00:00+14:00"), 422, "invalid-request"),
    ("time after all", "PUT", RESULT, result(started_at="9999-12-31T23:59:59-14:00"), 422, "invalid-request"),
    ("end after all", "PUT", RESULT, result(finished_at="9999-12-31T23:59:59-14:00"), 422, "invalid-request"),
    ("end before start", "PUT", RESULT, result(finished_at="2026-11-20T11:59:59Z"), 422, "invalid-request"),
    ("other harness", "PUT", RESULT, result(harness_sha256="0" * 64), 409, "harness-mismatch"),
    ("result of unknown base", "PUT", RESULT, result(base="0" * 64), 422, "unknown-base"),
    ("result without source", "PUT", RESULT, result(source=""), 422, "invalid-source"),
    ("result id no UUID", "PUT", f"/v1/campaigns/{CAMPAIGN}/results/7", result(), 422, "invalid-request"),
    ("heartbeat unknown", "POST", f"/v1/experiments/{UNKNOWN}/heartbeat", b'{"epoch": 1}', 404, "unknown-experiment"),
    ("heartbeat empty", "POST", f"/v1/experiments/{UNKNOWN}/heartbeat", b"{}", 422, "invalid-request"),
    ("heartbeat id", "POST", "/v1/experiments/x/heartbeat", b'{"epoch": 1}', 422, "invalid-request"),
    ("release unknown", "DELETE", f"/v1/experiments/{UNKNOWN}/claim?epoch=1", None, 404, "unknown-experiment"),
    ("release no epoch", "DELETE", f"/v1/experiments/{UNKNOWN}/claim", None, 422, "invalid-request"),
    ("read unknown", "GET", f"/v1/experiments/{UNKNOWN}", None, 404, "unknown-experiment"),
    ("source unknown", "GET", f"/v1/experiments/{UNKNOWN}/source", None, 404, "unknown-experiment"),
    ("file unknown", "GET", f"/v1/campaigns/{CAMPAIGN}/files/../secret", None, 404, "not-found"),
    ("file NUL", "GET", f"/v1/campaigns/{CAMPAIGN}/files/%00", None, 404, "unknown-file"),
    ("cursor", "GET", f"/v1/campaigns/{CAMPAIGN}/experiments?cursor=abc", None, 400, "bad-cursor"),
    ("cursor é", "GET", f"/v1/campaigns/{CAMPAIGN}/experiments?cursor=%C3%A9", None, 400, "bad-cursor"),
    ("limit", "GET", f"/v1/campaigns/{CAMPAIGN}/experiments?limit=0", None, 422, "invalid-request"),
    ("status", "GET", f"/v1/campaigns/{CAMPAIGN}/experiments?status=odd", None, 422, "invalid-request"),
    ("NUL agent", "GET", f"/v1/campaigns/{CAMPAIGN}/experiments?agent=%00", None, 422, "invalid-request"),
    ("unknown filter", "GET", f"{HISTORY}?stauts=done", None, 422, "invalid-request"),
    ("outcome", "GET", f"{HISTORY}?outcome=good", None, 422, "invalid-request"),
    ("crash reason", "GET", f"{HISTORY}?crash_reason=bored", None, 422, "invalid-request"),
    ("tier", "GET", f"{HISTORY}?tier=huge", None, 422, "invalid-request"),
    ("since without zone", "GET", f"{HISTORY}?since=2026-11-20T12:00:00", None, 422, "invalid-request"),
    ("until no time", "GET", f"{HISTORY}?until=today", None, 422, "invalid-request"),
    ("since before all", "GET", f"{HISTORY}?since=0001-01-01T00:00:00%2B14:00", None, 422, "invalid-request"),
    ("until after all", "GET", f"{HISTORY}?until=9999-12-31T23:59:59-14:00", None, 422, "invalid-request"),
    ("bound of nothing", "GET", f"{HISTORY}?min=0.98", None, 422, "invalid-request"),
    ("bound of no metric", "GET", f"{HISTORY}?min=loss:0.98", None, 422, "invalid-request"),
    ("bound no number", "GET", f"{HISTORY}?max=val_bpb:low", None, 422, "invalid-request"),
    ("bound dots", "GET", f"{HISTORY}?max=val_bpb:1.2.3", None, 422, "invalid-request"),
    ("bound NaN", "GET", f"{HISTORY}?max=val_bpb:nan", None, 422, "invalid-request"),
    ("bound inf", "GET", f"{HISTORY}?max=val_bpb:1e999", None, 422, "invalid-request"),
    ("bound injection", "GET", f"{HISTORY}?max=val_bpb')%3B:1", None, 422, "invalid-request"),
    ("many bounds", "GET", f"{HISTORY}?{'min=depth:1&' * 21}", None, 422, "invalid-request"),
    ("NUL changed", "GET", f"{HISTORY}?changed=%00", None, 422, "invalid-request"),
    ("many changed", "GET", f"{HISTORY}?{'changed=A&' * 21}", None, 422, "invalid-request"),
    ("NUL text", "GET", f"{HISTORY}?text=%00", None, 422, "invalid-request"),
    ("endless text", "GET", f"{HISTORY}?text={'x' * 201}", None, 422, "invalid-request"),
    ("unknown campaign's history", "GET", "/v1/campaigns/no/experiments", None, 404, "unknown-campaign"),
    ("diff unknown", "GET", f"/v1/experiments/{UNKNOWN}/diff", None, 404, "unknown-experiment"),
    ("diff against what", "GET", f"/v1/experiments/{UNKNOWN}/diff?against=worst", None, 422, "invalid-request"),
    ("lineage unknown", "GET", f"/v1/experiments/{UNKNOWN}/lineage", None, 404, "unknown-experiment"),
    ("lineage id", "GET", "/v1/experiments/x/lineage", None, 422, "invalid-request"),
    ("children unknown", "GET", f"/v1/experiments/{UNKNOWN}/children", None, 404, "unknown-experiment"),
    ("children cursor", "GET", f"/v1/experiments/{UNKNOWN}/children?cursor=", None, 404, "unknown-experiment"),
    ("children limit", "GET", f"/v1/experiments/{UNKNOWN}/children?limit=501", None, 422, "invalid-request"),
    ("claim of unknown idea", "POST", CLAIMS, claim(idea_id=UNKNOWN), 422, "unknown-idea"),
    ("claim of no idea", "POST", CLAIMS, claim(idea_id="best"), 422, "invalid-request"),
    ("idea of nothing", "POST", IDEAS, as_json({}), 422, "invalid-request"),
    ("idea malformed", "POST", IDEAS, b"{", 400, "malformed-request"),
    ("idea blank", "POST", IDEAS, idea(hypothesis=" \t"), 422, "invalid-request"),
    ("idea endless", "POST", IDEAS, idea(hypothesis="x" * 4_001), 422, "invalid-request"),
    ("idea NUL", "POST", IDEAS, idea(hypothesis="a\0"), 422, "invalid-request"),
    ("idea surrogate", "POST", IDEAS, idea(rationale="\udfff"), 422, "invalid-request"),
    ("idea unknown field", "POST", IDEAS, idea(status="tested"), 422, "invalid-request"),
    ("idea urgent", "POST", IDEAS, idea(priority=6), 422, "invalid-request"),
    ("idea not urgent", "POST", IDEAS, idea(priority=0), 422, "invalid-request"),
    ("idea rather urgent", "POST", IDEAS, idea(priority=2.5), 422, "invalid-request"),
    ("idea true", "POST", IDEAS, idea(priority=True), 422, "invalid-request"),
    ("idea evidence", "POST", IDEAS, idea(evidence=["run 7"]), 422, "invalid-request"),
    ("idea unknown evidence", "POST", IDEAS, idea(evidence=[UNKNOWN]), 422, "unknown-evidence"),
    ("idea all evidence", "POST", IDEAS, idea(evidence=[UNKNOWN] * 51), 422, "invalid-request"),
    ("idea change", "POST", IDEAS, idea(changes=[{"new": "1"}]), 422, "invalid-request"),
    ("idea NUL change", "POST", IDEAS, idea(changes=[{"name": "A", "new": "\0"}]), 422, "invalid-request"),
    ("idea of unknown campaign", "POST", "/v1/campaigns/no/ideas", idea(), 404, "unknown-campaign"),
    ("ideas status", "GET", f"{IDEAS}?status=done", None, 422, "invalid-request"),
    ("ideas cursor", "GET", f"{IDEAS}?cursor=abc", None, 400, "bad-cursor"),
    ("ideas cursor of nothing", "GET", f"{IDEAS}?cursor={to_cursor(new_id())}", None, 400, "bad-cursor"),
    ("insight without evidence", "POST", INSIGHTS, as_json({"text": "a"}), 422, "invalid-request"),
    ("insight of no evidence", "POST", INSIGHTS, insight(evidence=[]), 422, "invalid-request"),
    ("insight all evidence", "POST", INSIGHTS, insight(evidence=[UNKNOWN] * 51), 422, "invalid-request"),
    ("insight unknown evidence", "POST", INSIGHTS, insight(), 422, "unknown-evidence"),
    ("insight evidence", "POST", INSIGHTS, insight(evidence=[7]), 422, "invalid-request"),
    ("insight blank", "POST", INSIGHTS, insight(text=""), 422, "invalid-request"),
    ("insight NUL", "POST", INSIGHTS, insight(text="\0"), 422, "invalid-request"),
    ("insight surrogate", "POST", INSIGHTS, insight(text="\ud800"), 422, "invalid-request"),
    ("insight endless", "POST", INSIGHTS, insight(text="x" * 4_001), 422, "invalid-request"),
    ("insights cursor", "GET", f"{INSIGHTS}?cursor=%00", None, 422, "invalid-request"),
    ("search of nothing", "GET", SEARCH, None, 422, "invalid-request"),
    ("search blank", "GET", f"{SEARCH}?q=%20", None, 422, "invalid-request"),
    ("search NUL", "GET", f"{SEARCH}?q=a%00", None, 422, "invalid-request"),
    ("search endless", "GET", f"{SEARCH}?q={'x' * 201}", None, 422, "invalid-request"),
    ("search kind", "GET", f"{SEARCH}?q=a&kind=agent", None, 422, "invalid-request"),
    ("search limit", "GET", f"{SEARCH}?q=a&limit=101", None, 422, "invalid-request"),
    ("search unknown campaign", "GET", "/v1/campaigns/no/search?q=a", None, 404, "unknown-campaign"),
    ("no best yet", "GET", f"/v1/campaigns/{CAMPAIGN}/best", None, 404, "no-best-yet"),
    ("best of what", "GET", f"/v1/campaigns/{CAMPAIGN}/best?scope=tier", None, 422, "invalid-request"),
    ("no such page", "GET", "/v1/nothing", None, 404, "not-found"),
    ("wrong method", "PATCH", "/v1/agents", b"{}", 405, "method-not-allowed"),
    ("name with spaces", "POST", "/v1/agents", as_json({"name": "Ada L"}), 422, "invalid-request"),
    ("name too long", "POST", "/v1/agents", as_json({"name": "a" * 80}), 422, "invalid-request"),
    ("NaN hardware", "POST", "/v1/agents", b'{"name": "a", "hardware": {"vram_gb": NaN}}', 422, "invalid-request"),
]  # fmt: skip


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert len(problem["detail"]) > 20
    return problem


def contents(database_url: str) -> list[Any]:
    with connected(database_url) as connection:
        return [
            connection.execute(f"SELECT count(*), max(t::text) FROM {table} t").fetchone()
            for table in TABLES
        ]


@pytest.fixture(scope="module")
def shared_agent(services, template_database):
    """One coordinator for the whole table: nothing in it may change anything."""
    from coordinator.embedded import Services
    from tests.conftest import database_url_of, run_sql
    from tests.factories import add_campaign, serving

    name = f"bad_{new_id().hex}"
    run_sql(services.database_url, f"CREATE DATABASE {name} TEMPLATE {template_database}")
    url = database_url_of(services, name)
    add_campaign(url)
    with serving(Services(database_url=url, redis_url=services.redis_url)) as base_url:
        agent = AgentClient(base_url)
        yield agent, url
        agent.close()
    run_sql(services.database_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "slug"),
    [pytest.param(*case[1:], id=case[0].replace(" ", "-")) for case in BAD_REQUESTS],
)
def test_bad_input_gets_its_own_problem_and_changes_nothing(
    shared_agent, method, path, body, status, slug
):
    agent, database_url = shared_agent
    before = contents(database_url)
    answer = agent.http.request(method, path, content=body, headers=JSON)
    problem = problem_of(answer)
    assert (answer.status_code, problem["type"].rpartition("#")[2]) == (status, slug)
    assert contents(database_url) == before


@pytest.mark.parametrize(
    ("headers", "slug"),
    [
        ({}, "missing-key"),
        ({"Authorization": "sl_abc"}, "missing-key"),
        ({"Authorization": "Basic c2w6"}, "missing-key"),
        ({"Authorization": "Bearer sl_wrong"}, "wrong-key"),
    ],
)
def test_a_write_without_a_good_key_is_refused(coordinator_url, headers, slug):
    answer = httpx.post(f"{coordinator_url}{CLAIMS}", json=claim_body(), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert problem_of(answer)["type"].endswith(f"#{slug}")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}], ids=["none", "text"])
def test_a_body_that_does_not_say_that_it_is_json_is_told_how(shared_agent, headers):
    agent, _ = shared_agent
    answer = agent.http.post(IDEAS, content=idea(), headers=headers)
    problem = problem_of(answer)
    assert (answer.status_code, problem["type"].rpartition("#")[2]) == (400, "malformed-request")
    assert "Content-Type: application/json" in problem["detail"]


def test_a_refusal_names_places_of_the_body_and_nothing_of_the_service(coordinator_url):
    odd = {"a": [], "gpu (left)": [], "b" * 201: 1}
    body = {"name": "ada", "hardware": odd}
    answer = httpx.post(f"{coordinator_url}/v1/agents", json=body)
    assert answer.status_code == 422
    places = {error["where"] for error in problem_of(answer)["errors"]}
    assert {"body.hardware.a", "body.hardware.gpu (left)"} <= places
    assert "function" not in answer.text
    assert "0x" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/v1/agents", "POST"),
        ("HEAD", "/healthz", "GET"),
        ("DELETE", IDEAS, "GET, POST"),
        ("GET", RESULT, "PUT"),
        ("POST", "/docs", "GET, HEAD"),
    ],
    ids=["PATCH", "HEAD", "DELETE", "GET", "POST"],
)
def test_a_refused_method_comes_with_those_that_the_address_takes(
    shared_agent, method, path, allowed
):
    agent, _ = shared_agent
    answer = agent.http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_somebody_elses_claim_can_be_neither_kept_released_nor_completed(agent, coordinator_url):
    claim = agent.claimed()
    thief = AgentClient(coordinator_url)
    answers = (thief.heartbeat(claim), thief.release(claim), thief.put(result_body(claim)))
    thief.close()
    for answer in answers:
        assert answer.status_code == 403
        assert problem_of(answer)["type"].endswith("#not-your-claim")
    assert agent.heartbeat(claim).status_code == 200


def test_an_epoch_that_was_never_given_out_is_refused_everywhere(agent):
    future = {**agent.claimed(), "epoch": 2}
    for answer in (agent.heartbeat(future), agent.release(future), agent.put(result_body(future))):
        assert answer.status_code == 422
        assert problem_of(answer)["type"].endswith("#unknown-epoch")


def test_a_done_experiment_can_be_neither_kept_nor_released(agent):
    claim = agent.claimed()
    agent.put(result_body(claim))
    for answer in (agent.heartbeat(claim), agent.release(claim)):
        assert (answer.status_code, problem_of(answer)["type"].rpartition("#")[2]) == (
            409,
            "lease-lost",
        )


def test_a_taken_name_is_refused(agent, coordinator_url):
    answer = httpx.post(f"{coordinator_url}/v1/agents", json={"name": agent.name})
    assert answer.status_code == 409
    assert problem_of(answer)["type"].endswith("#name-taken")


def test_an_experiment_claimed_without_source_has_none_to_read(agent):
    claim = agent.claimed(source=None)
    answer = agent.http.get(f"/v1/experiments/{claim['experiment_id']}/source")
    assert answer.status_code == 404
    assert problem_of(answer)["type"].endswith("#no-source-yet")


def test_a_body_of_unannounced_length_is_cut_off_too(coordinator_url):
    def endless():
        for _ in range(200):
            yield b" " * 65_536

    with httpx.Client(base_url=coordinator_url) as client:
        answer = client.post("/v1/agents", content=endless())
    assert answer.status_code == 413
    assert problem_of(answer)["type"].endswith("#too-large")


def test_every_bad_request_has_a_good_twin(agent):
    """The table proves nothing if the good form were refused as well."""
    assert agent.claim().status_code == 201
    deeper = claim_body(hypothesis="Set DEPTH to 9", source=make_program(depth=9))
    assert agent.claim(**deeper, platform="b", base=None).status_code == 201
    answer = agent.put(result_body(source=BASELINE, finished_at="2026-11-20T12:00:00Z"))
    assert answer.status_code == 201
    evidence = [answer.json()["experiment_id"]]
    for path, body in ((IDEAS, idea(evidence=evidence)), (INSIGHTS, insight(evidence=evidence))):
        assert agent.http.post(path, content=body, headers=JSON).status_code == 201
    for path in (f"{HISTORY}?max=val_bpb:1.5&changed=DEPTH&text=set", f"{SEARCH}?q=a"):
        assert agent.http.get(path).status_code == 200
