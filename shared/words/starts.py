"""What a program starts from: with it, `halve the matrix LR` and `MATRIX_LR = 0.02` are the same.

It also tells a change from a reminder: in `depth 10 at width 512`, the width of a model that is 512
wide changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from shared.words.atoms import Atom
from shared.words.comparing import landing
from shared.words.likeness import telling_scope
from shared.words.numbers import Quantity

_LARGEST_RATIO = 32  # above it a size of the MLP counts channels
_SHAPES = frozenset({"depth", "n_head", "head_dim"})
Start = tuple[str, frozenset[str]]
Starts = Mapping[Start, Quantity]

# The settings of karpathy/autoresearch, from which the field's hypotheses start if nothing is said.
REFERENCE = """
TOTAL_BATCH_SIZE = 2**19; DEVICE_BATCH_SIZE = 128; DEPTH = 8; ASPECT_RATIO = 64; HEAD_DIM = 128
n_embd = 512; number of heads = 4; EMBEDDING_LR = 0.6; UNEMBEDDING_LR = 0.004; MATRIX_LR = 0.04
SCALAR_LR = 0.5; WEIGHT_DECAY = 0.2; beta1 = 0.8; beta2 = 0.95; WARMUP_RATIO = 0.0
WARMDOWN_RATIO = 0.5; FINAL_LR_FRAC = 0.0; momentum = 0.95; Newton-Schulz steps = 5; softcap = 15
sequence length = 2048; sliding window = 1024; rope base = 10000; MLP ratio = 4; vocab size = 8192
Muon momentum warmup = 300
"""

RUN: Start = ("run", frozenset())  # in seconds
REFERENCE_RUN = Quantity(value=300.0)


def start_of(atom: Atom) -> Start:
    """Under which name the value of an atom's parameter is kept."""
    of_momentum = atom.scope & {"momentum"} if atom.parameter == "warmup" else frozenset()
    return atom.parameter, telling_scope(atom) | of_momentum


def anchored(atoms: Iterable[Atom], starts: Starts) -> tuple[Atom, ...]:
    """The atoms with what their parameters start from, without those that change nothing."""
    if RUN in starts:
        atoms = [_of_the_run(atom, starts[RUN]) for atom in atoms]
    every = tuple(_anchored(atom, starts) for atom in _with_aspect(tuple(atoms), starts))
    if any(atom.parameter == "depth" for atom in every):
        every = tuple(_of_the_depth(every, starts))
    changing = tuple(atom for atom in every if not _is_as_it_was(atom))
    return changing or every


def _of_the_depth(atoms: Sequence[Atom], starts: Starts) -> Iterator[Atom]:
    """At another depth an aspect ratio is a width: 16 layers of 24 are 384 channels."""
    depth = next(atom for atom in atoms if atom.parameter == "depth")
    layers = None if _is_as_it_was(depth) else landing(depth)
    for atom in atoms:
        is_ratio = atom.parameter == "aspect_ratio" and not (atom.scope or _is_as_it_was(atom))
        ratio = landing(atom) if is_ratio else None
        if layers is None or ratio is None:
            yield atom
        else:
            start = starts.get(("width", frozenset()))
            width = Quantity(value=ratio.value * layers.value)
            yield Atom(parameter="width", new=(width,), start=start)


def _with_aspect(atoms: tuple[Atom, ...], starts: Starts) -> tuple[Atom, ...]:
    """At the same depth, 768 channels instead of 512 are an aspect ratio of 96 instead of 64."""
    depth = starts.get(("depth", frozenset()))
    is_of_another_shape = any(atom.parameter in _SHAPES for atom in atoms)
    if depth is None or ("aspect_ratio", frozenset()) not in starts or is_of_another_shape:
        return atoms
    if not depth.value:  # no layers, no ratio
        return atoms
    turned = [
        replace(_scaled(atom, 1 / depth.value), parameter="aspect_ratio")
        if atom.parameter == "width" and not atom.scope and _counts_channels(atom)
        else atom
        for atom in atoms
    ]
    if any(atom.parameter == "aspect_ratio" and atom.new for atom in turned):
        said = [x for x in atoms if x.parameter == "aspect_ratio" and (x.new or x.change)]
        turned = [x for x in turned if x.parameter != "aspect_ratio" or x in said or not said]
    return tuple(turned)


def _counts_channels(atom: Atom) -> bool:
    return len(atom.new) == 1 and atom.new[0].value > _LARGEST_RATIO


def _anchored(atom: Atom, starts: Starts) -> Atom:
    atom = _of_the_whole(atom, starts)
    start = starts.get(start_of(atom))
    is_number = not (atom.value or atom.old_value) and len(atom.new) <= 1
    if atom.new and atom.old and atom.change is not None:
        target = None if start is None else start.value * atom.change.value
        is_said = target is not None and atom.old[0].reads_as(Quantity(value=target))
        # "theta 1e5, ten times the present one" ends where "double the LR of 0.1" starts
        atom = replace(atom, new=atom.old, old=(), change=None) if is_said else atom
        atom = replace(atom, change=None)
    return replace(atom, start=start) if start is not None and is_number else atom


def _of_the_run(atom: Atom, run: Quantity) -> Atom:
    """A warmup of 6 seconds is one of 2%."""
    new, old = (
        tuple(
            replace(each.as_plain(), value=each.value / run.value) if each.suffix == "s" else each
            for each in numbers
        )
        for numbers in (atom.new, atom.old)
    )
    return replace(atom, new=new, old=old)


def _of_the_whole(atom: Atom, starts: Starts) -> Atom:
    """A window of a quarter is one of the context, and rotary channels are a share of a head's."""
    if atom.parameter == "window" and "seq_len" in atom.scope and atom.change and not atom.new:
        atom = replace(atom, new=(atom.change.as_value(),), change=None)
    if len(atom.new) != 1:
        return atom
    if atom.parameter == "window" and atom.new[0].value < 1:
        context = starts.get(("seq_len", frozenset()))
        return _scaled(atom, 1.0 if context is None else context.value)
    if atom.parameter == "n_kv_head" and atom.new[0].value < 1:
        heads = starts.get(("n_head", frozenset()))
        return atom if heads is None else _scaled(atom, heads.value)
    if atom.parameter == "mlp_ratio" and atom.new[0].value > _LARGEST_RATIO:
        width = starts.get(("width", frozenset()))
        return atom if width is None else _share(atom, width.value)
    if atom.parameter == "rope_dim" and atom.new[0].value > 1:
        channels = starts.get(("head_dim", frozenset()))
        return atom if channels is None else _share(atom, channels.value)
    return atom


def _share(atom: Atom, whole: float) -> Atom:
    return _scaled(atom, 1 / whole) if whole else atom


def _scaled(atom: Atom, factor: float) -> Atom:
    return replace(
        atom,
        scope=atom.scope - {"seq_len"},
        new=(Quantity(value=atom.new[0].value * factor),),
        old=tuple(Quantity(value=number.value * factor) for number in atom.old),
    )


def _is_as_it_was(atom: Atom) -> bool:
    if atom.change is not None and atom.change == Quantity(value=1.0, kind="factor"):
        return True
    if atom.start is None or atom.old or atom.state == "off" or len(atom.new) != 1:
        return False
    return atom.new[0].reads_as(atom.start)
