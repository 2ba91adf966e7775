"""Takes the best open idea of the swarm whose change can be made mechanically."""

from shared.constants import (
    Constant,
    ConstantValueError,
    override_constants,
    read_constants,
)
from shared.folding import ConstantValue
from shared.wire.ideas import IdeaRead
from worker.proposers import Briefing, Proposal, Proposer
from worker.proposers.edits import InvalidProposalError, check_program, constant_changes


class IdeasProposer:
    """Goes through the board from the top; asks a stand-in where nothing on it can be made."""

    def __init__(self, stand_in: Proposer) -> None:
        self._stand_in = stand_in

    def propose(self, briefing: Briefing) -> Proposal:
        """Return the most urgent idea that applies to the base and was not refused.

        Raises:
            NoProposalError: the stand-in has nothing either.
        """
        refused = {refusal.proposal.source for refusal in briefing.refusals}
        for idea in briefing.ideas:
            proposal = idea_as_proposal(idea, briefing.base_source)
            if proposal is not None and proposal.source not in refused:
                return proposal
        return self._stand_in.propose(briefing)


def idea_as_proposal(idea: IdeaRead, base: str) -> Proposal | None:
    """Return the idea as a change of this base, ``None`` where that takes more than constants."""
    constants = read_constants(base)
    values: dict[str, ConstantValue] = {}
    for change in idea.changes or []:
        if change.name not in constants or change.new is None:
            return None
        values[change.name] = _value(constants[change.name], change.new)
    if not values:
        return None
    try:
        source = override_constants(base, values)
        check_program(base, source)
    except (ConstantValueError, InvalidProposalError):
        return None
    return Proposal(
        hypothesis=idea.hypothesis,
        rationale=f"An idea of {idea.agent}. {idea.rationale or ''}".strip(),
        source=source,
        changes=constant_changes(base, source),
        idea_id=idea.idea_id,
    )


def _value(constant: Constant, text: str) -> str:
    """Return a stated value as `override_constants` takes it: texts without their quotes."""
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if isinstance(constant.value, str) and is_quoted else text
