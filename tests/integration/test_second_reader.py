"""What the words leave open is read by a second reader, with its real weights."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from coordinator.dedup import cross_encoder as cross_encoder_module
from coordinator.dedup.cross_encoder import MOST_ASKED, NEAREST_ASKED, CrossEncoder
from coordinator.dedup.tables import read_table
from shared.words import REFERENCE_VOCABULARY, Verdict, decide, parse_hypothesis
from tests.factories import CAMPAIGN, make_program

DATA = Path(__file__).parents[1] / "data"
IDEAS = f"/v1/campaigns/{CAMPAIGN}/ideas"
# Neither rule nor reader was fitted on these; by them was chosen how much its opinion counts.
UNSEEN = ["acceptance10", "loop10", "voices", "acceptance11"]
# Told once by its name and once by what it does.
NAMED = "Make the norms affine: a trainable scale vector, starting from ones, for each RMSNorm."
TOLD = "Give every RMSNorm a learnable per-channel gain initialised at one."
# The same once more, of which the reader is less sure than a refusal asks for.
AVERAGED = "Polyak averaging of the weights, decay 0.999 per step; evaluate the averaged copy."
SHADOWED = "Keep an EMA shadow model (0.999) and report val_bpb on it."


@pytest.fixture(scope="module")
def reader():
    made = CrossEncoder()
    yield made
    made.close()


def words_on(a: str, b: str) -> Verdict:
    return decide(*(parse_hypothesis(text, REFERENCE_VOCABULARY) for text in (a, b)))


def scores(rows, verdicts):
    called = [verdict.is_duplicate for verdict in verdicts]
    same = [row["label"] == "dup" for row in rows]
    hits = sum(a and b for a, b in zip(called, same, strict=True))
    return hits / sum(called), 2 * hits / (sum(called) + sum(same))


def test_on_unseen_pairs_two_readers_are_better_than_one(reader):
    rows = [row for name in UNSEEN for row in read_table(DATA / f"dedup_pairs_{name}.tsv")]
    pairs = [(row["a"], row["b"]) for row in rows]
    alone = [words_on(*pair) for pair in pairs]
    precision, f1 = scores(rows, reader.reconsider_many(pairs, alone))
    precision_alone, f1_alone = scores(rows, alone)
    assert f1 > f1_alone + 0.03
    assert precision > precision_alone


def test_the_order_of_the_two_does_not_matter(reader):
    pairs = [(NAMED, TOLD), ("raise the depth to 10", "two more layers")]
    assert reader.compare(pairs) == reader.compare([(b, a) for a, b in pairs])


def test_company_does_not_matter(reader):
    pairs = [("softcap 20", f"cap the logits softly at {n}, " + "as before " * n) for n in range(9)]
    together = reader.compare(pairs)
    alone = [reader.compare([pair])[0] for pair in pairs]
    assert together == pytest.approx(alone, abs=0.5)  # of log-odds, in bfloat16
    assert reader.compare([]) == []


def test_what_the_words_settle_is_not_read_again(reader, monkeypatch):
    asked = []
    monkeypatch.setattr(reader, "compare", lambda pairs: asked.extend(pairs) or [9.0] * len(pairs))
    pairs = [
        ("warmdown 0.7 to 0.75", "warmdown 0.5 to 0.7"),
        ("double the LR", "double the LR"),
        (NAMED, TOLD),
    ]
    verdicts = [words_on(*pair) for pair in pairs]
    found = reader.reconsider_many([*pairs, pairs[0]], [*verdicts, None])
    assert asked == [(NAMED, TOLD)]
    assert [verdict and verdict.is_duplicate for verdict in found] == [False, True, True, None]


def test_of_many_neighbours_only_the_nearest_are_read(reader, monkeypatch):
    asked = []
    monkeypatch.setattr(reader, "compare", lambda pairs: asked.extend(pairs) or [0.0] * len(pairs))
    pairs = [(NAMED, TOLD)] * (MOST_ASKED + 5)
    reader.reconsider_many(pairs, [words_on(*pair) for pair in pairs], MOST_ASKED)
    assert len(asked) == MOST_ASKED


def test_nothing_is_refused_unread(reader, monkeypatch):
    asked = []
    monkeypatch.setattr(reader, "compare", lambda pairs: asked.extend(pairs) or [-9.0] * len(pairs))
    leaning = replace(words_on(NAMED, TOLD), kind="duplicate", margin=1.0)
    pairs, verdicts = [(NAMED, TOLD)] * 50, [leaning] * 50
    found = reader.reconsider_many(pairs, verdicts, MOST_ASKED)
    assert len(asked) == NEAREST_ASKED
    assert not any(verdict and verdict.refuses for verdict in found)


def test_what_is_far_is_read_only_before_it_is_refused(reader, monkeypatch):
    asked = []
    monkeypatch.setattr(reader, "compare", lambda pairs: asked.extend(pairs) or [0.0] * len(pairs))
    near = [("double the LR", "double the LR")] * NEAREST_ASKED  # settled: nobody is asked
    leaning = words_on(NAMED, TOLD)
    refused = replace(leaning, kind="duplicate", margin=1.0)
    pairs, verdicts = [*near, (NAMED, TOLD)], [words_on(*pair) for pair in near]
    reader.reconsider_many(pairs, [*verdicts, leaning], MOST_ASKED)
    assert asked == []
    reader.reconsider_many(pairs, [*verdicts, leaning])
    assert asked == [(NAMED, TOLD)]
    reader.reconsider_many(pairs, [*verdicts, refused], MOST_ASKED)
    assert asked == [(NAMED, TOLD)] * 2


def test_a_mechanism_told_without_its_name_is_refused(agent):
    assert not words_on(NAMED, TOLD).is_duplicate
    assert agent.claim(hypothesis=NAMED, source=None).status_code == 201
    answer = agent.claim(hypothesis=TOLD, source=None)
    assert answer.status_code == 409, answer.text
    assert answer.json()["reason"] == "paraphrase"
    assert answer.json()["matches"][0]["hypothesis"] == NAMED


def test_what_is_only_likely_the_same_is_granted(reader, agent):
    [verdict] = reader.reconsider_many([(AVERAGED, SHADOWED)], [words_on(AVERAGED, SHADOWED)])
    assert verdict is not None
    assert verdict.is_duplicate
    assert agent.claim(hypothesis=AVERAGED, source=None).status_code == 201
    assert agent.claim(hypothesis=SHADOWED, source=None).status_code == 201


def test_what_the_code_settles_is_read_by_nobody(agent, monkeypatch):
    asked = []
    monkeypatch.setattr(cross_encoder_module, "_log_odds", lambda *_: asked.append(1) or 9.0)
    assert agent.claim(hypothesis=NAMED, source=None).status_code == 201
    assert agent.claim(hypothesis=TOLD, source=None).status_code == 409
    assert asked, "what no code tells is read"
    source = make_program(depth=6)
    assert agent.claim(hypothesis="six layers", source=source).status_code == 201
    asked.clear()
    answer = agent.claim(hypothesis=TOLD, source=source)
    assert answer.json()["reason"] == "same-program"
    assert asked == []


def test_a_baseline_is_repeated_by_no_words(agent, monkeypatch):
    """Whatever the reader says: it changes nothing, so nothing can change the same."""
    monkeypatch.setattr(cross_encoder_module, "_log_odds", lambda *_: 9.0)
    agent.run_baseline()
    assert agent.claim(hypothesis="train the model as it is, with softcap", source=None).is_success


def test_an_idea_told_again_without_its_name_is_refused(agent):
    answers = [agent.http.post(IDEAS, json={"hypothesis": text}) for text in (NAMED, TOLD)]
    assert [answer.status_code for answer in answers] == [201, 409]


def test_a_claim_that_nobody_could_read_again_is_no_claim(agent, coordinator_url, monkeypatch):
    """G6: the reader fails in the middle; the claim is an error and nothing is stored."""
    assert agent.claim(hypothesis=NAMED, source=None).status_code == 201

    def fail(*_):
        raise RuntimeError("the reader is gone")

    monkeypatch.setattr(cross_encoder_module, "_log_odds", fail)
    assert agent.claim(hypothesis=TOLD, source=None).status_code == 500
    history = httpx.get(f"{coordinator_url}/v1/campaigns/tiny/experiments")
    assert [item["hypothesis"] for item in history.json()["items"]] == [NAMED]
