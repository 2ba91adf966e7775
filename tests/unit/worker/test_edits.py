import pytest

from shared.wire.claims import ConstantChange
from worker.proposers import Proposal
from worker.proposers.edits import (
    Edit,
    InvalidProposalError,
    apply_edits,
    check_program,
    constant_changes,
    rebased,
)

BASE = "A = 1\nB = 2**4\nKIND = 'relu'\n\nprint(A, B, KIND)\n"


def make_proposal(source: str) -> Proposal:
    changes = constant_changes(BASE, source)
    return Proposal(hypothesis="h", source=source, changes=changes)


def test_edits_are_made_one_after_the_other():
    edits = [Edit(search="A = 1", replace="A = 5"), Edit(search="A = 5", replace="A = 6")]
    assert apply_edits(BASE, edits) == BASE.replace("A = 1", "A = 6")


@pytest.mark.parametrize("search", ["Z = 1", "A", ""])
def test_an_edit_needs_exactly_one_place(search):
    with pytest.raises(InvalidProposalError, match="Edit 1"):
        apply_edits(BASE, [Edit(search=search, replace="x")])


def test_a_program_that_only_looks_different_is_no_proposal():
    with pytest.raises(InvalidProposalError, match="change something"):
        check_program(BASE, BASE.replace("2**4", "16  # the same"))


def test_changed_new_and_removed_constants_are_listed():
    candidate = "A = 3\nKIND = 'relu'\nC = 0.5\n"
    assert constant_changes(BASE, candidate) == (
        ConstantChange(name="A", old="1", new="3"),
        ConstantChange(name="B", old="2**4", new=None),
        ConstantChange(name="C", old=None, new="0.5"),
    )


def test_a_change_of_constants_carries_over_to_a_new_base():
    proposal = make_proposal(BASE.replace("2**4", "2**5"))
    new_base = BASE.replace("A = 1", "A = 9") + "print('new')\n"
    carried = rebased(proposal, old_base=BASE, new_base=new_base)
    assert carried.source == new_base.replace("2**4", "2**5")
    assert carried.changes == (ConstantChange(name="B", old="2**4", new="2**5"),)


@pytest.mark.parametrize(
    ("candidate", "new_base"),
    [
        (BASE.replace("2**4", "2**5"), BASE.replace("2**4", "2**3")),
        (BASE.replace("2**4", "2**5"), "A = 1\n"),
        (BASE.replace("A = 1", "A = 2").replace("print(", "print(0, "), BASE + "#\n"),
        (BASE.replace("print(", "print(0, "), BASE + "#\n"),
    ],
    ids=["moved meanwhile", "gone meanwhile", "more than constants", "no constants"],
)
def test_anything_else_has_to_be_thought_again(candidate, new_base):
    assert rebased(make_proposal(candidate), old_base=BASE, new_base=new_base) is None
