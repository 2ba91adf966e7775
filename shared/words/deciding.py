"""Whether two hypotheses are the same experiment.

Agreement and contradiction of parameters, values and directions decide. The similarity of the words
(cosine of their embeddings) only speaks where the parser found nothing to compare, and then
cautiously: a false block costs a good idea, a miss costs five minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.words.atoms import Atom
from shared.words.hypotheses import ParsedHypothesis, name_of
from shared.words.numbers import Quantity

UNREAD_COSINE = 0.90  # nothing parsed: the words must be nearly the same
VAGUE_COSINE = 0.60  # the same thing without a number, among a few other words
ODD_COSINE = 0.80  # the same thing without a number, among many other words
MANY_WORDS = 3

Agreement = Literal["same", "other", "unclear"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, with the reason in words for the agent that asked."""

    kind: Literal["duplicate", "distinct"]
    reason: str

    @property
    def is_duplicate(self) -> bool:
        """Whether the two are the same experiment."""
        return self.kind == "duplicate"


def decide(a: ParsedHypothesis, b: ParsedHypothesis, cosine: float) -> Verdict:
    """The verdict on two hypotheses whose embeddings have this cosine (-1 when unknown)."""
    if not (a.words or a.atoms) or not (b.words or b.atoms):
        return Verdict("distinct", "nothing is said")
    if a.text == b.text:
        return Verdict("duplicate", "the same words")
    if a.atoms and b.atoms:
        return _decide_atoms(a, b, cosine)
    if a.atoms or b.atoms:
        return Verdict("distinct", "only one of them names a known parameter")
    return _decide_words(a, b, cosine)


def _decide_atoms(a: ParsedHypothesis, b: ParsedHypothesis, cosine: float) -> Verdict:
    if len(a.atoms) != len(b.atoms):
        return Verdict("distinct", f"{_names(a.atoms)} against {_names(b.atoms)}")
    rest = list(b.atoms)
    for atom in a.atoms:
        partners = [other for other in rest if name_of(other) == name_of(atom)]
        if not partners:
            return Verdict("distinct", f"{_names(a.atoms)} against {_names(b.atoms)}")
        agreements = [_compare(atom, other) for other in partners]
        if "same" not in agreements:
            return Verdict("distinct", f"{name_of(atom)} takes another value")
        rest.remove(partners[agreements.index("same")])
    if any(atom.is_idle for atom in a.atoms) and a.numbers != b.numbers:
        return Verdict("distinct", "other numbers")
    if cosine < _needed_cosine(a, b):
        return Verdict("distinct", f"{_names(a.atoms)}, in ways that the words do not settle")
    return Verdict("duplicate", f"the same change of {_names(a.atoms)}")


def _needed_cosine(a: ParsedHypothesis, b: ParsedHypothesis) -> float:
    """How alike the words must be, given how little of them was understood."""
    if a.unread or b.unread:
        return UNREAD_COSINE
    others = len(a.unknown ^ b.unknown)
    if not others or all(atom.new and atom.old for atom in a.atoms):
        return -1.0
    if all(atom.new or atom.change for atom in a.atoms):
        return -1.0 if others <= MANY_WORDS else ODD_COSINE
    return VAGUE_COSINE if others <= MANY_WORDS else ODD_COSINE


def _decide_words(a: ParsedHypothesis, b: ParsedHypothesis, cosine: float) -> Verdict:
    if a.numbers != b.numbers:
        return Verdict("distinct", "other numbers")
    if a.words == b.words and a.words:
        return Verdict("duplicate", "the same words in another order")
    if cosine >= UNREAD_COSINE and len(a.words ^ b.words) <= 1:
        return Verdict("duplicate", "nearly the same words")
    return Verdict("distinct", "other words")


def _names(atoms: Sequence[Atom]) -> str:
    return " + ".join(sorted({name_of(atom) for atom in atoms}))


def _compare(a: Atom, b: Atom) -> Agreement:
    """Whether two atoms of one parameter say the same."""
    if a.value or b.value or a.old_value or b.old_value:
        return _compare_values(a, b)
    if a.new and b.new:
        return _compare_numbers(a, b)
    steps_a, steps_b = _changes(a), _changes(b)
    if steps_a and steps_b:
        return "same" if any(x.equals(y) for x in steps_a for y in steps_b) else "other"
    if _direction(a) * _direction(b) < 0:
        return "other"
    return _compare_vague(a, b) if a.is_vague and b.is_vague else "unclear"


def _compare_vague(a: Atom, b: Atom) -> Agreement:
    if a.direction or b.direction:
        return "same" if a.direction == b.direction else "unclear"
    return "same" if (a.state or "on") == (b.state or "on") else "other"


def _compare_values(a: Atom, b: Atom) -> Agreement:
    is_shape = "scheduled" in a.scope and not (a.value and b.value)  # "decays" names no shape
    if (a.value != b.value and not is_shape) or (a.state == "off") != (b.state == "off"):
        return "other"
    if a.old_value and b.old_value and a.old_value != b.old_value:
        return "other"
    if a.direction * b.direction < 0:  # "more global layers" against "fewer global layers"
        return "other"
    return _compare_numbers(a, b) if a.new or b.new else "same"


def _compare_numbers(a: Atom, b: Atom) -> Agreement:
    if not _equal(a.new, b.new):
        return "other"
    if a.old and b.old and not _equal(a.old, b.old):
        return "other"
    return "other" if _direction(a) * _direction(b) < 0 else "same"


def _equal(a: Sequence[Quantity], b: Sequence[Quantity]) -> bool:
    # Whoever says more ("over 500 steps") does not contradict whoever says less.
    return bool(a) == bool(b) and all(x.equals(y) for x, y in zip(a, b, strict=False))


def _changes(atom: Atom) -> list[Quantity]:
    """The factor and the step of an atom, stated or from its old and new number."""
    if atom.change is not None:
        return [atom.change]
    if len(atom.new) == len(atom.old) == 1:
        old, new = atom.old[0], atom.new[0]
        steps = [Quantity(value=new.value - old.value, kind="delta")]
        if old.value:
            slack = max(old.slack / abs(old.value), new.slack / abs(old.value))
            factor = Quantity(value=new.value / old.value, kind="factor", slack=slack, suffix="?")
            steps.append(factor)
        return steps
    return []


def _direction(atom: Atom) -> int:
    if atom.old and atom.new:
        difference = atom.new[0].value - atom.old[0].value
        return (difference > 0) - (difference < 0)
    if atom.change is not None:
        neutral = 1.0 if atom.change.kind == "factor" else 0.0
        return (atom.change.value > neutral) - (atom.change.value < neutral)
    return atom.direction
