"""From items to clauses: what a hypothesis states, without its reasons.

A hypothesis says what it changes and then, often at length, why. The why is full of numbers and
parameter names that are not changed, so it is cut off here. Each clause has a role:

| role | opened by |
| --- | --- |
| `main` | the beginning |
| `next` | a full stop, semicolon or dash |
| `after` | a colon, or "so" |
| `why` | "because", "to widen …", ", the optimizer normalises …" |
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from shared.words.items import ACTING, NAMING, WAYS, Item, Segment

Role = Literal["main", "next", "after", "why"]

_OLD_OR_NEW = frozenset({"arrow", "from", "instead", "to"})
_AMOUNTS = frozenset({"quantity", "sep", "fill"})
_MODALS = frozenset({"could", "should", "would", "may", "might", "can"})
_SUBJECTS = frozenset({"the", "it", "they", "we", "this", "our", "i"})


def _without_asides(items: Sequence[Item]) -> list[Item]:
    """Drops parentheses unless they state values: `(was 8)`, `(0.8, 0.95)`, `(8 -> 10)`."""
    kept: list[Item] = []
    position = 0
    while position < len(items):
        item = items[position]
        if item.kind == "open":
            end = next(
                (i for i in range(position, len(items)) if items[i].kind == "close"), len(items)
            )
            inner = _leading_amounts([i for i in items[position + 1 : end] if i.kind != "open"])
            if _states_values(inner, kept):
                kept.extend(item for item in inner if item.kind != "sep")
            position = end + 1
        else:
            if item.kind != "close":
                kept.append(item)
            position += 1
    return kept


def _leading_amounts(inner: list[Item]) -> list[Item]:
    """`(1e-4 * logsumexp²)` states 1e-4; what follows explains it."""
    if not inner or inner[0].kind != "quantity" or any(i.kind in _OLD_OR_NEW for i in inner):
        return inner
    end = next((i for i, item in enumerate(inner) if item.kind not in _AMOUNTS), len(inner))
    return inner[:end]


def _states_values(inner: list[Item], before: list[Item]) -> bool:
    if not inner:
        return False
    clause: list[Item] = []
    for item in reversed(before):
        is_part = item.kind == "sep" and any(other.kind in NAMING for other in clause)
        if item.kind in {"stop", "colon"} or is_part:
            break
        clause.append(item)
    kinds = [item.kind for item in inner]  # "in half (2**19 to 2**18)"
    is_step = kinds == ["quantity", "to", "quantity"] or "arrow" in kinds
    if inner[0].kind in {"from", "instead"} or is_step:
        # One step is enough: the second is what was tried before.
        return not (is_step and any(item.kind == "arrow" for item in clause))
    if inner[0].kind == "quantity":
        return (
            not any(i.kind in {"quantity", "factor"} for i in clause)
            or (clause[0].kind in {"arrow", "equal", "to", "from"})
        ) and not any(item.kind == "unknown" for item in inner)
    amount = next((i for i, item in enumerate(inner[:3]) if item.kind == "quantity"), None)
    if amount is not None and all(
        item.kind in {"fill", "equal", "unknown", "to", "decay"} for item in inner[:amount]
    ):
        return not any(i.kind in {"quantity", "factor"} for i in clause)
    if inner[0].kind == "value" and len(inner) == 1:
        return not any(item.kind == "value" for item in clause)
    return not any(item.kind in NAMING for item in clause) and inner[0].kind in NAMING


def clauses_of(items: Sequence[Item]) -> Iterator[tuple[Role, list[Item]]]:
    """The clauses of a hypothesis with their roles, in order."""
    role: Role = "main"
    clause: list[Item] = []
    kept = _without_asides(items)
    for position, item in enumerate(kept):
        new_role = _role_after(item, kept[position + 1 : position + 3], role, clause)
        if new_role is None:
            clause.append(item)
            continue
        if clause:
            yield role, clause
        role, clause = new_role, []
        if item.kind in NAMING | ACTING:
            clause.append(item)
    if clause:
        yield role, clause


def _role_after(item: Item, rest: list[Item], role: Role, clause: list[Item]) -> Role | None:
    """The role of the clause that `item` opens before the `rest`, `None` when it opens none."""
    following = rest[0] if rest else None
    if item.kind == "stop":
        return "next"
    if item.kind == "why":
        is_statement = following is not None and following.text == "be"  # "should be 0.98"
        is_idle = item.text in _MODALS and (is_statement or not Segment(clause).is_complete)
        return None if is_idle else "why"  # "one could raise …"
    if item.text == "so":
        return "after"
    if item.kind == "colon":
        return None if _is_heading(clause, rest) else "after"
    if item.kind == "sep":
        return _role_after_separator(item, following, role, clause)
    return "why" if _gives_reason(item, following, clause) else None


def _is_heading(clause: list[Item], rest: list[Item]) -> bool:
    """`EMBEDDING_LR: 0.6 -> 0.8` goes on after its colon; not `deeper: 12 layers`."""
    segment = Segment(clause)
    states_value = bool(rest) and rest[0].kind == "quantity"
    states_value = states_value and not segment.has({"arrow"})  # "15 -> 20: 953 steps are few"
    if segment.has({"headup", "headdown"}) and len(rest) > 1 and rest[1].kind == "head":
        states_value = False
    only_names = not segment.has(ACTING | WAYS | {"quantity", "unknown"})
    return segment.has(NAMING | {"mod"}) and (states_value or only_names)


def _role_after_separator(
    item: Item, following: Item | None, role: Role, clause: list[Item]
) -> Role | None:
    if role == "why" and item.text == "+":
        return "main"
    if role == "why" and item.text == ",":
        return "main" if following and following.kind in ACTING | {"unknown"} else "after"
    has_subject = item.text == "," and following is not None and following.text in _SUBJECTS
    return "why" if has_subject and Segment(clause).is_complete else None


def _gives_reason(item: Item, following: Item | None, clause: list[Item]) -> bool:
    if item.kind == "unknown":  # ", letting the tail …"
        return item.text.endswith("ing") and bool(clause) and clause[-1].text == ","
    if item.text != "to" or following is None or following.kind not in ACTING | {"unknown"}:
        return False
    return Segment(clause).is_complete  # "… to widen the averaging window"
