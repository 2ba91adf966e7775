"""Whether two hypotheses are the same experiment.

Agreement and contradiction of parameters, values and directions decide (`shared.words.evidence`).
That two texts are alike speaks for nothing: whatever differs in a text that is otherwise the same
is what the two experiments differ in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.words.atoms import Atom
from shared.words.contradictions import contradiction_between
from shared.words.evidence import (
    Evidence,
    evidence_of_content,
    evidence_of_moulds,
    score,
    weight_of,
)
from shared.words.hypotheses import ParsedHypothesis, name_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, with the reason in words for the agent that asked."""

    kind: Literal["duplicate", "distinct"]
    reason: str

    @property
    def is_duplicate(self) -> bool:
        """Whether the two are the same experiment."""
        return self.kind == "duplicate"


def decide(a: ParsedHypothesis, b: ParsedHypothesis) -> Verdict:
    """The verdict on two hypotheses."""
    if not (a.words or a.atoms) or not (b.words or b.atoms):
        return Verdict("distinct", "nothing is said")
    if a.text == b.text:
        return Verdict("duplicate", "the same words")
    a, b = sorted((a, b), key=lambda each: each.text)  # the same verdict in either order
    if contradiction := contradiction_between(a, b):
        return Verdict("distinct", contradiction)
    evidence = evidence_of_content(a, b)
    if score(evidence) > 0:
        evidence = {**evidence, **evidence_of_moulds(a, b)}
    if score(evidence) <= 0:
        names = f"{_names(a.atoms) or 'other words'} against {_names(b.atoms) or 'other words'}"
        is_other = evidence["nothing in common"]
        return Verdict("distinct", names if is_other else _heaviest(evidence, -1))
    if evidence["every change agrees"]:
        return Verdict("duplicate", f"the same change of {_names(a.atoms)}")
    return Verdict("duplicate", _heaviest(evidence, 1))


def _heaviest(evidence: Evidence, sign: int) -> str:
    """What weighs most for (1) or against (-1)."""
    name = max(evidence, key=lambda name: sign * weight_of(name) * evidence[name])
    return name if sign * weight_of(name) * evidence[name] > 0 else "too little in common"


def _names(atoms: Sequence[Atom]) -> str:
    return " + ".join(sorted({name_of(atom) for atom in atoms}))
