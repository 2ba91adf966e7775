"""A hypothesis, parsed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from shared.changes import ConstantEdit
from shared.words.asides import without_asides
from shared.words.atoms import Atom, atoms_of
from shared.words.items import Item, Segment, read_items
from shared.words.likeness import family_of
from shared.words.numbers import Quantity
from shared.words.segments import is_unread_change, segments_of
from shared.words.starts import REFERENCE, REFERENCE_RUN, RUN, anchored, start_of
from shared.words.vocabulary import DEFAULT_VOCABULARY, Vocabulary

MAX_CHARACTERS = 500  # a change is stated early; what follows is the reasoning
# Always there: naming one without saying what becomes of it says nothing.
_KNOBS = frozenset({"lr", "batch", "device_batch", "depth", "width", "n_head", "seq_len"})
_JOINTS = frozenset(
    {"fill", "sep", "stop", "colon", "open", "close", "equal", "arrow", "from", "to", "by"}
    | {"instead", "why"}
)
_JOINTS_AND_VERBS = frozenset(
    {"sep", "stop", "colon", "open", "close", "equal", "arrow", "on", "replace"}
)
_SMALL = frozenset(
    {
        "the", "a", "an", "of", "to", "for", "on", "in", "by", "at", "is", "are", "be", "and", "or",
        "with", "it", "its", "that", "this", "as", "from", "use", "try", "so", "we", "i", "all",
        "each", "every", "than", "rather", "instead", "into", "per", "over", "then", "which", "who",
        "their", "them", "they", "our", "now", "current", "currently",
    }
)  # fmt: skip
_SETTING_OF = {
    "accumulation": "device_batch",
    "compile_mode": "compile",
    "packer": "packing",
    "initial": "init",
}
_OPTIMIZER_DETAILS = frozenset(
    {"nesterov", "ns_steps", "momentum", "beta1", "beta2", "eps", "weight_decay", "amsgrad"}
)


@dataclass(frozen=True, kw_only=True)
class ParsedHypothesis:
    """What a hypothesis changes.

    Attributes:
        text: the words, in lower case, without the final full stop.
        atoms: the changes that the vocabulary could read.
        numbers: every number in the text, for statements that could not be read exactly.
        words: every content word of the statement, known or not.
        unknown: the content words of the statement that the vocabulary does not know.
        unread: how many parts of the statement change something that could not be read.
        additions: how many further changes, added by a plus sign, could not be read.
        afterthoughts: how many later parts do something to what could not be read.
        quantities: every number, with what it does.
        meanings: what the words and numbers mean, in their order.
        parts: the words and numbers as they were said, without small words, between separators.
    """

    text: str
    atoms: tuple[Atom, ...]
    numbers: frozenset[float]
    words: frozenset[str]
    unknown: frozenset[str]
    unread: int = 0
    additions: int = 0
    afterthoughts: int = 0
    quantities: tuple[Quantity, ...] = ()
    meanings: tuple[str, ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()

    def __hash__(self) -> int:
        """The hash of the text: that of all that was read takes longer than what it looks up."""
        return hash(self.text)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters touched, whatever their part: `("batch", "lr")`, for an index to hold."""
        return tuple(sorted({family_of(atom) for atom in self.atoms}))

    @cached_property
    def named(self) -> frozenset[str]:
        """What is named that the vocabulary knows."""
        return self.words - self.unknown - {"off", "down"}

    @cached_property
    def words_said(self) -> frozenset[str]:
        """The words and numbers as they were said."""
        return frozenset(self.said)

    @cached_property
    def said(self) -> tuple[str, ...]:
        """The words and numbers as they were said, in their order."""
        return tuple(word for part in self.parts for word in part)

    @property
    def is_relative(self) -> bool:
        """Whether the change depends on what the base holds: `halve`, `one more layer`."""
        return any(not (atom.new or atom.value or atom.state) for atom in self.atoms)


def name_of(atom: Atom) -> str:
    """The parameter of an atom with its scope."""
    scope = ",".join(sorted(atom.scope))
    return f"{atom.parameter}[{scope}]" if scope else atom.parameter


def parse_hypothesis(text: str, vocabulary: Vocabulary = DEFAULT_VOCABULARY) -> ParsedHypothesis:
    """Reads what a hypothesis changes; never fails, whatever the text."""
    items = read_items(without_asides(text[:MAX_CHARACTERS]), vocabulary)
    segments = segments_of(items)
    read = [atoms_of(segment) for segment in segments]
    atoms = _merged(
        atom
        for part, segment in zip(read, segments, strict=True)
        for atom in part
        if len(segments) == 1 or _says_something(atom, segment)
    )
    stated = [item for segment in segments for item in segment.items]
    return ParsedHypothesis(
        text=" ".join(text.lower().split()).rstrip(".!"),
        atoms=anchored(atoms, vocabulary.starts),
        numbers=frozenset(_value(item) for item in items if item.quantity),
        words=frozenset(_meaning(item) for item in stated if _is_content(item)),
        unknown=frozenset(item.name for item in stated if item.kind == "unknown"),
        unread=sum(
            not part and segment.has({"unknown"})
            for part, segment in zip(read, segments, strict=True)
        ),
        additions=_unread_additions(items),
        afterthoughts=sum(
            not part and is_unread_change(segment.items)
            for part, segment in list(zip(read, segments, strict=True))[1:]
        ),
        quantities=tuple(item.quantity for item in items if item.quantity),
        meanings=tuple(_key(item) for item in items if item.kind not in _JOINTS),
        parts=tuple(_parts_of(items)),
    )


def starting_from(statements: Iterable[str], vocabulary: Vocabulary) -> Vocabulary:
    """The vocabulary for changes of a program of which these are true: `DEPTH = 8`, ….

    What cannot be read as one number of one parameter tells nothing.
    """
    plainly = vocabulary.with_starts({})
    read = [atom for each in statements for atom in parse_hypothesis(each, plainly).atoms]
    known = {start_of(atom): atom.new[0] for atom in read if len(atom.new) == 1}
    return vocabulary.with_starts(known)


def parse_changes(
    edits: Iterable[ConstantEdit], vocabulary: Vocabulary = DEFAULT_VOCABULARY
) -> ParsedHypothesis:
    """Reads constant edits as if they had been written as `NAME: old -> new`."""
    parts = [
        f"{edit.name} = {edit.new}"
        if edit.old is None
        else f"{edit.name}: {edit.old} -> {edit.new}"
        for edit in edits
        if edit.new is not None
    ]
    parsed = [parse_hypothesis(part, vocabulary) for part in parts]
    return ParsedHypothesis(
        text=" ".join(part.text for part in parsed),
        atoms=_merged(atom for part in parsed for atom in part.atoms),
        numbers=frozenset().union(*(part.numbers for part in parsed)),
        quantities=tuple(number for part in parsed for number in part.quantities),
        meanings=tuple(meaning for part in parsed for meaning in part.meanings),
        parts=tuple(words for part in parsed for words in part.parts),
        words=frozenset().union(*(part.words for part in parsed)),
        unknown=frozenset().union(*(part.unknown for part in parsed)),
    )


def _says_something(atom: Atom, segment: Segment) -> bool:
    """Not so in "start from the peak LR, no warmup", whose first half changes nothing."""
    is_idle = atom.is_idle and atom.parameter in _KNOBS
    return not is_idle or any(item.kind == "unknown" for item in segment.items)


def _merged(atoms: Iterable[Atom]) -> tuple[Atom, ...]:
    """Without atoms that only repeat a parameter which another one states exactly."""
    every = [a for a in _joined(list(dict.fromkeys(atoms))) if not _is_no_step(a)]
    exact = {(atom.parameter, atom.scope) for atom in every if not atom.is_vague}
    kept = [a for a in every if not a.is_vague or (a.parameter, a.scope) not in exact]
    if any(a.parameter in _OPTIMIZER_DETAILS for a in kept):  # "Muon without Nesterov"
        kept = [a for a in kept if a.parameter != "optimizer" or a.old_value or a.scope]
    if any(a.parameter == "warmdown" and a.state == "off" for a in kept):
        kept = [a for a in kept if (a.parameter, a.value) != ("schedule", "constant")]
    if any(a.new or a.change for a in kept):  # "…; Muon's updates look too large"
        kept = [a for a in kept if not _is_in_passing(a)]
    if any(a.parameter == "tie" for a in kept):  # "tie them so that both share one matrix"
        kept = [a for a in kept if a.parameter != "share"]
    if any(a.parameter == "position" and a.value for a in kept):  # "drop RoPE, use ALiBi"
        kept = [a for a in kept if a.parameter not in {"rope", "position"} or a.value]
    if any(a.parameter == "norm_place" for a in kept):  # "RMSNorm before and after": as all are
        kept = [a for a in kept if (a.parameter, a.value) != ("norm_type", "rms")]
    settings = {_SETTING_OF.get(a.parameter) for a in kept}
    kept = [a for a in kept if not (a.is_vague and a.parameter in settings)]
    if any(a.parameter == "gate" for a in kept):  # "gate it with a sigmoid"
        kept = [a for a in kept if (a.parameter, a.value) != ("activation", "sigmoid")]
    return tuple(kept)


def _is_no_step(atom: Atom) -> bool:
    """Not a change by nothing: "drop the MLP of layer 0" is about the first of them."""
    return atom.change is not None and (atom.change.kind, atom.change.value) == ("delta", 0)


def _is_in_passing(atom: Atom) -> bool:
    """An optimizer that is there anyway, and of which nothing is said."""
    is_said = atom.old_value or atom.scope or atom.new or atom.value not in {"adam", "muon", ""}
    return atom.parameter == "optimizer" and not is_said


def _joined(atoms: list[Atom]) -> list[Atom]:
    """`do not cast it to bf16; leave it in fp32` is one change, from bf16 to fp32."""
    for left in [a for a in atoms if a.value and a.state == "off"]:
        taken = [a for a in atoms if a.parameter == left.parameter and a.value and not a.state]
        if len(taken) == 1 and taken[0].value != left.value:
            scope = left.scope | taken[0].scope
            joined = replace(taken[0], scope=scope, old_value=left.value)
            atoms = [joined if a is taken[0] else a for a in atoms if a is not left]
    is_gated = any(a.parameter == "activation" for a in atoms)
    return [_hidden(a) if is_gated else a for a in atoms]


def _hidden(atom: Atom) -> Atom:
    """Beside an activation, a hidden size of so many times is that of the MLP."""
    if atom.parameter != "width" or atom.change is None or atom.change.kind != "factor":
        return atom
    return replace(atom, parameter="mlp_ratio", new=(atom.change.as_value(),), change=None)


def _value(item: Item) -> float:
    assert item.quantity is not None
    return item.quantity.value


def _is_content(item: Item) -> bool:
    return item.kind in {"head", "mod", "value", "unknown", "headup", "headdown", "off", "down"}


def _key(item: Item) -> str:
    return f"{item.quantity.value:.5g}" if item.quantity else _meaning(item)


def _unread_additions(items: Iterable[Item]) -> int:
    """How many things that the vocabulary does not know are added by a plus sign."""
    spoken = [item for item in items if item.kind != "fill"]
    return sum(
        first.kind == "sep" and first.text == "+" and then.kind == "unknown"
        for first, then in pairwise(spoken)
    )


def _parts_of(items: Iterable[Item]) -> Iterator[tuple[str, ...]]:
    part: list[str] = []
    for item in items:
        if item.kind in {"sep", "stop"} and part:
            yield tuple(part)
            part = []
        part.extend(_words_of(item))
    if part:
        yield tuple(part)


def _words_of(item: Item) -> Iterator[str]:
    if item.quantity and item.kind == "quantity":
        yield f"{item.quantity.value:.5g}"
    elif item.kind not in _JOINTS_AND_VERBS:
        yield from (word for word in item.text.split() if word not in _SMALL)


def _meaning(item: Item) -> str:
    return item.name or item.kind


REFERENCE_VOCABULARY = starting_from(
    REFERENCE.replace(";", "\n").strip().splitlines(), DEFAULT_VOCABULARY
)
REFERENCE_VOCABULARY = REFERENCE_VOCABULARY.with_starts(
    {**REFERENCE_VOCABULARY.starts, RUN: REFERENCE_RUN}
)
