import math
import random
from statistics import median

import pytest

from shared.constants import read_constants
from shared.ids import new_id
from shared.sources import source_sha256
from shared.states import Outcome
from worker.errors import NoProposalError
from worker.proposers import Briefing, Measured, Refusal
from worker.proposers.tpe import TpeProposer, in_words

PROGRAM = """\
# Rates
MATRIX_LR = 0.04  # Muon
EMBEDDING_LR = 0.9
DEPTH = 8
TOTAL_BATCH_SIZE = 2**14
BUDGET_S = 20  # fixed by the campaign

print(MATRIX_LR)
"""


def make_briefing(source: str = PROGRAM, history=(), refusals=()) -> Briefing:
    return Briefing(
        campaign="tiny",
        program_md="",
        base_source=source,
        base_sha256=source_sha256(source),
        base_val_bpb=1.0,
        history=history,
        refusals=refusals,
    )


def make_measured(source: str, val_bpb: float | None) -> Measured:
    return Measured(
        experiment_id=new_id(),
        agent="otter",
        hypothesis="?",
        outcome=Outcome.CRASH if val_bpb is None else Outcome.DISCARD,
        source_sha256=source_sha256(source),
        source=source,
        val_bpb=val_bpb,
    )


def test_a_proposal_changes_named_constants_and_nothing_else():
    proposer = TpeProposer(seed=1)
    before = read_constants(PROGRAM)
    for _ in range(30):
        proposal = proposer.propose(make_briefing())
        after = read_constants(proposal.source)
        moved = {name for name in before if after[name].value != before[name].value}
        assert moved == {change.name for change in proposal.changes}
        assert 1 <= len(moved) <= 3
        assert "BUDGET_S" not in moved
        lines = zip(PROGRAM.splitlines(), proposal.source.splitlines(), strict=True)
        assert sum(old != new for old, new in lines) == len(moved)


def test_the_hypothesis_says_what_changed_in_words():
    proposer = TpeProposer(seed=2)
    proposal = proposer.propose(make_briefing())
    for change in proposal.changes:
        assert f"{change.name} {change.old} -> {change.new}: " in proposal.hypothesis
    assert "raise" in proposal.hypothesis or "lower" in proposal.hypothesis


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (0.04, 0.03, "lower it by 25%"),
        (0.04, 0.04008, "raise it a little"),
        (0.0, 0.1, "raise it from zero"),
        (False, True, "switch it on"),
        ("L", "SL", "try the other kind"),
    ],
)
def test_a_change_is_told_in_words(old, new, words):
    assert in_words(old, new) == words


def test_a_power_of_two_stays_written_as_one():
    proposer = TpeProposer(seed=3)
    texts = set()
    for _ in range(60):
        for change in proposer.propose(make_briefing()).changes:
            if change.name == "TOTAL_BATCH_SIZE":
                texts.add(change.new)
    assert texts == {"2**13", "2**15"}


def test_the_same_seed_suggests_the_same():
    first, second = (TpeProposer(seed=5).propose(make_briefing()) for _ in range(2))
    assert first == second


def test_the_history_of_the_swarm_draws_the_suggestions_to_what_was_good():
    chance = random.Random(0)
    history = []
    for _ in range(60):
        rate = 0.04 * 2 ** chance.uniform(-1, 1)
        source = PROGRAM.replace("0.04", repr(rate))
        history.append(make_measured(source, 1 + math.log(rate / 0.07) ** 2))

    def rates(known) -> list[float]:
        proposer = TpeProposer(seed=11)
        return [
            float(change.new)
            for _ in range(80)
            for change in proposer.propose(make_briefing(history=known)).changes
            if change.name == "MATRIX_LR"
        ]

    def distance(values: list[float]) -> float:
        return median(abs(math.log(value / 0.07)) for value in values)

    assert distance(rates(history)) < 0.5 * distance(rates([]))


def test_programs_that_crashed_are_avoided():
    history = [
        make_measured(PROGRAM.replace("DEPTH = 8", f"DEPTH = {depth}"), value)
        for depth, value in [(7, 1.0), (9, None), (10, None), (6, 1.01)] * 6
    ]
    proposer = TpeProposer(seed=4)
    depths = [
        int(change.new)
        for _ in range(80)
        for change in proposer.propose(make_briefing(history=history)).changes
        if change.name == "DEPTH"
    ]
    assert sum(depth > 8 for depth in depths) < sum(depth < 8 for depth in depths) / 2


def test_what_was_refused_is_not_proposed_again():
    source = "SWITCH = False  # one of: True, False\n"
    proposer = TpeProposer(seed=6)
    first = proposer.propose(make_briefing(source))
    refusals = (Refusal(proposal=first, reason="same-program"),)
    with pytest.raises(NoProposalError):
        proposer.propose(make_briefing(source, refusals=refusals))


def test_a_program_without_constants_has_nothing_to_tune():
    with pytest.raises(NoProposalError):
        TpeProposer().propose(make_briefing("print(1)\n"))


def test_broken_and_foreign_programs_in_the_history_do_no_harm():
    history = [
        make_measured("def broken(:\n", 0.5),
        make_measured("OTHER = 3\n", 0.5),
        make_measured("MATRIX_LR = 'text'\n", 0.5),
        make_measured(PROGRAM, None),
    ]
    assert TpeProposer(seed=7).propose(make_briefing(history=history)).changes
