"""Whether two atoms of one family say the same."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from shared.words.atoms import Atom
from shared.words.likeness import is_inverse
from shared.words.numbers import Quantity

Agreement = Literal["same", "other", "unclear"]

_ROUNDED = 0.002  # 0.04 times the root of two is written 0.0566


def compare(a: Atom, b: Atom) -> Agreement:
    """Whether two atoms of one family say the same."""
    if a.parameter != b.parameter and not (a.value or b.value):
        return _compare_related(a, b)
    if a.value or b.value or a.old_value or b.old_value:
        return _compare_values(a, b)
    if a.new and b.new:
        return _compare_numbers(a, b)
    return "same" if _lands_on_the_same(a, b) else _compare_steps(a, b)


def landing(atom: Atom) -> Quantity | None:
    """The number that the parameter takes, said or from what it starts at."""
    if atom.new:
        return atom.new[0] if len(atom.new) == 1 else None
    if atom.change is None or len(atom.old) > 1:
        return None
    start = atom.old[0] if atom.old else atom.start
    if start is None:
        return None
    is_factor = atom.change.kind == "factor"
    step = atom.change.value
    return Quantity(value=start.value * step if is_factor else start.value + step)


def _lands_on_the_same(a: Atom, b: Atom) -> bool:
    one, other = landing(a), landing(b)
    if one is None or other is None:
        return False
    is_near = abs(one.value - other.value) <= _ROUNDED * max(abs(one.value), abs(other.value))
    return is_near or one.reads_as(other)


def lands_elsewhere(a: Atom, b: Atom) -> bool:
    """Whether it is known which number each of them comes to, and it is not the same."""
    one, other = landing(a), landing(b)
    return None not in (one, other) and compare(a, b) == "other" and not _lands_on_the_same(a, b)


def leaves_for_another(a: Atom, b: Atom) -> bool:
    """Whether both say from which numbers to which, and end at others."""
    if not (a.old and b.old and a.new and b.new and len(a.new) == len(b.new)):
        return False
    return len(a.old) == len(b.old) and not _equal(a.new, b.new)


def _compare_related(a: Atom, b: Atom) -> Agreement:
    """Of two names of one thing: the same numbers, or the same ratio of new to old."""
    if a.new and b.new and _equal(a.new, b.new):
        return _compare_numbers(a, b)
    for x in _changes(a):
        for y in _changes(b):
            turned = replace(y, value=1 / y.value) if is_inverse(a, b) and y.value else y
            if x.kind == turned.kind == "factor" and x.equals(turned):
                return "same"
    if _changes(a) and _changes(b):
        return "other"
    return "other" if a.new or b.new else _compare_vague(a, b)


def _compare_steps(a: Atom, b: Atom) -> Agreement:
    steps_a, steps_b = _changes(a), _changes(b)
    if steps_a and steps_b:
        return "same" if any(x.equals(y) for x in steps_a for y in steps_b) else "other"
    if direction_of(a) * direction_of(b) < 0:
        return "other"
    return _compare_vague(a, b) if a.is_vague and b.is_vague else "unclear"


def _compare_vague(a: Atom, b: Atom) -> Agreement:
    if a.direction or b.direction:
        return "same" if a.direction == b.direction else "unclear"
    return "same" if (a.state or "on") == (b.state or "on") else "other"


def _compare_values(a: Atom, b: Atom) -> Agreement:
    is_shape = "scheduled" in a.scope and not (a.value and b.value)  # "decays" names no shape
    if is_shape and "constant" in {a.value, b.value}:
        return "other"
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
    if direction_of(a) * direction_of(b) < 0:
        return "other"
    # Whoever says more ("over 500 steps") does not contradict whoever says less.
    return "same" if len(a.new) == len(b.new) else "unclear"


def _equal(a: Sequence[Quantity], b: Sequence[Quantity]) -> bool:
    return bool(a) == bool(b) and all(x.equals(y) for x, y in zip(a, b, strict=False))


def _changes(atom: Atom) -> list[Quantity]:
    """The factor and the step of an atom, stated or from its old and new number."""
    if atom.change is not None:
        return [atom.change]
    start = atom.old[0] if len(atom.old) == 1 else atom.start
    if len(atom.new) == 1 and start is not None and len(atom.old) <= 1:
        old, new = start, atom.new[0]
        steps = [Quantity(value=new.value - old.value, kind="delta")]
        if old.value:
            slack = max(old.slack / abs(old.value), new.slack / abs(old.value))
            factor = Quantity(value=new.value / old.value, kind="factor", slack=slack, suffix="?")
            steps.append(factor)
        return steps
    return []


def direction_of(atom: Atom) -> int:
    """Up (1), down (-1) or unsaid (0)."""
    start = atom.old[0] if atom.old else atom.start
    if start is not None and atom.new:
        difference = atom.new[0].value - start.value
        return (difference > 0) - (difference < 0)
    if atom.change is not None:
        neutral = 1.0 if atom.change.kind == "factor" else 0.0
        return (atom.change.value > neutral) - (atom.change.value < neutral)
    return atom.direction
