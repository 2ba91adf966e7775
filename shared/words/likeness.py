"""Whether two atoms may speak of one thing: families of parameters, and parts that tell apart.

`window[depth]` and `window` are one thing, `lr[embedding]` and `lr[unembedding]` are two: only some
parts of a model *discriminate*, and only for parameters that every part has of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from shared.words.atoms import Atom

# Parameters that say one thing in two ways.
_FAMILY = {
    "aspect_ratio": "width",
    "head_dim": "n_head",
    "initial": "init",
    "dtype": "precision",
    "long_window": "window",
    "value_residual": "value_embedding",
}
_INVERSE = frozenset({frozenset({"n_head", "head_dim"})})
# Each part of the model has one of its own, so naming the part restricts it.
_OF_A_PART = frozenset(
    {"lr", "weight_decay", "init", "dropout", "precision", "freeze", "norm", "norm_type", "bias",
     "eps", "beta1", "beta2", "gate", "optimizer", "softcap", "activation", "schedule", "conv"}
)  # fmt: skip
_NEVER_TELLS = frozenset(
    {"final", "minimum", "maximum", "gradient", "weights", "loss", "residual", "ramp", "depth",
     "hidden_linear", "seq_len", "value_residual", "document", "head_dim", "width", "over_time",
     "n_head", "all_layers", "looped"}
)  # fmt: skip
_MILD = frozenset({"attention", "mlp", "matrix", "logit", "projection", "momentum"})
_OUTPUT = {frozenset({"projection"}), frozenset({"unembedding"})}
_ALL_MATRICES = frozenset({"attention", "mlp"})
_GROUPS = frozenset({"embedding", "unembedding", "scalar", "value_embedding"})
_PLACES = _GROUPS | _ALL_MATRICES | {"query", "key", "value", "optimizer_state", "norm"}
# Of these, one that does not say where is not that of this place.
_SPECIAL_PLACE = {
    "softcap": frozenset({"attention"}),
    "eps": frozenset({"norm", "matrix"}),
    "beta1": frozenset({"matrix"}),
    "beta2": frozenset({"matrix"}),
}
_SIBLINGS = frozenset(
    frozenset(pair.split())
    for pair in (
        *("beta1 beta2", "clip clip_value", "window long_window", "warmup warmdown"),
        *("label_smoothing entropy_penalty", "n_head n_kv_head", "momentum beta1"),
        *("grad_noise weight_noise", "shuffle shard_order"),
    )
)
# Opposites: where one text says the one and the other text the other, they differ.
_OPPOSITES = (
    "short long, shorter longer, small large, smaller larger, smaller bigger, low high",
    "lower higher, first last, early late, earlier later, up down, increase decrease",
    "raise lower, increase reduce, raise reduce, raise decrease, increase lower, over under",
    "more fewer, more less, add remove, add drop, insert remove, before after, with without",
    "query key, query value, key value, q k, q v, k v, encoder decoder, min max, input output",
    "enable disable, on off, double halve, wider narrower, deeper shallower, hard soft",
    "freeze unfreeze, tie untie, row column, local global, ascending descending, pre post",
    "warmup warmdown, train eval, training evaluation, start end, begin end, shrink grow",
    "left right, forward backward, linear cosine, mean max, mean sum, top bottom, inner outer",
    "greedy random, sum product, tighten loosen, longest shortest, always never, ascend descend",
    "instead addition",
    "overregularized underregularized, widen narrow, lengthen shorten, include exclude, l1 l2",
    "attention mlp, embedding unembedding, odd even, every some, single double, dense sparse",
)
# Of these, two texts that name different ones do not speak of one thing.
_KINDS: tuple[frozenset[str], ...] = (
    _GROUPS | {"matrix"},
    _ALL_MATRICES,
    frozenset({"query", "key", "value"}),
    frozenset({"first", "last", "first_layer", "last_layer", "all_layers", "alternate_layers"}),
    frozenset({"before", "after"}),
    frozenset({"matrix", "adam"}),
)
_PAIRS = tuple(
    (one, other) for line in _OPPOSITES for one, other in (pair.split() for pair in line.split(","))
)
_OPPOSITES_OF: dict[str, list[tuple[int, str]]] = {}  # with the place of the pair
for _place, (_one, _other) in enumerate(_PAIRS):
    _OPPOSITES_OF.setdefault(_one, []).append((_place, _other))
    _OPPOSITES_OF.setdefault(_other, []).append((_place, _one))


def family_of(atom: Atom) -> str:
    """What an atom is about: `aspect_ratio` and `width` are one family."""
    if atom.parameter == "warmup" and "momentum" in atom.scope:
        return "momentum"
    return _FAMILY.get(atom.parameter, atom.parameter)


def families_of(names: Iterable[str]) -> frozenset[str]:
    """What is named, in one name for each family."""
    return frozenset(_FAMILY.get(name, name) for name in names) - _NEVER_TELLS


def is_inverse(a: Atom, b: Atom) -> bool:
    """Whether one grows as the other shrinks, as heads and their dimension do."""
    return frozenset({a.parameter, b.parameter}) in _INVERSE


def may_be_one(a: Atom, b: Atom) -> bool:
    """Whether two atoms may speak of the same parameter of the same part."""
    family = family_of(a)
    if family != family_of(b):
        return False
    one, other = telling_scope(a), telling_scope(b)
    unknown, unknown_other = _unknown(one), _unknown(other)
    if unknown and unknown_other and not unknown & unknown_other:
        return False
    one, other = one - unknown, other - unknown_other
    if family == "init":
        one, other = _spread(one), _spread(other)
    if one == other or {one, other} == _OUTPUT:
        return True
    is_part = (one <= other or other <= one) and "test_time" not in one ^ other
    return is_part and family not in _OF_A_PART and (one ^ other) <= _MILD


def each_part(atom: Atom) -> list[Atom]:
    """`embedding and lm_head LR x1.5` is two changes."""
    parts = sorted(atom.scope & (_GROUPS | {"matrix"}))
    if len(parts) < 2 or atom.parameter not in {"lr", "weight_decay", "init", "dtype"}:
        return [atom]
    return [replace(atom, scope=atom.scope - _GROUPS - {"matrix"} | {part}) for part in parts]


def each_group(atom: Atom, others: Iterable[Atom]) -> list[Atom]:
    """`every LR x0.8` beside an LR for each group is one change of each of these groups."""
    if atom.parameter != "lr" or telling_scope(atom) - {"adam"}:
        return [atom]
    groups = [each for each in others if each.parameter == "lr" and telling_scope(each)]
    if len(groups) < (3 if telling_scope(atom) else 4):
        return [atom]
    return [replace(atom, scope=each.scope, start=each.start) for each in groups]


def contradiction(one: frozenset[str], other: frozenset[str]) -> str:
    """Names of one kind, of which each side names another: `attention` and `mlp`."""
    mine, others = _telling(one), _telling(other)
    for kind in sorted(mine.keys() & others.keys()):
        first, second = mine[kind], others[kind]
        if not first & second:
            return f"{', '.join(sorted(first))} against {', '.join(sorted(second))}"
    return ""


@lru_cache(maxsize=4_096)
def _telling(names: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """The names of each kind and of each setting, by kind."""
    by_kind = {f"#{n}": names & kind for n, kind in enumerate(_KINDS) if names & kind}
    for name in names:
        family, dot, _ = name.partition(".")
        if dot:
            by_kind[family] = by_kind.get(family, frozenset()) | {name}
    return by_kind


def parts_apart(one: Atom, other: Atom) -> str:
    """Parts of the model that have nothing in common, of what every part has of its own."""
    if family_of(one) not in _OF_A_PART or one.is_vague or other.is_vague:
        return ""
    first, second = _places(one), _places(other)
    special = _SPECIAL_PLACE.get(family_of(one))
    is_other = special is not None and bool(special & first) != bool(special & second)
    if is_other or (first and second and not first & second):
        return f"{one.parameter} of {_listed(first)} against {_listed(second)}"
    return ""


def are_siblings(one: Atom, other: Atom) -> bool:
    """Whether two parameters are easily taken for each other, and are two."""
    return frozenset({one.parameter, other.parameter}) in _SIBLINGS


def _places(atom: Atom) -> frozenset[str]:
    places = atom.scope & _PLACES
    if any(name.startswith("norm_type.") for name in atom.scope):
        places |= {"norm"}
    return places | {"attention"} if places & {"query", "key"} else places


def _listed(scope: frozenset[str]) -> str:
    return ", ".join(sorted(scope)) or "all"


def opposite(one: Iterable[str], other: Iterable[str]) -> str:
    """Words that only one text has and whose opposite only the other has, or ""."""
    first, second = set(one), set(other)
    only, only_other = first - second, second - first
    places = [
        place
        for word in only
        for place, contrary in _OPPOSITES_OF.get(word, ())
        if contrary in only_other
    ]
    return " against ".join(_PAIRS[min(places)]) if places else ""


def telling_scope(atom: Atom) -> frozenset[str]:
    """Of the parts that an atom names, those that tell it from the same change of others."""
    family = family_of(atom)
    scope = atom.scope - _NEVER_TELLS
    if scope & _GROUPS:
        scope -= {"adam", "matrix"}
    if family == "momentum":
        scope -= {"matrix", "momentum", "muon"}
    if "ns_steps" in scope:
        scope -= {"matrix", "muon"}
    if family == "bias":
        scope -= {"projection"}
    if family == "weight_decay" and scope & _GROUPS:
        scope -= {"scheduled"}
    return scope


def _unknown(scope: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in scope if name.startswith("?"))


def _spread(scope: frozenset[str]) -> frozenset[str]:
    if scope >= _ALL_MATRICES:
        scope = scope - _ALL_MATRICES | {"matrix"}
    return scope - {"matrix"}
