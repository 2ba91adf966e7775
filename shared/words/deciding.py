"""Whether two hypotheses are the same experiment.

Agreement and contradiction of parameters, values and directions decide (`shared.words.evidence`).
That two texts are alike speaks for nothing: whatever differs in a text that is otherwise the same
is what the two experiments differ in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.words.atoms import Atom
from shared.words.evidence import (
    Evidence,
    agrees,
    evidence_of_content,
    evidence_of_moulds,
    is_swapped,
    other_part,
    other_target,
    reordered,
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
    if contradiction := _contradiction(a, b):
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


def _contradiction(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """What nothing else can outweigh, or ""."""
    if a.additions != b.additions:
        return "one adds something more, in unknown words"
    if ("test_time" in a.words) != ("test_time" in b.words):
        return "only one is about test-time training"
    is_exact = agrees(a, b) and not any(atom.is_vague for atom in a.atoms)
    if is_swapped(a, b) and len(a.parts) == len(b.parts) > 1 and not is_exact:
        return "the same words in each other's places"
    if parts := other_part(a, b):
        return parts
    if parameter := reordered(a, b):
        return f"{parameter} takes the same numbers in another order"
    parameter = other_target(a, b)
    return f"{parameter} takes another value" if parameter else ""


def _heaviest(evidence: Evidence, sign: int) -> str:
    """What weighs most for (1) or against (-1)."""
    name = max(evidence, key=lambda name: sign * weight_of(name) * evidence[name])
    return name if sign * weight_of(name) * evidence[name] > 0 else "too little in common"


def _names(atoms: Sequence[Atom]) -> str:
    return " + ".join(sorted({name_of(atom) for atom in atoms}))
