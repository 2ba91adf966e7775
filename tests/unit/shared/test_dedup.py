import pytest

from shared.changes import change_signature
from shared.dedup import (
    Neighbour,
    base_relation,
    candidate_of,
    decide_claim,
    standing_of,
    verdicts_of_words,
)
from shared.fingerprints import program_fingerprint
from shared.states import CrashReason, ExperimentStatus, Outcome
from shared.words import decide, reconsider

BASE = "DEPTH = 8\nLR = 0.04\n\ndef norm(x):\n    return x / 2\n"
DEEPER = BASE.replace("8", "9")


def candidate(hypothesis, program=None):
    if program is None:
        return candidate_of(hypothesis)
    return candidate_of(
        hypothesis,
        fingerprint=program_fingerprint(program),
        change=change_signature(BASE, program),
    )


def neighbour(hypothesis, program=None, standing="done", relation="same", name="earlier"):
    known = candidate(hypothesis, program)
    return Neighbour(
        id=name,
        standing=standing,
        relation=relation,
        parsed=known.parsed,
        fingerprint=known.fingerprint,
        change=known.change,
        cosine=0.5,
    )


def test_the_same_program_is_refused_on_any_base():
    for relation in ("same", "near", "moved", "unknown"):
        decision = decide_claim(
            candidate("one thing", "# deeper\n" + DEEPER),
            [neighbour("another thing", DEEPER, relation=relation)],
        )
        assert decision.reason == "same-program"
        assert [match.id for match in decision.matches] == ["earlier"]


def of_another_base(known):
    return Neighbour(**{**vars(known), "fingerprint": "of another base"})


def test_the_same_change_is_refused_where_programs_differ_elsewhere():
    here = candidate("deeper", DEEPER)
    there = of_another_base(neighbour("more blocks please", DEEPER))
    decision = decide_claim(here, [there])
    assert decision.reason == "same-change"
    assert decision.matches[0].detail == "DEPTH 8 → 9"


@pytest.mark.parametrize(
    ("relation", "is_refused"), [("same", True), ("near", True), ("moved", False)]
)
def test_on_a_base_that_moved_on_a_repeat_is_a_retest(relation, is_refused):
    for known in (
        neighbour("depth 9", relation=relation),
        neighbour("10 things", DEEPER, relation=relation),
    ):
        elsewhere = Neighbour(**{**vars(known), "fingerprint": None})
        decision = decide_claim(candidate("DEPTH = 9", DEEPER), [elsewhere])
        assert decision.is_duplicate is is_refused
        assert (decision.retest_of is None) is is_refused


def test_a_retest_is_linked_to_the_first_that_is_named():
    known = [neighbour("depth 9", relation="moved", name=name) for name in ("first", "second")]
    decision = decide_claim(candidate("DEPTH = 9"), known)
    assert decision.retest_of is not None
    assert decision.retest_of.id == "first"


@pytest.mark.parametrize(
    ("asked", "known"), [("one more layer", "depth 8 -> 9"), ("depth 8 -> 9", "one more layer")]
)
def test_either_of_two_changes_may_be_the_relative_one(asked, known):
    for relation, is_refused in (("same", True), ("near", False)):
        decision = decide_claim(candidate(asked), [neighbour(known, relation=relation)])
        assert decision.is_duplicate is is_refused


def test_a_relative_change_is_another_one_on_every_other_base():
    for relation, is_refused in (("same", True), ("near", False), ("moved", False)):
        decision = decide_claim(
            candidate("one more layer"), [neighbour("add a layer", relation=relation)]
        )
        assert decision.is_duplicate is is_refused


def test_words_are_refused_as_a_paraphrase_with_every_match():
    decision = decide_claim(
        candidate("raise the LR up to 4e-2"),
        [
            neighbour("learning rate 0.04", name="first"),
            neighbour("learning rate 0.05", name="other"),
            neighbour("LR = 4e-2", standing="claimed", name="second"),
        ],
    )
    assert decision.reason == "paraphrase"
    assert [match.id for match in decision.matches] == ["first", "second"]
    assert decision.matches[0].similarity == 0.5


def test_constants_of_the_code_outrank_the_words():
    words = "deeper"
    ten = BASE.replace("8", "10")
    assert not decide_claim(candidate(words, ten), [neighbour(words, DEEPER)]).is_duplicate


def test_words_and_code_can_name_the_same_change():
    assert decide_claim(candidate("8 -> 9 layers"), [neighbour("x", DEEPER)]).is_duplicate


@pytest.mark.parametrize("standing", ["free", "failed"])
def test_what_left_no_result_blocks_no_other_attempt(standing):
    assert not decide_claim(
        candidate("depth 9"), [neighbour("depth 9", standing=standing)]
    ).is_duplicate


def test_a_program_at_fault_is_not_run_again():
    again = candidate("depth 9", DEEPER)
    assert (
        decide_claim(again, [neighbour("depth 9", DEEPER, standing="failed")]).reason
        == "same-program"
    )
    assert not decide_claim(again, [neighbour("depth 9", DEEPER, standing="free")]).is_duplicate


def test_a_change_that_failed_in_another_program_may_run_in_this_one():
    failed = of_another_base(neighbour("depth 9", DEEPER, standing="failed"))
    assert not decide_claim(candidate("depth 9", DEEPER), [failed]).is_duplicate


def test_without_neighbours_everything_is_granted():
    decision = decide_claim(candidate("depth 9"), [])
    assert not decision.is_duplicate
    assert decision.retest_of is None


@pytest.mark.parametrize(
    ("status", "outcome", "reason", "standing"),
    [
        (ExperimentStatus.CLAIMED, None, None, "claimed"),
        (ExperimentStatus.DONE, Outcome.KEEP, None, "done"),
        (ExperimentStatus.DONE, Outcome.DISCARD, None, "done"),
        (ExperimentStatus.DONE, Outcome.CRASH, CrashReason.NAN, "failed"),
        (ExperimentStatus.DONE, Outcome.CRASH, CrashReason.ERROR, "failed"),
        (ExperimentStatus.DONE, Outcome.CRASH, CrashReason.OOM, "free"),
        (ExperimentStatus.DONE, Outcome.CRASH, CrashReason.TIMEOUT, "free"),
        (ExperimentStatus.EXPIRED, None, None, "free"),
        (ExperimentStatus.RELEASED, None, None, "free"),
    ],
)
def test_the_standing_follows_from_how_it_ended(status, outcome, reason, standing):
    assert standing_of(status, outcome, reason) == standing


@pytest.mark.parametrize(
    ("base", "other", "relation"),
    [
        ("b", "b", "same"),
        ("b", None, "unknown"),
        (None, "b", "unknown"),
        ("a", "b", "near"),  # the candidate missed one step
        ("b", "a", "moved"),  # the candidate is one step ahead
        ("a", "c", "moved"),
        ("b", "x", "moved"),
    ],
)
def test_bases_relate_by_their_lineage(base, other, relation):
    parents = {"a": None, "b": "a", "c": "b", "x": None}
    assert base_relation(base, other, parents) == relation


def test_a_verdict_that_was_reconsidered_decides():
    asked = candidate("append a learned logit to the softmax of every head")
    known = [neighbour("add an attention sink per head")]
    [told] = verdicts_of_words(asked, known)
    assert told is not None
    assert told.is_open
    for log_odds, is_refused in ((9.0, True), (-9.0, False)):
        verdicts = [reconsider(told, log_odds)]
        assert decide_claim(asked, known, verdicts).is_duplicate == is_refused


def test_what_code_tells_is_put_to_no_second_reader():
    words = "depth 9 with an attention sink"
    for asked, known in (
        (candidate(words), neighbour("x", DEEPER)),
        (candidate("x", DEEPER), neighbour(words)),
    ):
        assert decide(asked.parsed, known.parsed).is_open
        [told] = verdicts_of_words(asked, [known])
        assert told is not None
        assert not told.is_open


def test_the_words_have_no_say_about_what_failed():
    assert verdicts_of_words(candidate("depth 9"), [neighbour("depth 9", standing="free")]) == [
        None
    ]
