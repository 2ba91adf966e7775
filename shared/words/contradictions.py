"""What nothing else can outweigh: two hypotheses that say different things of one parameter."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import combinations

from shared.words.comparing import lands_elsewhere, leaves_for_another
from shared.words.evidence import agreement, agrees, is_exact, is_read, is_swapped, sets_more
from shared.words.hypotheses import ParsedHypothesis
from shared.words.likeness import are_siblings, contradiction, may_be_one, parts_apart
from shared.words.moulds import other_numbers
from shared.words.order import is_reversed

_ALL = re.compile(r"\b(?:all|every|each) (?:the )?(?:four |three )?(?:learning|lr)")
_GROUP = re.compile(r"\b(unembedding|embedding|matrix|muon|scalar|lm_head|wte)")
TEST_TIME = "test_time"


def contradiction_between(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """In what they contradict each other, or ""."""
    return next((said for find in _FINDERS if (said := find(a, b))), "")


def contradiction_of_texts(a: str, b: str) -> str:
    """In what the texts do, or "": for two that are alike, because it takes longest to find."""
    if is_reversed(a, b):
        return "what comes first in one comes last in the other"
    numbers = other_numbers(a, b)  # whatever was read of them
    return f"the same words, {numbers}" if numbers else ""


def _one_more(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    return "one adds something more, in unknown words" if a.additions != b.additions else ""


def _one_of_two(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """All is read, and one makes each change of the other and sets another parameter."""
    if len(a.atoms) == len(b.atoms) or not (is_exact(a) and is_exact(b)):
        return ""
    agreeing, _, _ = agreement(a, b)
    is_part = agreeing == min(len(a.atoms), len(b.atoms)) > 0 and sets_more(a, b)
    return "one changes something more" if is_part else ""


def _test_time(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    is_of_one = (TEST_TIME in a.words) != (TEST_TIME in b.words)
    return "only one is about test-time training" if is_of_one else ""


def _other_places(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """The same words in other parts, unless all that they say is read and agrees."""
    if not (len(a.parts) == len(b.parts) > 1 and is_swapped(a, b)):
        return ""
    is_same = agrees(a, b) and not any(atom.is_vague for atom in a.atoms)
    return "" if is_same else "the same words in each other's places"


def _other_bindings(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """The same numbers for each other's things: `attn 0.045, mlp 0.035`, `0.045 for mlp, ...`."""
    mine, others = _bound(a), _bound(b)
    for one, other in combinations(sorted(mine.keys() & others.keys()), 2):
        is_crossed = mine[one] & others[other] and mine[other] & others[one]
        if is_crossed and not (mine[one] & others[one] or mine[other] & others[other]):
            return f"{one} and {other} are for each other's parts"
    return ""


@lru_cache(maxsize=256)
def _bound(parsed: ParsedHypothesis) -> dict[str, frozenset[str]]:
    """The words beside each number that stands alone in its part of the text."""
    found: dict[str, frozenset[str]] = {}
    for part in parsed.parts:
        numbers = [word for word in part if word[0].isdigit()]
        if len(numbers) == 1:
            found[numbers[0]] = frozenset(part) - {numbers[0]}
    return found


def _other_part(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """Both change one and the same parameter, each of another part."""
    if len(a.atoms) != 1 or len(b.atoms) != 1 or a.atoms[0].parameter != b.atoms[0].parameter:
        return ""
    one, other = a.atoms[0], b.atoms[0]
    return contradiction(one.scope, other.scope) or parts_apart(one, other)


def _sibling(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """Each changes one parameter, of two that are easily taken for each other."""
    if len(a.atoms) != 1 or len(b.atoms) != 1 or not are_siblings(a.atoms[0], b.atoms[0]):
        return ""
    return f"{a.atoms[0].parameter} against {b.atoms[0].parameter}"


def _all_or_some(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """`All learning rates x0.8` is more than that of one group."""
    for one, other in ((a, b), (b, a)):
        are_single = len(one.atoms) == len(other.atoms) == 1
        if are_single and one.atoms[0].parameter == other.atoms[0].parameter == "lr":
            is_all = _ALL.search(one.text) is not None and not one.atoms[0].scope
            if is_all and len(set(_GROUP.findall(other.text))) == 1:
                return "all learning rates against some"
    return ""


def _other_order(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """The same numbers in another order: first 512 and then 2048, or the other way round."""
    for atom in a.atoms:
        for other in b.atoms:
            if may_be_one(atom, other) and len(atom.new) == len(other.new) > 1:
                values = [[number.value for number in each.new] for each in (atom, other)]
                if values[0] != values[1] and sorted(values[0]) == sorted(values[1]):
                    return f"{atom.parameter} takes the same numbers in another order"
    return ""


def _other_step(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """All is read, and each says of one parameter by how much it changes, and not the same."""
    if not (is_read(a) and is_read(b) and len(a.atoms) == len(b.atoms) == 1):
        return ""
    one, other = a.atoms[0], b.atoms[0]
    if (one.parameter, one.scope) != (other.parameter, other.scope):
        return ""
    if one.change is None or other.change is None or one.change.kind != other.change.kind:
        return ""
    is_same = one.change.equals(other.change)
    return "" if is_same else f"{one.parameter} changes by another {one.change.kind}"


def _other_landing(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """A parameter of which each speaks once, and which is known to come to another number."""
    if not (is_read(a) and is_read(b)):
        return ""
    for atom in a.atoms:
        partners = [each for each in b.atoms if may_be_one(atom, each)]
        rivals = [each for other in partners for each in a.atoms if may_be_one(each, other)]
        if len(partners) == len(rivals) == 1 and lands_elsewhere(atom, partners[0]):
            return f"{atom.parameter} comes to another value"
    return ""


def _other_target(a: ParsedHypothesis, b: ParsedHypothesis) -> str:
    """A parameter of which both say from where to where, and that ends at another number."""
    are_single = len(a.atoms) == len(b.atoms) == 1
    for atom in a.atoms:
        for other in b.atoms:
            is_same = atom.parameter == other.parameter
            is_same = is_same and (are_single or atom.scope == other.scope)
            if is_same and leaves_for_another(atom, other):
                return f"{atom.parameter} takes another value"
    return ""


_FINDERS: tuple[Callable[[ParsedHypothesis, ParsedHypothesis], str], ...] = (
    _one_more,
    _one_of_two,
    _test_time,
    _other_places,
    _other_bindings,
    _other_part,
    _sibling,
    _all_or_some,
    _other_order,
    _other_step,
    _other_landing,
    _other_target,
)
