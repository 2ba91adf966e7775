"""Whether two hypotheses are the same experiment.

Agreement and contradiction of parameters, values and directions decide (`shared.words.evidence`).
That two texts are alike speaks for nothing: whatever differs in a text that is otherwise the same
is what the two experiments differ in.

Where neither is found, the evidence leans one way or the other, and the verdict is open: who can
ask a second reader lets it be weighed with the evidence (`reconsider`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shared.words.atoms import Atom
from shared.words.contradictions import contradiction_between, contradiction_of_texts
from shared.words.evidence import (
    Evidence,
    evidence_of_content,
    evidence_of_moulds,
    score,
    weight_of,
)
from shared.words.hypotheses import ParsedHypothesis, name_of
from shared.words.weights import OPINION, OPINION_BIAS

OPEN_ABOVE = -3.0  # nobody is asked where what is changed leans further to "distinct"
TOO_FAR = -20.0  # nor where other words make it so clear: no labelled pair was ever turned there
SURE = 3.0  # beyond this, more of one side says no more
# Half of all labelled pairs are the same, of what lies near a claim in a history hardly any: what
# it is refused for has to be surer than what is called the same where nothing else is known.
REFUSED_ABOVE = 3.4  # the log-odds of one in thirty


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, with the reason in words for the agent that asked.

    Attributes:
        kind: what is more likely.
        reason: why, in words.
        margin: how far it leans, positive to "duplicate", where it is not settled by a rule.
        is_read: whether a second reader's opinion is in it.
    """

    kind: Literal["duplicate", "distinct"]
    reason: str
    margin: float | None = None
    is_read: bool = False

    @property
    def is_duplicate(self) -> bool:
        """Whether the two are the same experiment."""
        return self.kind == "duplicate"

    @property
    def is_open(self) -> bool:
        """Whether a second reader may see it otherwise."""
        return self.margin is not None and not self.is_read

    @property
    def refuses(self) -> bool:
        """Whether a claim is refused for it: not while it is open, and not if it barely leans."""
        is_sure = self.margin is None or (self.is_read and self.margin > REFUSED_ABOVE)
        return self.is_duplicate and is_sure

    def settled(self) -> "Verdict":
        """The same verdict, for nobody to reconsider."""
        return replace(self, margin=None)


def decide(a: ParsedHypothesis, b: ParsedHypothesis) -> Verdict:
    """The verdict on two hypotheses."""
    if any(_is_one_word(each) and not each.words for each in (a, b)):
        return Verdict("distinct", "nothing is said")
    if a.text == b.text:
        return Verdict("duplicate", "the same words")
    a, b = sorted((a, b), key=lambda each: each.text)  # the same verdict in either order
    if contradiction := contradiction_between(a, b):
        return Verdict("distinct", contradiction)
    return _weighed(a, b)


def _weighed(a: ParsedHypothesis, b: ParsedHypothesis) -> Verdict:
    """The verdict where the readings do not contradict each other."""
    evidence = evidence_of_content(a, b, needed=OPEN_ABOVE)
    margin = score(evidence)
    is_near, is_told_apart = margin > OPEN_ABOVE, False
    if is_near:
        if contradiction := contradiction_of_texts(a.text, b.text):
            return Verdict("distinct", contradiction)
        # Alike but for a word: against it, and yet to be read, for the word may mean the same.
        moulds = evidence_of_moulds(a, b)
        is_told_apart = any(moulds.values()) or bool(evidence["opposite words"])
        evidence = {**evidence, **moulds}
        margin = score(evidence)
    # A word that only one of them says, and nobody knows, may be what they differ in.
    is_told_apart = is_told_apart or a.unknown != b.unknown
    if margin > 0 and evidence["every change agrees"] and not is_told_apart:
        return Verdict("duplicate", f"the same change of {_names(a.atoms)}")
    are_telling = not (_is_one_word(a) or _is_one_word(b))
    leaning = margin if is_near and are_telling and margin > TOO_FAR else None
    if margin > 0:
        return Verdict("duplicate", _heaviest(evidence, 1), leaning)
    is_other = evidence["nothing in common"]
    return Verdict("distinct", _each(a, b) if is_other else _heaviest(evidence, -1), leaning)


def _is_one_word(parsed: ParsedHypothesis) -> bool:
    """No change was read, and there is nothing to read for a second reader either."""
    return not parsed.atoms and len(parsed.said) < 2


def reconsider(verdict: Verdict, log_odds: float) -> Verdict:
    """An open verdict after a second reader gave the log-odds that the two are the same."""
    assert verdict.margin is not None
    leaning, opinion = (min(max(each, -SURE), SURE) for each in (verdict.margin, log_odds))
    total = leaning + OPINION * opinion + OPINION_BIAS
    read = replace(verdict, margin=total, is_read=True)
    if (total > 0) == verdict.is_duplicate:
        return read
    if verdict.is_duplicate:
        return replace(read, kind="distinct", reason="read together, they are not the same")
    return replace(read, kind="duplicate", reason="read together, they are the same")


def _heaviest(evidence: Evidence, sign: int) -> str:
    """What weighs most for (1) or against (-1)."""
    weight, name = max((sign * weight_of(name) * value, name) for name, value in evidence.items())
    return name if weight > 0 else "too little in common"


def _each(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """What one changes, and what the other."""
    return f"{_names(a.atoms) or 'other words'} against {_names(b.atoms) or 'other words'}"


def _names(atoms: Sequence[Atom]) -> str:
    return " + ".join(sorted({name_of(atom) for atom in atoms}))
