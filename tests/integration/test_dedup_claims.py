"""Claims against what is known: no repeat is granted, no new idea is refused."""

import asyncio
import random
import string
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx
import pytest

from coordinator.claims import service as claims_service
from coordinator.dedup import service as dedup_service
from coordinator.dedup.keys import parameters_key, values_key
from shared.ids import new_id
from shared.sources import source_sha256
from shared.words import parse_hypothesis
from tests.conftest import run_sql
from tests.factories import (
    BASELINE,
    BASELINE_SHA256,
    CAMPAIGN,
    AgentClient,
    make_program,
    result_body,
)
from tests.integration.test_lease_races import until_done_or_blocked

BATCH_PARAPHRASES = [
    "halve the batch from 524K to 262K tokens",
    "TOTAL_BATCH_SIZE 2**19 -> 2**18",
    "Cut total batch size in half (2**19 to 2**18)",
    "use half the batch: 262144 tokens instead of 524288",
    "batch size 524288 → 262144",
]


@pytest.fixture
def other(coordinator_url: str):
    client = AgentClient(coordinator_url)
    yield client
    client.close()


def reason_of(answer):
    assert answer.status_code == 409, answer.text
    problem = answer.json()
    assert problem["type"].endswith("#duplicate-claim")
    return problem["reason"]


def words(hypothesis, **more):
    return {"hypothesis": hypothesis, "source": None, **more}


def test_of_a_hundred_paraphrases_at_once_exactly_one_is_granted(coordinator_url):
    agents = [AgentClient(coordinator_url) for _ in range(10)]
    with ThreadPoolExecutor(100) as pool:
        answers = list(
            pool.map(
                lambda n: agents[n % 10].claim(
                    **words(BATCH_PARAPHRASES[n % len(BATCH_PARAPHRASES)])
                ),
                range(100),
            )
        )
    for agent in agents:
        agent.close()
    granted = [answer for answer in answers if answer.status_code == 201]
    assert len(granted) == 1
    for answer in answers:
        if answer is not granted[0]:
            assert reason_of(answer) == "paraphrase"
            match = answer.json()["matches"][0]
            assert match["experiment_id"] == granted[0].json()["experiment_id"]
            assert match["hypothesis"] in BATCH_PARAPHRASES


def test_a_refusal_names_the_outcome_and_the_score_of_what_it_repeats(agent, other):
    agent.run_baseline(val_bpb=2.0)
    claim = agent.claimed(base=BASELINE_SHA256)
    agent.put(result_body(claim, base=BASELINE_SHA256, metrics={"val_bpb": 2.1}))
    answer = other.claim(**words("MATRIX_LR: 0.04 -> 5e-2"))
    assert reason_of(answer) == "paraphrase"
    match = answer.json()["matches"][0]
    assert (match["outcome"], match["val_bpb"], match["agent"]) == ("discard", 2.1, agent.name)
    assert match["experiment_id"] == claim["experiment_id"]
    assert 0 < match["similarity"] <= 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("raise warmdown from 0.5 to 0.7", "raise warmdown from 0.7 to 0.75"),
        ("increase weight decay", "decrease weight decay"),
        ("set the matrix LR to 0.05", "set the embedding LR to 0.05"),
        ("depth 8 -> 9", "depth 8 -> 10"),
    ],
)
def test_a_contradiction_is_no_duplicate_however_alike_the_words(agent, other, first, second):
    agent.claimed(**words(first))
    assert other.claim(**words(second)).status_code == 201


def test_the_like_is_found_by_the_sound_of_the_words_where_no_key_is_shared(agent, other):
    first = "resid_lambdas init 0.9, x0_lambdas init 0.2"
    second = "Start the x0 scalars at 0.2 and the residual ones at 0.9."
    keys = {parameters_key(parse_hypothesis(text)) for text in (first, second)}
    assert len(keys) == 2
    agent.claimed(**words(first))
    assert reason_of(other.claim(**words(second))) == "paraphrase"


def test_the_like_is_found_by_its_value_where_the_index_misses_it(agent, other, monkeypatch):
    async def none(*_):
        return []

    monkeypatch.setattr(dedup_service, "find_nearest", none)
    claim = agent.claimed(**words(BATCH_PARAPHRASES[0]))
    agent.put(result_body(claim, hypothesis=BATCH_PARAPHRASES[0]))
    assert reason_of(other.claim(**words("use 2**18 tokens per batch"))) == "paraphrase"


def test_the_like_is_found_while_it_runs_where_value_and_index_miss_it(agent, other, monkeypatch):
    async def none(*_):
        return []

    monkeypatch.setattr(dedup_service, "find_nearest", none)
    first, second = "batch size 524288 → 262144", "use half the batch"
    parsed = [parse_hypothesis(text) for text in (first, second)]
    assert len({parameters_key(each) for each in parsed}) == 1
    assert len({values_key(each) for each in parsed}) == 2
    agent.claimed(**words(first))
    assert reason_of(other.claim(**words(second))) == "paraphrase"


@pytest.mark.parametrize(
    "line",
    [
        # Of a text that cannot be packed: an index refuses pieces over 2.7 KB.
        f"{''.join(random.Random(7).choices(string.ascii_uppercase, k=4_000))} = 1",
        f"def {''.join(random.Random(7).choices(string.ascii_lowercase, k=4_000))}(): pass",
        f"BIG = 0x{'F' * 5_000}",
        f"TEXT = {'x' * 50_000!r}",
    ],
)
def test_a_program_may_hold_long_names_and_literals_and_a_page_shows_their_beginning(agent, line):
    agent.run_baseline()
    agent.claimed(base=BASELINE_SHA256, hypothesis="Something long", source=f"{BASELINE}\n{line}\n")
    page = agent.http.get(f"/v1/campaigns/{CAMPAIGN}/experiments")
    assert page.status_code == 200
    assert len(page.content) < 5_000


def test_no_number_of_one_claim_stops_the_next(agent, other):
    agent.claimed(**words("Raise MATRIX_LR to 1e999"))
    agent.claimed(**words("revert commit 4e4462"))
    assert reason_of(other.claim(**words("Raise MATRIX_LR to 1e999"))) == "paraphrase"
    other.claimed(**words("Raise MATRIX_LR to 0.05"))


def test_where_what_was_read_cannot_be_loaded_the_words_tell(agent, other, database_url):
    agent.claimed(**words("Raise MATRIX_LR to 0.05"))
    run_sql(database_url, """UPDATE experiments SET reading = '{"numbers": [null]}'""")
    assert reason_of(other.claim(**words("MATRIX_LR = 0.05"))) == "paraphrase"
    other.claimed(**words("MATRIX_LR = 0.06"))


def test_a_step_and_where_it_ends_are_one_change_of_the_same_base(agent, other):
    agent.run_baseline()  # its MATRIX_LR is 0.04
    agent.claimed(base=BASELINE_SHA256, **words("halve the matrix learning rate"))
    assert other.claim(base=BASELINE_SHA256, **words("MATRIX_LR = 0.01")).status_code == 201
    answer = other.claim(base=BASELINE_SHA256, **words("set the Muon LR to 0.02"))
    assert reason_of(answer) == "paraphrase"


def test_the_same_change_in_other_code_is_refused_as_the_same_change(agent, other):
    agent.run_baseline()
    agent.claimed(base=BASELINE_SHA256, hypothesis="Faster matrices")
    near = make_program(matrix_lr=0.05).replace("print(torch", "print( torch")
    behaves_alike = other.claim(
        base=BASELINE_SHA256, hypothesis="Something else entirely", source=near
    )
    assert reason_of(behaves_alike) == "same-program"
    by_changes = other.claim(
        base=BASELINE_SHA256,
        **words(
            "Let us be bold",
            changes=[{"name": "MATRIX_LR", "old": "0.04", "new": "5e-2"}],
        ),
    )
    assert reason_of(by_changes) == "same-change"


def test_one_change_claimed_at_once_on_two_bases_in_other_words_is_granted_once(
    agent, other, database_url, monkeypatch
):
    """Neither program nor words are alike: one has looked, and before it writes the other asks."""
    agent.run_baseline(val_bpb=2.0)
    child = make_program(depth=5)
    kept = result_body(
        hypothesis="depth 5", source=child, base=BASELINE_SHA256, metrics={"val_bpb": 1.9}
    )
    assert agent.put(kept).json()["outcome"] == "keep"
    bases = {"Call main again": child, "Let it print two lines": BASELINE}
    assert len({parameters_key(parse_hypothesis(text)) for text in bases}) == 2
    bodies = [
        {
            "hypothesis": hypothesis,
            "base": source_sha256(base),
            "source": base.replace("\nmain()\n", "\nmain()\nmain()\n"),
        }
        for hypothesis, base in bases.items()
    ]
    has_looked, may_write = Event(), Event()
    store_program = claims_service.store_program

    async def store_after_the_other_asked(*arguments):
        if not has_looked.is_set():
            has_looked.set()
            assert await asyncio.to_thread(may_write.wait, 20)
        await store_program(*arguments)

    monkeypatch.setattr(claims_service, "store_program", store_after_the_other_asked)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(agent.claim, **bodies[0])
        assert has_looked.wait(20)
        another = pool.submit(other.claim, **bodies[1])
        until_done_or_blocked(another, database_url)
        may_write.set()
        assert one.result().status_code == 201
        assert reason_of(another.result()) == "same-change"


def test_a_change_on_a_base_that_moved_on_is_a_retest_and_says_so(agent, other):
    agent.run_baseline(val_bpb=2.0)
    first = agent.claimed(base=BASELINE_SHA256)
    agent.put(result_body(first, base=BASELINE_SHA256, metrics={"val_bpb": 2.1}))
    base = BASELINE_SHA256
    for step, depth in enumerate((5, 6)):
        source = make_program(depth=depth)
        body = {"hypothesis": f"depth {depth - 1} -> {depth}", "source": source, "base": base}
        claim = agent.claimed(**body)
        agent.put(result_body(claim, **body, metrics={"val_bpb": 1.9 - step / 10}))
        base = agent.http.get("/v1/campaigns/tiny/best").json()["source_sha256"]
    wanted = {"base": base, "source": make_program(depth=6, matrix_lr=0.05)}
    again = other.claim(**wanted, claim_key=(claim_key := str(new_id())))
    assert again.status_code == 201, again.text
    assert again.json()["retest_of"] == first["experiment_id"]
    answer_was_lost = other.claimed(**wanted, claim_key=claim_key)
    assert answer_was_lost["retest_of"] == first["experiment_id"]
    read = other.http.get(f"/v1/experiments/{again.json()['experiment_id']}").json()
    assert read["experiment_id"] == again.json()["experiment_id"]


def test_a_grant_lists_what_is_similar(agent, other):
    first = agent.claimed(**words("raise the matrix learning rate to 0.05"))
    granted = other.claimed(**words("raise the matrix learning rate to 0.06"))
    assert granted["similar"][0]["experiment_id"] == first["experiment_id"]
    assert granted["similar"][0]["similarity"] > 0.9


def test_a_claim_without_source_that_turns_out_a_repeat_is_linked(agent, other):
    original = agent.claimed()
    agent.put(result_body(original))
    vague = other.claimed(**words("try a livelier optimiser"))
    answer = other.put(result_body(vague, hypothesis="try a livelier optimiser")).json()
    assert answer["repeat_of"] == original["experiment_id"]
    assert answer["experiment_id"] == vague["experiment_id"]


def test_what_ran_out_or_was_given_back_blocks_nobody(agent, other, database_url):
    expired = agent.claimed(**words("depth 8 -> 9"))
    run_sql(
        database_url,
        "UPDATE experiments SET lease_expires_at = clock_timestamp() - interval '1 s'"
        f" WHERE id = '{expired['experiment_id']}'",
    )
    released = agent.claimed(**words("depth 8 -> 10"))
    agent.release(released)
    for hypothesis in ("one more layer: depth from 8 to 9", "increase depth from 8 to 10"):
        assert other.claim(**words(hypothesis)).status_code == 201


@pytest.mark.parametrize(("reason", "status"), [("oom", 201), ("timeout", 201), ("nan", 409)])
def test_a_crash_blocks_its_program_only_where_the_program_is_at_fault(
    agent, other, reason, status
):
    claim = agent.claimed()
    agent.put(result_body(claim, metrics=None, crash_reason=reason))
    assert other.claim().status_code == status


def test_the_baseline_of_another_platform_is_no_paraphrase(agent):
    baseline = {"hypothesis": "Baseline: train.py as it is", "source": BASELINE}
    agent.claimed(**baseline)
    assert agent.claim(**baseline, platform="another-gpu").status_code == 201


def test_a_claim_whose_words_cannot_be_embedded_is_no_claim(agent, coordinator_url, monkeypatch):
    """G6: the model fails in the middle; the claim is an error and nothing is stored."""
    from coordinator.search.embedder import Embedder

    def fail(*_):
        raise RuntimeError("the model is gone")

    monkeypatch.setattr(Embedder, "embed_few", fail)
    answer = agent.claim(**words("a text that was never embedded before"))
    assert answer.status_code == 500
    # A new connection: the server closes one on which a request failed.
    history = httpx.get(f"{coordinator_url}/v1/campaigns/tiny/experiments")
    assert history.json()["items"] == []
