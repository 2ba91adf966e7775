"""By how much something changes: `by 10%`, `by a third`, `by 1.5`, `by 2`."""

from shared.words.items import Item, is_part
from shared.words.numbers import Quantity
from shared.words.statements import Statement

_STEP = 0.15  # nobody lowers anything to less than this part of it


def is_ratio(statement: Statement) -> bool:
    """`3x instead of 4x`, but not `2x from 262144`."""
    assert statement.change is not None
    old = statement.old[0].value
    return old >= 1 and statement.change.value >= 1 and old <= 8 * statement.change.value


def step_by(item: Item, direction: int, *, scales: bool) -> Quantity:
    """`by 10%` and `by a third` are relative, `by 1.5` scales, `by 2` adds."""
    quantity = item.quantity
    assert quantity is not None
    if quantity.kind == "factor":
        return quantity
    sign = -1 if direction < 0 else 1
    is_share = is_part(item) and not (scales and not direction)  # not "scaled by one half"
    if quantity.suffix == "%" or is_share:
        return Quantity(value=1 + sign * quantity.value, kind="factor")
    is_small = quantity.value < (1 if direction > 0 else _STEP)  # "raised by 0.03"
    if direction and not scales and (quantity.value.is_integer() or is_small):
        return Quantity(value=sign * quantity.value, kind="delta")
    if direction < 0 and quantity.value > 1:
        return Quantity(value=1 / quantity.value, kind="factor")
    return Quantity(value=quantity.value, kind="factor")
