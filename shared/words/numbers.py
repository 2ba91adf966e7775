"""Numbers as researchers write them: `2**18`, `262K`, `4e-2`, `5%`, `1/8`, `x0.8`, `a third`."""

import math
import re
import sys
from dataclasses import dataclass, replace
from typing import Literal

_SCALES = {"k": (1e3, 2.0**10), "m": (1e6, 2.0**20), "b": (1e9, 2.0**30), "g": (1e9, 2.0**30)}
_RELATIVE = 1e-6  # 0.1 + 0.2 is 0.3
_CUT = 0.6  # of the last digit: 65K is 65,536 cut off, 66K is 65,536 rounded
_PERIODIC = 0.005  # 8/3 is written 2.67
_LARGEST = sys.float_info.max
_ROUNDING = 0.01  # 65K may stand for 65,536, but no suffix hides more than one percent

WORDS = {
    "zero": 0.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0,
    "seven": 7.0, "eight": 8.0, "nine": 9.0, "ten": 10.0, "eleven": 11.0, "twelve": 12.0,
    "fifteen": 15.0, "forty": 40.0, "sixty": 60.0, "seventy": 70.0, "eighty": 80.0,
    "ninety": 90.0, "twentyfour": 24.0,
    "sixteen": 16.0, "twenty": 20.0, "thirty": 30.0, "fifty": 50.0,
}  # fmt: skip
TENS = frozenset({"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"})
SCALE_WORDS = {"hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9}
PARTS = {
    "half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "fifth": 1 / 5, "sixth": 1 / 6,
    "eighth": 1 / 8, "sixteenth": 1 / 16, "tenth": 1 / 10, "twentieth": 1 / 20,
    "twelfth": 1 / 12, "fiftieth": 1 / 50, "hundredth": 1 / 100, "thousandth": 1 / 1000,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A number and what it does: a `value` to take, a `factor` to scale by, a `delta` to add.

    `suffix` is how it was scaled (`k m b g %`), because `512K` may mean 512,000 or 524,288, or `s`
    for seconds.
    `slack` is what the rounding of a suffixed number may hide.
    Neither is ever infinite: what was read is stored as JSON, which has no such number.
    """

    value: float
    kind: Literal["value", "factor", "delta"] = "value"
    suffix: str = ""
    slack: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and math.isfinite(self.slack)):
            object.__setattr__(self, "value", _finite(self.value))
            object.__setattr__(self, "slack", _finite(self.slack))

    def equals(self, other: "Quantity") -> bool:
        """Whether both may be the same number; numbers with the same suffix compare exactly."""
        return self.kind == other.kind and self.reads_as(other)

    def reads_as(self, other: "Quantity") -> bool:
        """Whether both may be the same number, whatever they do with it."""
        if self.suffix == other.suffix or self.value == other.value:
            return is_close(self.value, other.value, 0.0)
        slack = max(self.slack, other.slack)
        return any(is_close(a, b, slack) for a in self.readings() for b in other.readings())

    def as_value(self) -> "Quantity":
        """The same number as a plain value: `from 4x to 5x` sets, it does not scale."""
        return replace(self, kind="value")

    def as_plain(self) -> "Quantity":
        """The same number as a plain value, however it was written."""
        return replace(self, kind="value", suffix="")

    def readings(self) -> tuple[float, ...]:
        """What the number may stand for: `512K` is 512,000 or 524,288."""
        if self.suffix in _SCALES:
            decimal, binary = _SCALES[self.suffix]
            return self.value, self.value / decimal * binary
        return (self.value,)


def _finite(number: float) -> float:
    """The number, or the largest of its sign."""
    return number if math.isfinite(number) else math.copysign(_LARGEST, number)


def is_close(a: float, b: float, slack: float) -> bool:
    """Whether two numbers are one but for ``slack`` and what a computer rounds."""
    if a == b:
        return True
    gap = abs(a - b)
    may_be = gap <= slack or gap <= _RELATIVE * abs(a) or gap <= _RELATIVE * abs(b)
    return may_be and gap < math.inf


NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?"
QUANTITY = re.compile(
    rf"""
      (?P<base>\d{{1,9}})\s*(?P<op>\*\*|\^|<<)\s*(?P<exp>\d{{1,3}})(?!\d|\.\d)
    | (?P<share>(?:\bx\s?|\*=?\s*)(?=\d+\s*/))?
      (?P<top>\d+(?:\.\d+)?)\s*/\s*(?P<bottom>\d+)(?![\d]|\.\d|[a-wyz])
    | (?P<times>(?:\bx\s?|\btimes\s|\*=?\s*)(?=\d|\.\d))?(?P<divide>/=?\s*(?=\d))?
      (?P<sign>(?<![\w.)])[+-])?(?P<number>{NUMBER})
      (?:\s?(?P<percent>%|percent\b|pct\b)
       |(?P<scale>\s?[kmbg](?![a-z0-9]))
       |(?P<seconds>\s?(?:s|secs?|seconds?)(?![\w-])(?!\s(?:layer|window|block|head)))
       |(?P<fold>\s?x(?![a-z0-9])|\s?times\b|\s?fold\b))?
    """,
    re.VERBOSE,
)


def read_quantity(match: re.Match[str]) -> Quantity:
    """The quantity that `QUANTITY` matched."""
    if match["base"]:
        return _power(int(match["base"]), match["op"], int(match["exp"]))
    if match["top"]:
        return _fraction(float(match["top"]), float(match["bottom"]) or 1.0, match["share"])
    value = float(match["number"].replace(",", ""))
    sign = -1.0 if match["sign"] == "-" else 1.0
    if match["times"] or match["fold"] or match["divide"]:
        return Quantity(value=1 / (value or 1.0) if match["divide"] else value, kind="factor")
    if match["percent"]:
        return _percent(value, match["sign"])
    if match["scale"]:
        return _scaled(match, value)
    return Quantity(value=sign * value, suffix="s" if match["seconds"] else "")


def _fraction(top: float, bottom: float, share: str | None) -> Quantity:
    ratio = top / bottom
    if share:
        return Quantity(value=ratio, kind="factor")
    is_periodic = not math.isclose(ratio * 1000, round(_finite(ratio * 1000)))
    return Quantity(value=ratio, suffix="/", slack=_PERIODIC if is_periodic else 0.0)


def _percent(value: float, sign: str | None) -> Quantity:
    """`+5%` changes by a factor, `5%` is 0.05."""
    if sign:
        return Quantity(value=1 + float(f"{sign}1") * value / 100, kind="factor")
    return Quantity(value=value / 100, suffix="%")


def _power(base: int, operation: str, exponent: int) -> Quantity:
    power = base << exponent if operation == "<<" else base**exponent  # of 30,000 bits at most
    return Quantity(value=float(min(power, int(_LARGEST))))


def _scaled(match: re.Match[str], value: float) -> Quantity:
    suffix = match["scale"].strip()
    scale = _SCALES[suffix][0]
    decimals = len(match["number"].partition(".")[2])
    slack = min(_CUT * scale / 10 ** min(decimals, 300), _ROUNDING * value * scale)
    return Quantity(value=value * scale, suffix=suffix, slack=slack)
