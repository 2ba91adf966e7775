"""From clauses to segments: the parts of a hypothesis that each state one change."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from shared.words.clauses import clauses_of
from shared.words.items import ACTING, NAMING, Item, Segment, follows_preposition

_DOING = (ACTING - {"decay"}) | {"quantity", "value"}
_DEEDS = frozenset({"tie", "clip", "share", "freeze", "shuffle", "compile", "pack", "mask"})
_PRONOUNS = frozenset({"it", "them", "this", "that", "those", "these"})
_MOVES = frozenset({"change", "changing", "move", "moving", "go", "going"})
_OPEN_ENDS = frozenset({"instead", "arrow", "to", "by"})


def segments_of(items: Sequence[Item]) -> list[Segment]:
    """The changes that a hypothesis states, without its reasons."""
    segments: list[Segment] = []
    clauses = list(clauses_of(items))
    states = any(
        Segment(clause).is_complete or (role != "main" and _is_imperative(clause))
        for role, clause in clauses
        if role != "why"
    )
    if not states:
        # a statement dressed as a reason: "the LR should end at …"
        clauses = [("main", [item for _, clause in clauses for item in clause])]
    for role, clause in clauses:
        states_number = Segment(clause).has({"quantity"}) and Segment(clause).has(NAMING)
        is_said = any(part.is_exact for part in segments) and not (
            states_number and not any(part.has({"quantity", "factor"}) for part in segments)
        )
        if role == "why" or (role == "after" and is_said):
            continue
        if role != "main" and any(s.is_complete for s in segments) and not _is_imperative(clause):
            continue
        says_it = any(item.text in _PRONOUNS for item in clause)
        if (
            role == "after" and not says_it and Segment(clause).has(NAMING | {"mod", "unknown"})
        ):  # what is named before a colon is a heading, if nothing is done to it
            headings = [part for part in segments if not _does(part)]
            segments = [part for part in segments if _does(part)]
            if any(i.kind == "head" and i.name != "lr" for i in clause) and _sets(clause):
                segments = [part for part in segments if not part.is_vague]  # "deeper: DEPTH = 10"
            heading = [i for part in headings for i in part.items if i.kind == "unknown"]
            clause = [*heading, *clause]  # noqa: PLW2901 - its own words still count
        for part in _shared(list(_split(_exchanged(clause)))):
            _append(segments, part)
    return _without_intro(segments)


def _shared(parts: list[Segment]) -> list[Segment]:
    """`EMBEDDING_LR and MATRIX_LR both x1.2`: what is only named takes what the next one takes."""
    for part, following in reversed(list(pairwise(parts))):
        heads = [
            {item.name for item in each.items if item.kind == "head"} for each in (part, following)
        ]
        is_named = {item.kind for item in part.items} <= {"head", "mod", "fill"}
        is_shared = heads[0] == heads[1] and len(heads[0]) == 1 and part.has({"mod"})
        if is_named and is_shared and following.items[-1].kind in {"quantity", "factor"}:
            last = max(i for i, item in enumerate(following.items) if item.kind in {"head", "mod"})
            part.items.extend(following.items[last + 1 :])
    return parts


def _append(segments: list[Segment], part: Segment) -> None:
    """Adds a part as a segment of its own, unless it goes on with the one before."""
    if segments and part.has({"off", "quantity"}) and not part.has(NAMING | {"mod"}):
        segments[-1].items.extend(part.items)  # "… Remove it."
    elif segments and _is_of_another_group(part, segments[-1]):
        heads = [item for item in segments[-1].items if item.kind == "head"]
        segments.append(Segment([*heads, *part.items]))
    elif part.items:
        segments.append(part)


def _is_of_another_group(part: Segment, before: Segment) -> bool:
    """`wte init std 0.5; lm_head zeros`: the second number is of the same parameter elsewhere."""
    is_number = {item.kind for item in part.items if item.kind != "fill"} == {"mod", "quantity"}
    heads = {item.name for item in before.items if item.kind == "head"}
    return is_number and len(heads) == 1 and before.has({"mod"}) and before.has({"quantity"})


def _sets(clause: list[Item]) -> bool:
    return Segment(clause).has({"quantity", "value"})


def _does(part: Segment) -> bool:
    """Whether something is done in it: `raise …`, `tie …`, but not `weight decay:`."""
    first = next((item for item in part.items if item.kind != "fill"), None)
    return part.has(_DOING) or (first is not None and first.text in _DEEDS)


def _without_intro(segments: list[Segment]) -> list[Segment]:
    """Drops what stands before the first change and names nothing: `My guess is that …`."""
    if any(part.has(NAMING) for part in segments):
        while not segments[0].has(NAMING | ACTING | {"mod", "quantity"}):
            del segments[0]
    return [part for part in segments if part.has(NAMING | {"mod", "unknown"})]


def _is_imperative(clause: list[Item]) -> bool:
    """Whether a later sentence states another change: it starts with what is done, or is a note."""
    content = [item for item in clause if item.kind not in {"fill", "sep"}]
    if not content:
        return False
    if any(item.text in _PRONOUNS for item in clause) and not Segment(content).has(NAMING):
        return Segment(content).has(ACTING | {"quantity"})  # "… turn it off"
    if content[0].kind in ACTING and {item.kind for item in content[1:]} - {"to"} == {"quantity"}:
        return True  # "… is too low. Use 0.8.", "… is 0.5 now; lengthen to 0.75"
    if content[0].kind in ACTING or content[0].kind == "quantity":
        return Segment(content).is_complete
    return content[0].kind in NAMING | {"mod"} and not any(i.kind == "unknown" for i in content)


def _exchanged(clause: list[Item]) -> list[Item]:
    """`replace the softcap by a z-loss of 1e-4` removes one parameter and sets another."""
    spoken = [item for item in clause if item.kind != "fill"]
    if not spoken or spoken[0].kind != "replace" or spoken[0].text in _MOVES:
        return clause
    first = next((i for i, item in enumerate(clause) if item.kind == "head"), len(clause))
    joint = next(
        (i for i, item in enumerate(clause) if i > first and item.text in {"by", "with", "for"}),
        len(clause),
    )
    taken, put = clause[:joint], clause[joint + 1 :]
    heads = [{item.name for item in side if item.kind == "head"} for side in (taken, put)]
    is_plain = not Segment(taken).has({"unknown", "arrow", "to", "sep"})
    if not (is_plain and all(len(names) == 1 for names in heads) and heads[0] != heads[1]):
        return clause
    rest = [item for item in taken if item.kind != "replace"]
    sets = [] if _sets(put) else [Item("on", "", "add")]
    return [Item("off", "", "remove"), *rest, Item("sep", "", ","), *sets, *put]


def _split(clause: list[Item]) -> Iterator[Segment]:
    """Cuts a clause where a new parameter begins: `depth 10, width 512 and no dropout`."""
    current = Segment()
    for joint, content in _parts(clause):
        if _says_where_not(content, current):
            continue
        if joint == "with" and not current.has(NAMING | {"mod"}) and not _only_details(content):
            current = Segment()  # "reduce overfitting with …"
        added = content
        if current.items and not _joins(current, joint, content):
            yield current
            added = _inherited(current, content)
            current = Segment()
        for item in added:
            if _starts_another(current, item):
                parts = _parts_at_end(current)
                yield current
                current = Segment(parts)
            current.items.append(item)
    yield current


def _parts(clause: list[Item]) -> Iterator[tuple[str, list[Item]]]:
    """The items between separators, each with the separator before them."""
    joint, content = "", list[Item]()
    for item in clause:
        if item.kind == "sep":
            yield joint, content
            joint, content = item.text, []
        else:
            content.append(item)
    yield joint, content


def _joins(current: Segment, joint: str, content: list[Item]) -> bool:
    """Whether a part belongs to the segment before it."""
    if _is_contrast(content, current):  # "use Lion, not Adam"
        content[0] = Item("instead", "", "not")
        return True
    heads = {item.name for item in current.items if item.kind in NAMING}
    is_init = heads == {"init"}  # "initialise with a normal"
    if joint == "with" and (is_init or _only_details(content)):  # "EMA with beta 0.998"
        return True
    if _states_another(current, content):
        return False
    has_unknown = any(item.kind == "unknown" for item in content)
    if current.is_complete and (is_unread_change(content) or (joint == "+" and has_unknown)):
        return False
    if not Segment(content).has(NAMING) or not current.has(NAMING):
        return True
    return _continues(current, joint)


def _is_stated(current: Segment) -> bool:
    return current.has({"mod"} | NAMING) and current.has({"quantity", "factor"})


def _states_another(current: Segment, content: list[Item]) -> bool:
    """Whether a part that may not say what it does is a change of its own."""
    if current.is_exact and _resizes_mlp(content):
        return True  # "GELU, and widen the MLP from 4x to 5x"
    if not (_is_stated(current) or current.has({"off"})):
        return False
    if _is_of_another_part(content, current):
        return True
    spoken = {item.kind for item in content if item.kind != "fill"}
    is_ratio = spoken == {"quantity", "mod"} and "mlp" in {item.name for item in content}
    if is_ratio and current.is_complete:
        return True  # "2 KV heads, 5x MLP"
    return not current.has(NAMING) and Segment(content).is_complete  # "MLP 4x, depth 10"


def _resizes_mlp(content: list[Item]) -> bool:
    says_size = Segment(content).has({"quantity"}) and Segment(content).has({"up", "down"})
    return says_size and any(item.name == "mlp" for item in content)


def _is_of_another_part(content: list[Item], current: Segment) -> bool:
    """`weight decay 0.3 on attention, 0.1 on the MLP`: the second number is of the second part."""
    first = next((item for item in content if item.kind != "fill"), None)
    if (
        first is None
        or first.kind != "quantity"
        or Segment(content).has(NAMING | (ACTING - {"on"}))
    ):
        return False
    says_parts = Segment(content).has({"mod"}) and current.has({"mod"})
    return says_parts and current.has({"head"}) and current.has({"quantity"})


def _says_where_not(content: list[Item], current: Segment) -> bool:
    """`dropout 0.1 on the MLP, none on attention`: the second half changes nothing."""
    spoken = [item for item in content if item.kind not in {"fill", "to", "on"}]
    if len(spoken) < 2 or spoken[0].kind != "off" or spoken[0].text not in {"none", "no", "not"}:
        return False
    is_place = all(item.kind == "mod" for item in spoken[1:])
    return is_place and current.has({"head"}) and current.has({"mod"})


def _is_contrast(content: list[Item], current: Segment) -> bool:
    is_not = len(content) > 1 and content[0].text == "not"
    return is_not and content[1].kind == "value" and current.has({"value"})


def _only_details(content: list[Item]) -> bool:
    """Whether what is named can only belong to what was named before."""
    named = {item.name for item in content if item.kind in NAMING}
    return bool(named) and named <= {"betas", "eps"}


def is_unread_change(content: list[Item]) -> bool:
    """Whether a part does something to something that the vocabulary does not know."""
    first = next((item for item in content if item.kind not in {"fill", "mod"}), None)
    acts = first is not None and first.kind in {"up", "down", "on", "off", "replace", "more"}
    return acts and any(item.kind == "unknown" for item in content)


def _continues(current: Segment, joint: str) -> bool:
    """`replace X with Y`: the second half is still to come."""
    kinds = {item.kind for item in current.items}
    is_half_said = "replace" in kinds and not kinds & _OPEN_ENDS
    return (is_half_said and joint == "with") or current.items[-1].kind in _OPEN_ENDS


def _starts_another(current: Segment, item: Item) -> bool:
    """`depth 10 aspect ratio 48` without a comma between them."""
    if item.text in {"no", "without"} and current.has({"quantity", "value"}):
        return current.has(NAMING)
    if item.kind != "head" or not current.has({"head"}) or follows_preposition(current.items):
        return False
    last_head = max(i for i, other in enumerate(current.items) if other.kind == "head")
    return any(other.kind == "quantity" for other in current.items[last_head + 1 :])


def _parts_at_end(current: Segment) -> list[Item]:
    """Takes the parts that belong to what comes next: `EMBEDDING_LR=0.5 MATRIX_LR=0.045`."""
    parts: list[Item] = []
    while len(current.items) > 1 and current.items[-1].kind == "mod":
        if current.items[-2].kind not in {"mod", "quantity"}:
            break  # "0.1 on the MLP warmup 0.05"
        parts.insert(0, current.items.pop())
    return parts


def _inherited(previous: Segment, content: list[Item]) -> list[Item]:
    """`double LR and depth`: the second parameter takes the verb of the first."""
    if _is_of_another_part(content, previous):
        return [*(item for item in previous.items if item.kind == "head"), *content]
    first = next((item for item in previous.items if item.kind != "fill"), None)
    is_step = {item.kind for item in content} >= {"by", "quantity"}
    if is_step and not Segment(content).has(ACTING) and first and first.kind in {"up", "down"}:
        return [first, *content]  # "cut both the Muon and the embedding LR by 30%"
    if Segment(content).has(ACTING | {"quantity", "value", "arrow"}):
        return content
    if first is not None and first.kind in {"up", "down", "on", "off", "factor"}:
        return content if previous.has({"by"}) else [first, *content]
    return content
