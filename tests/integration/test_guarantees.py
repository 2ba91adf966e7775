"""G1 to G5: what the swarm promises, each with a test that fails without its mechanism."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from coordinator.dedup import service as dedup_service
from shared.ids import new_id
from tests.conftest import query, run_sql
from tests.factories import (
    BASELINE,
    BASELINE_SHA256,
    CAMPAIGN,
    PLATFORM,
    AgentClient,
    add_campaign,
    claim_body,
    make_campaign_folder,
    make_program,
    result_body,
)


@pytest.fixture
def other(coordinator_url: str):
    client = AgentClient(coordinator_url)
    yield client
    client.close()


def let_lease_run_out(database_url: str, claim: dict[str, Any]) -> None:
    run_sql(
        database_url,
        "UPDATE experiments SET lease_expires_at = clock_timestamp() - interval '1 second'"
        f" WHERE id = '{claim['experiment_id']}'",
    )


def history(agent: AgentClient) -> list[dict[str, Any]]:
    return agent.http.get(f"/v1/campaigns/{CAMPAIGN}/experiments").json()["items"]


def test_of_a_hundred_identical_claims_at_once_exactly_one_is_granted(coordinator_url):
    agents = [AgentClient(coordinator_url) for _ in range(10)]
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda n: agents[n % 10].claim(), range(100)))
    for agent in agents:
        agent.close()
    assert sorted({answer.status_code for answer in answers}) == [201, 409]
    assert [answer.status_code for answer in answers].count(201) == 1
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    granted = next(answer for answer in answers if answer.status_code == 201).json()
    assert refused["reason"] == "same-program"
    assert refused["matches"][0]["experiment_id"] == granted["experiment_id"]


def test_a_claim_that_ran_out_is_given_to_another_under_the_next_epoch(agent, other, database_url):
    first = agent.claimed()
    assert other.claim().status_code == 409
    let_lease_run_out(database_url, first)
    second = other.claimed()
    assert second["experiment_id"] == first["experiment_id"]
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert agent.heartbeat(first).json()["type"].endswith("#lease-lost")
    assert other.heartbeat(second).status_code == 200


def test_only_the_current_epoch_completes_and_the_late_result_is_kept_as_a_repeat(
    agent, other, database_url
):
    first = agent.claimed()
    let_lease_run_out(database_url, first)
    second = other.claimed()
    late = agent.put(result_body(first, metrics={"val_bpb": 1.4}))
    assert late.status_code == 201
    assert late.json()["late"] is True
    assert late.json()["repeat_of"] == first["experiment_id"]
    assert late.json()["experiment_id"] != first["experiment_id"]
    current = agent.http.get(f"/v1/experiments/{first['experiment_id']}").json()
    assert current["status"] == "claimed"
    in_time = other.put(result_body(second)).json()
    assert in_time["experiment_id"] == second["experiment_id"]
    assert in_time["late"] is False
    assert len(history(agent)) == 2


def test_who_asks_after_a_late_result_learns_it_instead_of_running_the_program_again(
    agent, other, database_url, monkeypatch
):
    async def none(*_):
        return []

    # Of so few texts the index of words would find any.
    monkeypatch.setattr(dedup_service, "find_nearest", none)
    first = agent.claimed()
    let_lease_run_out(database_url, first)
    second = other.claimed()
    agent.put(result_body(first, metrics={"val_bpb": 1.4}))
    assert other.release(second).status_code == 204
    # In words that nothing else recognises, and without a base: only the program tells.
    refused = other.claim(hypothesis="Another try")
    assert refused.status_code == 409
    assert refused.json()["reason"] == "same-program"
    assert refused.json()["matches"][0]["val_bpb"] == 1.4


def test_a_late_result_of_a_full_machine_leaves_the_program_open(agent, other, database_url):
    first = agent.claimed()
    let_lease_run_out(database_url, first)
    second = other.claimed()
    agent.put(result_body(first, metrics=None, crash_reason="oom"))
    assert other.release(second).status_code == 204
    assert other.claimed()["experiment_id"] == first["experiment_id"]


def test_a_result_after_its_lease_ran_out_completes_when_nobody_took_over(agent, database_url):
    claim = agent.claimed()
    let_lease_run_out(database_url, claim)
    answer = agent.put(result_body(claim)).json()
    assert answer["late"] is True
    assert answer["experiment_id"] == claim["experiment_id"]


@pytest.mark.parametrize(
    ("claimed", "sent", "stored"),
    [
        (None, "Others did", "Others did"),
        ("I think", "Others did", "Others did"),
        ("I think", None, "I think"),
        (None, None, None),
    ],
)
def test_the_rationale_of_a_result_is_kept(agent, claimed, sent, stored):
    claim = agent.claimed(rationale=claimed)
    for body in (result_body(claim, rationale=sent), result_body(rationale=sent)):
        experiment_id = agent.put(body).json()["experiment_id"]
        shown = agent.http.get(f"/v1/experiments/{experiment_id}").json()
        assert shown["rationale"] == (stored if experiment_id == claim["experiment_id"] else sent)


def test_a_result_is_stored_under_the_seed_of_its_claim(agent, other, database_url):
    first = agent.claimed()
    refused = agent.put(result_body(first, seed=first["seed"] + 1))
    assert refused.status_code == 422
    assert refused.json()["type"].endswith("#seed-mismatch")
    let_lease_run_out(database_url, first)
    second = other.claimed()
    late = agent.put(result_body(first))  # says nothing of its seed
    in_time = other.put(result_body(second, seed=second["seed"]))
    for answer, claim in ((late, first), (in_time, second)):
        assert answer.status_code == 201, answer.text
        shown = agent.http.get(f"/v1/experiments/{answer.json()['experiment_id']}").json()
        assert shown["seed"] == claim["seed"]
    seeds = "SELECT r.seed, e.seed FROM results r JOIN experiments e ON e.id = r.experiment_id"
    assert set(query(database_url, seeds)) == {(each["seed"],) * 2 for each in (first, second)}


def test_a_result_of_solo_work_keeps_its_own_seed(agent):
    alone = agent.put(result_body(seed=7)).json()["experiment_id"]
    assert agent.http.get(f"/v1/experiments/{alone}").json()["seed"] == 7


def test_a_result_sent_twice_is_stored_once(agent):
    claim = agent.claimed()
    result_id, body = new_id(), result_body(claim)
    first, again = agent.put(body, result_id), agent.put(body, result_id)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(history(agent)) == 1


def test_a_result_sent_many_times_at_once_is_stored_once(agent):
    claim = agent.claimed()
    result_id, body = new_id(), result_body(claim)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: agent.put(body, result_id), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len(history(agent)) == 1


def test_the_same_result_id_with_another_body_is_refused(agent):
    claim = agent.claimed()
    result_id = new_id()
    agent.put(result_body(claim), result_id)
    answer = agent.put(result_body(claim, metrics={"val_bpb": 0.1}), result_id)
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("#result-conflict")
    assert history(agent)[0]["metrics"]["val_bpb"] == 1.5


@pytest.mark.parametrize("by", ["another agent", "another campaign"])
def test_a_result_id_stands_for_one_agent_and_one_campaign(agent, other, database_url, by):
    add_campaign(database_url, make_campaign_folder(name="second"))
    result_id, body = new_id(), result_body()
    assert agent.put(body, result_id).status_code == 201
    if by == "another agent":
        answer = other.put(body, result_id)
    else:
        answer = agent.http.put(f"/v1/campaigns/second/results/{result_id}", json=body)
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("#result-conflict")
    assert query(database_url, "SELECT agent_id FROM results") == [(agent.agent_id,)]


def test_the_same_claim_key_gives_the_same_claim_back(agent):
    claim_key = str(new_id())
    first = agent.claimed(claim_key=claim_key)
    again = agent.claimed(claim_key=claim_key)
    assert {**again, "lease_expires_at": ""} == {**first, "lease_expires_at": ""}
    reused = agent.claim(claim_key=claim_key, hypothesis="Something else")
    assert reused.json()["type"].endswith("#claim-key-reused")


def test_a_claim_key_stands_for_a_claim_of_one_campaign(agent, database_url):
    add_campaign(database_url, make_campaign_folder(name="second"))
    claim_key = str(new_id())
    agent.claimed(claim_key=claim_key)
    second = agent.http.post("/v1/campaigns/second/claims", json=claim_body(claim_key=claim_key))
    assert second.status_code == 409
    assert second.json()["type"].endswith("#claim-key-reused")
    assert agent.http.get("/v1/campaigns/second/experiments").json()["items"] == []


def test_a_result_answers_no_claim_of_another_campaign(agent, database_url):
    add_campaign(database_url, make_campaign_folder(name="second"))
    claim = agent.claimed()
    shown = f"/v1/experiments/{claim['experiment_id']}"
    before = agent.http.get(shown).json()
    answer = agent.http.put(f"/v1/campaigns/second/results/{new_id()}", json=result_body(claim))
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("#unknown-experiment")
    assert agent.http.get(shown).json() == before
    assert query(database_url, "SELECT count(*) FROM results") == [(0,)]
    assert agent.put(result_body(claim)).json()["late"] is False


def test_a_released_claim_is_free_at_once_and_releasing_twice_changes_nothing(agent, other):
    claim = agent.claimed()
    assert agent.release(claim).status_code == 204
    assert agent.release(claim).status_code == 204
    assert other.claimed()["epoch"] == 2
    assert agent.release(claim).json()["type"].endswith("#lease-lost")


@pytest.mark.parametrize("reason", ["nan", "oom", "timeout", "error", "policy"])
def test_a_crash_is_a_result_too(agent, reason):
    claim = agent.claimed()
    answer = agent.put(result_body(claim, metrics=None, crash_reason=reason, log_tail="boom"))
    assert (answer.status_code, answer.json()["outcome"]) == (201, "crash")
    experiment = agent.http.get(f"/v1/experiments/{claim['experiment_id']}").json()
    assert (experiment["crash_reason"], experiment["metrics"]) == (reason, None)


def test_a_result_of_solo_work_is_stored_marked_and_counts(agent):
    agent.run_baseline(val_bpb=2.0)
    answer = agent.put(result_body(base=BASELINE_SHA256, metrics={"val_bpb": 1.9})).json()
    assert (answer["late"], answer["outcome"], answer["is_best"]) == (True, "keep", True)
    again = agent.put(result_body(base=BASELINE_SHA256, metrics={"val_bpb": 1.95})).json()
    assert again["repeat_of"] == answer["experiment_id"]


def test_a_best_moves_only_forward_and_its_program_comes_with_it(agent):
    agent.run_baseline(val_bpb=2.0)
    for depth, val_bpb in ((5, 1.8), (6, 1.9), (7, 1.7), (8, 1.7)):
        source = make_program(depth=depth)
        agent.put(result_body(base=BASELINE_SHA256, source=source, metrics={"val_bpb": val_bpb}))
    best = agent.http.get(f"/v1/campaigns/{CAMPAIGN}/best").json()
    assert (best["val_bpb"], best["sequence"]) == (1.7, 3)
    source = agent.http.get(f"/v1/campaigns/{CAMPAIGN}/best/train.py")
    assert source.text == make_program(depth=7)
    assert source.headers["content-type"].startswith("text/x-python")
    unchanged = agent.http.get(
        f"/v1/campaigns/{CAMPAIGN}/best/train.py",
        headers={"If-None-Match": source.headers["etag"]},
    )
    assert (unchanged.status_code, unchanged.text) == (304, "")


def test_a_best_names_the_platform_that_it_was_measured_on(agent):
    claim = agent.claimed()
    agent.put(result_body(claim, platform="rented-gpu"))
    for scope in ({}, {"scope": "platform", "value": "rented-gpu"}):
        best = agent.http.get(f"/v1/campaigns/{CAMPAIGN}/best", params=scope).json()
        assert best["platform"] == "rented-gpu"


def test_the_database_itself_refuses_a_worse_best(agent, database_url):
    agent.run_baseline(val_bpb=2.0)
    with pytest.raises(Exception, match="goes_only_forward"):
        run_sql(
            database_url,
            "INSERT INTO bests SELECT gen_random_uuid(), campaign_id, scope, value, 2, 3.0, 1,"
            " val_bpb, result_id, experiment_id, source_sha256, status, now()"
            " FROM bests WHERE scope = 'global'",
        )


def test_many_results_at_once_leave_one_unbroken_chain_of_bests(agent):
    agent.run_baseline(val_bpb=2.0)
    bodies = [
        result_body(
            base=BASELINE_SHA256,
            source=make_program(depth=5 + n),
            metrics={"val_bpb": 1.0 + (n * 7919 % 40) / 100},
        )
        for n in range(40)
    ]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(agent.put, bodies))
    assert {answer.status_code for answer in answers} == {201}
    best = agent.http.get(f"/v1/campaigns/{CAMPAIGN}/best").json()
    assert best["val_bpb"] == 1.0
    assert best["sequence"] == 1 + sum(answer.json()["is_best"] for answer in answers)


def test_each_platform_runs_the_baseline_once(agent):
    baseline = {"hypothesis": "Baseline", "source": BASELINE}
    assert agent.claim(**baseline).status_code == 201
    assert agent.claim(**baseline).status_code == 409
    assert agent.claim(**baseline, platform="another-gpu").status_code == 201
    comment_only = {"hypothesis": "Baseline?", "source": "# quick\n" + BASELINE}
    assert agent.claim(**comment_only).status_code == 409


@pytest.mark.parametrize("is_solo", [False, True], ids=["late", "solo"])
@pytest.mark.parametrize(("ran_on", "free"), [(PLATFORM, "slow-gpu"), ("slow-gpu", PLATFORM)])
def test_a_baseline_that_was_scored_beside_its_claim_is_not_run_again(
    agent, other, is_solo, ran_on, free
):
    baseline = {"hypothesis": "Baseline", "source": BASELINE}
    first = agent.claimed(**baseline)
    agent.release(first)
    second = other.claimed(**baseline)
    run = result_body(None if is_solo else first, **baseline, platform=ran_on)
    crashed = agent.put({**run, "metrics": None, "crash_reason": "oom"})
    assert crashed.status_code == 201
    other.release(second)
    third = other.claimed(**baseline)
    scored = agent.put(run).json()["experiment_id"]
    other.release(third)
    refused = other.claim(**baseline, platform=ran_on)
    assert (refused.status_code, refused.json()["reason"]) == (409, "same-program")
    assert [match["experiment_id"] for match in refused.json()["matches"]] == [scored]
    assert other.claim(**baseline, platform=free).status_code == 201


def test_results_compare_only_within_one_platform(agent):
    agent.run_baseline(val_bpb=2.0)
    slow = agent.claimed(hypothesis="Baseline", source=BASELINE, platform="slow-gpu")
    first_there = agent.put(
        result_body(slow, source=BASELINE, platform="slow-gpu", metrics={"val_bpb": 3.0})
    ).json()
    assert (first_there["outcome"], first_there["is_best"]) == ("keep", False)
    better_there = agent.put(
        result_body(base=BASELINE_SHA256, platform="slow-gpu", metrics={"val_bpb": 2.5})
    ).json()
    assert better_there["outcome"] == "keep"
    best_there = agent.http.get(
        f"/v1/campaigns/{CAMPAIGN}/best", params={"scope": "platform", "value": "slow-gpu"}
    ).json()
    assert best_there["val_bpb"] == 2.5


def test_a_base_is_as_good_as_the_mean_of_its_runs_not_as_the_luckiest(agent):
    agent.run_baseline(val_bpb=2.0)
    lucky = result_body(hypothesis="Baseline", source=BASELINE, metrics={"val_bpb": 1.0})
    assert agent.put(lucky).status_code == 201
    for matrix_lr, val_bpb, outcome in ((0.05, 1.4, "keep"), (0.06, 1.6, "discard")):
        child = result_body(
            base=BASELINE_SHA256,
            source=make_program(matrix_lr=matrix_lr),
            metrics={"val_bpb": val_bpb},
        )
        assert agent.put(child).json()["outcome"] == outcome


def test_what_a_base_scored_in_another_campaign_does_not_count(agent, database_url):
    add_campaign(database_url, make_campaign_folder(name="second"))
    agent.run_baseline(val_bpb=2.0)
    elsewhere = result_body(hypothesis="Baseline", source=BASELINE, metrics={"val_bpb": 1.0})
    answer = agent.http.put(f"/v1/campaigns/second/results/{new_id()}", json=elsewhere)
    assert answer.status_code == 201
    child = agent.put(result_body(base=BASELINE_SHA256, metrics={"val_bpb": 1.9})).json()
    assert child["outcome"] == "keep"


def test_a_program_that_changed_after_its_claim_frees_what_was_claimed(agent, other):
    claim = agent.claimed()
    agent.put(
        result_body(
            claim,
            hypothesis="Raise MATRIX_LR from 0.04 to 0.06",
            source=make_program(matrix_lr=0.06),
        )
    )
    assert other.claim().status_code == 201
    assert other.claim(source=make_program(matrix_lr=0.06)).status_code == 409
