from datetime import UTC, datetime

import pytest

from shared.ids import new_id
from shared.sources import source_sha256
from shared.wire.claims import ConstantChange
from shared.wire.ideas import IdeaRead, IdeaStatus
from worker.errors import NoProposalError
from worker.proposers import Briefing, Refusal
from worker.proposers.ideas import IdeasProposer, idea_as_proposal

BASE = "RATE = 0.04\nKIND = 'relu'\n\nprint(RATE, KIND)\n"


class Nothing:
    def propose(self, _briefing):
        raise NoProposalError("nothing")


def make_idea(*changes: tuple[str, str | None]) -> IdeaRead:
    return IdeaRead(
        idea_id=new_id(),
        campaign="tiny",
        agent="raven",
        hypothesis="another rate",
        rationale="why not",
        priority=3,
        changes=[ConstantChange(name=name, new=new) for name, new in changes],
        evidence=[],
        status=IdeaStatus.OPEN,
        experiments=[],
        created_at=datetime.now(UTC),
    )


def make_briefing(*ideas: IdeaRead, **overrides) -> Briefing:
    return Briefing(
        campaign="tiny",
        program_md="",
        base_source=BASE,
        base_sha256=source_sha256(BASE),
        base_val_bpb=1.0,
        ideas=ideas,
        **overrides,
    )


def test_an_idea_becomes_a_proposal_that_names_it():
    idea = make_idea(("RATE", "0.05"), ("KIND", "'gelu'"))
    proposal = idea_as_proposal(idea, BASE)
    assert proposal.source == BASE.replace("0.04", "0.05").replace("relu", "gelu")
    assert proposal.idea_id == idea.idea_id
    assert proposal.rationale == "An idea of raven. why not"


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [("OTHER", "1")],
        [("RATE", None)],
        [("RATE", "__import__('os')")],
        [("RATE", "0.04")],
        [("RATE", "0.05"), ("OTHER", "1")],
    ],
)
def test_an_idea_that_takes_more_than_constants_is_left_to_others(changes):
    assert idea_as_proposal(make_idea(*changes), BASE) is None


def test_the_most_urgent_idea_that_works_is_taken():
    ideas = [make_idea(("OTHER", "1")), make_idea(("RATE", "0.06")), make_idea(("RATE", "0.07"))]
    first = IdeasProposer(Nothing()).propose(make_briefing(*ideas))
    assert first.idea_id == ideas[1].idea_id
    refusals = (Refusal(proposal=first, reason="same-program"),)
    second = IdeasProposer(Nothing()).propose(make_briefing(*ideas, refusals=refusals))
    assert second.idea_id == ideas[2].idea_id


def test_an_empty_board_leaves_it_to_the_stand_in():
    with pytest.raises(NoProposalError):
        IdeasProposer(Nothing()).propose(make_briefing())
