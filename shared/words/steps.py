"""By how much something changes (`by 10%`, `by a third`, `by 1.5`, `by 2`), and to what."""

from shared.words.items import Item, is_part
from shared.words.numbers import Quantity
from shared.words.statements import Statement

_FRACTIONS = frozenset({"final_lr", "warmdown", "warmup", "dropout", "stochastic_depth"})
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


def target_of(item: Item, statement: Statement, *, is_last: bool, is_of_whole: bool) -> Quantity:
    """What `to …` says: a number to take, or a factor.

    Args:
        item: the number.
        statement: what was said before it.
        is_last: nothing comes after it.
        is_of_whole: the old number is a share of one thing, and so is this.
    """
    assert item.quantity is not None
    value, old = item.quantity.value, statement.old
    if old and old[0].value >= 1 and is_last and (item.text.startswith("x") or item.text == "half"):
        return Quantity(value=old[0].value * value)  # "128 -> x2", "15 -> half"
    is_size = bool({"mlp", "mlp_ratio"} & {*statement.heads, *statement.mods})
    is_times = item.text.endswith("times") and not (old or is_size)  # "to 1.5 times its default"
    is_less = not old or (len(old) == 1 and old[0].value < value)
    is_share = is_part(item) and is_last and is_less and not is_of_whole
    # "reduced to a third", "from 0.2 to a third"; but a final LR of a tenth is one of 0.1
    if is_times or (is_share and not _FRACTIONS & set(statement.heads[-1:])):
        return Quantity(value=value, kind="factor")
    return item.quantity.as_value()
