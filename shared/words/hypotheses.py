"""A hypothesis, parsed."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.changes import ConstantEdit
from shared.words.atoms import Atom, atoms_of
from shared.words.items import Item, Segment, read_items
from shared.words.segments import segments_of
from shared.words.vocabulary import DEFAULT_VOCABULARY, Vocabulary

MAX_CHARACTERS = 1_000  # a change is stated early; what follows is the reasoning
# Always there: naming one without saying what becomes of it says nothing.
_KNOBS = frozenset({"lr", "batch", "device_batch", "depth", "width", "n_head", "seq_len"})
_SETTING_OF = {
    "accumulation": "device_batch",
    "compile_mode": "compile",
    "packer": "packing",
    "initial": "init",
}
_OPTIMIZER_DETAILS = frozenset(
    {"nesterov", "ns_steps", "momentum", "beta1", "beta2", "eps", "weight_decay", "amsgrad"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedHypothesis:
    """What a hypothesis changes.

    Attributes:
        text: the words, in lower case, without the final full stop.
        atoms: the changes that the vocabulary could read.
        numbers: every number in the text, for statements that could not be read exactly.
        words: every content word of the statement, known or not.
        unknown: the content words of the statement that the vocabulary does not know.
        unread: how many parts of the statement change something that could not be read.
    """

    text: str
    atoms: tuple[Atom, ...]
    numbers: frozenset[float]
    words: frozenset[str]
    unknown: frozenset[str]
    unread: int = 0

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters touched, e.g. `("batch", "lr[embedding]")`: what an index can hold."""
        return tuple(sorted({name_of(atom) for atom in self.atoms}))

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
    items = read_items(text[:MAX_CHARACTERS], vocabulary)
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
        atoms=atoms,
        numbers=frozenset(_value(item) for item in items if item.quantity),
        words=frozenset(_meaning(item) for item in stated if _is_content(item)),
        unknown=frozenset(item.name for item in stated if item.kind == "unknown"),
        unread=sum(
            not part and any(item.kind == "unknown" for item in segment.items)
            for part, segment in zip(read, segments, strict=True)
        ),
    )


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
        words=frozenset().union(*(part.words for part in parsed)),
        unknown=frozenset().union(*(part.unknown for part in parsed)),
    )


def _says_something(atom: Atom, segment: Segment) -> bool:
    """Not so in "start from the peak LR, no warmup", whose first half changes nothing."""
    is_idle = atom.is_idle and atom.parameter in _KNOBS
    return not is_idle or any(item.kind == "unknown" for item in segment.items)


def _merged(atoms: Iterable[Atom]) -> tuple[Atom, ...]:
    """Without atoms that only repeat a parameter which another one states exactly."""
    every = list(dict.fromkeys(atoms))
    exact = {(atom.parameter, atom.scope) for atom in every if not atom.is_vague}
    kept = [a for a in every if not a.is_vague or (a.parameter, a.scope) not in exact]
    if any(a.parameter in _OPTIMIZER_DETAILS for a in kept):  # "Muon without Nesterov"
        kept = [a for a in kept if a.parameter != "optimizer" or a.old_value or a.scope]
    if any(a.parameter == "warmdown" and a.state == "off" for a in kept):
        kept = [a for a in kept if (a.parameter, a.value) != ("schedule", "constant")]
    settings = {_SETTING_OF.get(a.parameter) for a in kept}
    kept = [a for a in kept if not (a.is_vague and a.parameter in settings)]
    if any(a.parameter == "gate" for a in kept):  # "gate it with a sigmoid"
        kept = [a for a in kept if (a.parameter, a.value) != ("activation", "sigmoid")]
    return tuple(kept)


def _value(item: Item) -> float:
    assert item.quantity is not None
    return item.quantity.value


def _is_content(item: Item) -> bool:
    return item.kind in {"head", "mod", "value", "unknown", "headup", "headdown", "off", "down"}


def _meaning(item: Item) -> str:
    return item.name or item.kind
