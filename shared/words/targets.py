"""The numbers of a hypothesis: what parameters take, and what they are scaled by."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from shared.words.atoms import Atom
from shared.words.hypotheses import ParsedHypothesis
from shared.words.numbers import Quantity, is_close


class Pool:
    """Numbers among which others are looked for, thousands of times for a claim.

    Args:
        quantities: as they were said.
        products: further plain values.
    """

    __slots__ = ("_other", "_plain", "_steps")

    def __init__(self, quantities: Iterable[Quantity], products: Iterable[float] = ()) -> None:
        self._steps: list[Quantity] = []
        self._other: list[Quantity] = []
        self._plain = list(products)
        for each in quantities:
            if each.kind == "delta":
                self._steps.append(each)
            elif each.suffix or each.slack:
                self._other.append(each)
            else:
                self._plain.append(each.value)
        self._plain.sort()

    def has(self, number: Quantity) -> bool:
        """Whether one of them can be the number."""
        # "3x" may set a ratio to 3 or scale it by 3: only a step is another thing.
        if number.kind == "delta":
            return any(number.reads_as(each) for each in self._steps)
        return self._has_plain(number) or any(number.reads_as(each) for each in self._other)

    def _has_plain(self, number: Quantity) -> bool:
        slack = number.slack if number.suffix else 0.0
        plain = self._plain
        for value in number.readings():
            # Those that are close to it stand beside its place in their order.
            place = bisect_left(plain, value)
            if place < len(plain) and is_close(value, plain[place], slack):
                return True
            if place and is_close(value, plain[place - 1], slack):
                return True
        return False


def unmet(numbers: Sequence[Quantity], pool: Pool) -> int:
    """How many of the numbers none of the pool can be."""
    return sum(not pool.has(number) for number in numbers)


@lru_cache(maxsize=256)
def said(parsed: ParsedHypothesis) -> Pool:
    """Every number said."""
    return Pool(parsed.quantities)


@lru_cache(maxsize=256)
def reachable(parsed: ParsedHypothesis) -> Pool:
    """Every number said, and every value scaled by every factor said."""
    values = [number.value for number in parsed.quantities if number.kind == "value"]
    factors = [number.value for number in parsed.quantities if number.kind == "factor"]
    if not (values and factors):
        return said(parsed)
    return Pool(parsed.quantities, [value * factor for value in values for factor in factors])


@lru_cache(maxsize=256)
def targets(parsed: ParsedHypothesis) -> tuple[Quantity, ...]:
    """The numbers that parameters take: as said, or the old number and what becomes of it."""
    return tuple(_each_target(parsed.atoms))


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


@lru_cache(maxsize=256)
def ratios(parsed: ParsedHypothesis) -> frozenset[float]:
    """By what each change scales: as said, or new by old."""
    found = set()
    for atom in parsed.atoms:
        if atom.change is not None and atom.change.kind == "factor":
            found.add(atom.change.value)
        found |= {
            new.value / old.value for new, old in zip(atom.new, atom.old, strict=False) if old.value
        }
    return frozenset(found)
