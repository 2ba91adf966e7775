"""The search space that a program's constants span.

Ranges are centred on the base, so that the space follows the best program: what is far away is
reached in several kept steps, and no single proposal is far from something that works.

| constant | its range |
| --- | --- |
| power of two named as a size (`_SIZE`, `_DIM`, `_CHANNELS`) | half and double |
| other positive integer | a quarter (at least 1) up and down |
| float named as a decay rate (`BETA`, `MOMENTUM`) | half to double as far from 1 |
| float named as a share (`..._RATIO`, `..._FRACTION`) | 0.2 up and down, within 0 to 1 |
| other positive float | half to double, on a log scale |
| text or bool with `# one of: A, B` beside it | those |
| anything else, or with `# fixed` beside it | left alone |

Integers decide about a model's size. A quarter more width is about half as many parameters again:
no single proposal outgrows the machine that runs the base.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from shared.constants import Constant, read_constants
from shared.folding import ConstantValue

Value = bool | int | float | str

_FIXED = re.compile(r"#.*\bfixed\b", re.IGNORECASE)
_ONE_OF = re.compile(r"#.*\bone of:?\s*([^;#]+)", re.IGNORECASE)
_SHARE = re.compile(r"_(RATIO|FRAC|FRACTION)$")
_SIZE = re.compile(r"_(SIZE|DIM|CHANNELS)$")
_DECAY = re.compile(r"BETA|MOMENTUM")

FLOAT_FACTOR = 2.0
INT_SHARE = 0.25
SHARE_REACH = 0.2


@dataclass(frozen=True, kw_only=True)
class Knob:
    """A constant that may be tuned: either ``choices``, or a range from ``low`` to ``high``."""

    name: str
    value: Value
    choices: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False


def search_space(source: str) -> dict[str, Knob]:
    """Return the knobs of a program, in the order of its text."""
    lines = re.split(r"\r\n|\r|\n", source)
    knobs = {}
    for constant in read_constants(source).values():
        comment = lines[constant.line - 1].partition(constant.text)[2]
        knob = None if _FIXED.search(comment) else _knob(constant, comment)
        if knob is not None:
            knobs[knob.name] = knob
    return knobs


def _knob(constant: Constant, comment: str) -> Knob | None:
    name, value = constant.name, constant.value
    if isinstance(value, bool | str):
        listed = _ONE_OF.search(comment)
        return _listed(name, value, listed[1]) if listed else None
    if isinstance(value, int) and value > 0:
        return Knob(name=name, value=value, choices=_integers(name, value))
    if isinstance(value, float) and math.isfinite(value) and value >= 0:
        return _float_knob(name, value)
    return None


def _listed(name: str, value: bool | str, words: str) -> Knob:
    if isinstance(value, bool):
        return Knob(name=name, value=value, choices=(False, True))
    return Knob(name=name, value=value, choices=tuple(dict.fromkeys([value, *_words(words)])))


def _integers(name: str, value: int) -> tuple[int, ...]:
    if _SIZE.search(name) and value > 1 and value & (value - 1) == 0:
        return (value // 2, value, value * 2)
    reach = max(1, round(value * INT_SHARE))
    step = max(1, reach // 2)
    return tuple(sorted({value, *range(max(1, value - reach), value + reach + 1, step)}))


def _float_knob(name: str, value: float) -> Knob | None:
    if _DECAY.search(name) and 0 < value < 1:
        distance = 1 - value
        low, high = max(0.0, 1 - FLOAT_FACTOR * distance), 1 - distance / FLOAT_FACTOR
        return Knob(name=name, value=value, low=low, high=high)
    if _SHARE.search(name) and value <= 1:
        low, high = max(0.0, value - SHARE_REACH), min(1.0, value + SHARE_REACH)
        return Knob(name=name, value=value, low=low, high=high)
    if value == 0:
        return None
    low, high = value / FLOAT_FACTOR, value * FLOAT_FACTOR
    return Knob(name=name, value=value, low=low, high=high, is_log=True)


def _words(text: str) -> Iterator[str]:
    for word in text.split(","):
        if stripped := word.strip().strip("\"'").strip():
            yield stripped


def written(knob: Knob, value: Value, old_text: str) -> Value:
    """Return a suggested value as a person would write it.

    Floats get two significant digits (of the distance to 1, where that is what counts); a power of
    two stays written as one.
    """
    if isinstance(knob.value, float):
        number = float(value)
        if _DECAY.search(knob.name):
            return round(1 - float(f"{1 - number:.1e}"), 12)
        return float(f"{number:.1e}")
    if isinstance(value, int) and not isinstance(value, bool) and "2**" in old_text:
        return f"2**{value.bit_length() - 1}" if value & (value - 1) == 0 else value
    return value


def is_within(knob: Knob, value: ConstantValue) -> bool:
    """Return whether a program's value lies in the knob's range."""
    if knob.choices:
        return any(value == choice and type(value) is type(choice) for choice in knob.choices)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and knob.low <= float(value) <= knob.high  # type: ignore[arg-type]
