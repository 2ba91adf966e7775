"""The numbers of a hypothesis: what parameters take, and what they are scaled by."""

from collections.abc import Iterator, Sequence

from shared.words.atoms import Atom
from shared.words.hypotheses import ParsedHypothesis
from shared.words.numbers import Quantity


def unmet(numbers: Sequence[Quantity], others: Sequence[Quantity]) -> int:
    """How many of the numbers none of the others can be."""
    return sum(not _is_met(number, others) for number in numbers)


def _is_met(number: Quantity, others: Sequence[Quantity]) -> bool:
    # "3x" may set a ratio to 3 or scale it by 3: only a step is another thing.
    is_step = number.kind == "delta"
    for other in others:  # noqa: SIM110 - any() takes twice as long, and a claim asks thousands of times
        if (other.kind == "delta") is is_step and number.reads_as(other):
            return True
    return False


def targets(parsed: ParsedHypothesis) -> list[Quantity]:
    """The numbers that parameters take: as said, or the old number and what becomes of it."""
    return list(_each_target(parsed.atoms))


def _each_target(atoms: Sequence[Atom]) -> Iterator[Quantity]:
    for atom in atoms:
        yield from atom.new
        if atom.change is None:
            continue
        for start in (*atom.old, *atom.new):
            if atom.change.kind == "factor":
                yield Quantity(value=start.value * atom.change.value)
            elif atom.change.kind == "delta":
                yield Quantity(value=start.value + atom.change.value)


def reachable(parsed: ParsedHypothesis) -> list[Quantity]:
    """Every number said, and every value scaled by every factor said."""
    values = [number for number in parsed.quantities if number.kind == "value"]
    factors = [number for number in parsed.quantities if number.kind == "factor"]
    scaled = [Quantity(value=x.value * y.value) for x in values for y in factors]
    return [*parsed.quantities, *scaled]


def ratios(parsed: ParsedHypothesis) -> set[float]:
    """By what each change scales: as said, or new by old."""
    found = set()
    for atom in parsed.atoms:
        if atom.change is not None and atom.change.kind == "factor":
            found.add(atom.change.value)
        found |= {
            new.value / old.value for new, old in zip(atom.new, atom.old, strict=False) if old.value
        }
    return found
