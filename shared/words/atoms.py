"""From a statement to atoms: one parameter and what becomes of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.words.items import Segment
from shared.words.numbers import Quantity
from shared.words.reading import read_statement
from shared.words.settling import settle
from shared.words.statements import Statement

# Modifiers that only repeat what the parameter says anyway.
_IMPLIED = {
    "softcap": {"logit", "all_layers"},
    "clip": {"norm", "gradient", "all_layers"},
    "window": {"attention", "all_layers"},
    "window_pattern": {"attention", "all_layers"},
    "n_head": {"attention", "query"},
    "n_kv_head": {"attention", "attention_type.mha"},
    "head_dim": {"attention"},
    "rope": {"attention"},
    "rope_dim": {"attention", "head_dim", "width"},
    "qk_norm": {"after", "attention", "query", "key"},
    "attention_type": {"attention", "all_layers"},
    "activation": {"mlp", "all_layers"},
    "mlp_ratio": {"mlp", "hidden_linear"},
    "label_smoothing": {"loss"},
    "z_loss": {"loss", "logit"},
    "ema": {"weights"},
    "seq_len": {"document"},
    "shuffle": {"document"},
    "packing": {"document"},
    "packer": {"document"},
    "doc_mask": {"document", "attention"},
    "weight_decay": {"weights", "matrix", "optimizer.muon"},
    "gate": {"all_layers"},
    "width": {"embedding", "residual"},
    "norm_place": {"after", "residual", "all_layers"},
    "init": {"residual"},
    "flash": {"attention"},
    "skip": {"first_layer", "last_layer", "all_layers", "residual"},
    "final_lr": {"first", "last", "lr", "final", "minimum", "warmdown", "schedule", "maximum"},
    "warmup": {"first", "last", "lr", "schedule"},
    "warmdown": {"first", "last", "lr", "schedule"},
    "schedule": {"first", "last", "lr", "schedule", "warmdown"},
    "ns_steps": {"optimizer.muon", "matrix"},
    "nesterov": {"optimizer.muon", "momentum"},
    "amsgrad": {"optimizer.adam"},
    "betas": {"optimizer.adam"},
    "beta1": {"optimizer.adam"},
    "beta2": {"optimizer.adam"},
    "eps": {"optimizer.adam"},
    "attention_scale": {"attention", "logit"},
    "tie": {"embedding", "unembedding"},
    "bias": {"hidden_linear", "all_layers"},
    "xzero_lambda": {"resid_lambda", "residual", "init", "skip"},
    "resid_lambda": {"all_layers", "residual"},
    "value_embedding": {"value_embedding"},
    "optimizer": {"optimizer.adam", "optimizer.muon"},
    "moe": {"mlp"},
    "dropout": {"after", "residual"},
    "norm_gain": {"norm", "norm_type", "norm_type.rms"},
    "vocab": {"embedding"},
    "parallel": {"attention", "mlp", "all_layers"},
    "stochastic_depth": {"all_layers"},
    "depth": {"all_layers"},
}
# Numbers of things: "two more" adds, "a layer" is one.
_COUNTS = frozenset({"depth", "n_head", "n_kv_head", "ns_steps", "accumulation", "moe", "mtp"})
_USING = ("use", "using", "try", "trying", "with", "employ", "adopt", "adopting", "make", "give")
# Switched off, these are one rather than none.
_OFF_IS_ONE = frozenset({"accumulation"})
_MAX_UNKNOWN = 2
# No fractions of anything: a percentage is of what there was.
_SIZES = frozenset({"lr", "batch", "device_batch", "width", "depth"})
# A named setting leaves nothing more to say about these.
_SET_WHOLE = frozenset({"precision", "init", "norm", "gate", "packing", "compile", "lr"})
_SCHEDULED = frozenset({"lr", "warmdown", "schedule", "final_lr"})
# What a named setting may set; beside any other parameter it only says where or how.
_SET_BY = {
    "dtype": {"precision"},
    "initial": {"init"},
    "norm_type": {"norm"},
    "norm_place": {"norm"},
    "activation": {"activation", "mlp_ratio", "gate"},
    "packer": {"packing"},
    "compile_mode": {"compile"},
    "window_pattern": {"window_pattern", "window"},
    "position": {"rope"},
    "schedule": _SCHEDULED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Atom:
    """One parameter and what becomes of it.

    Attributes:
        parameter: what is changed, e.g. `lr`.
        scope: of which part, e.g. `{embedding}`.
        value, old_value: named settings, e.g. `swiglu`.
        new, old: numbers; several for a tuple.
        change: a factor or delta where no new number is given.
        direction: +1 up, -1 down, 0 unsaid.
        state: `on`, `off` or "" when neither was said.
        start: what the program has before, where that is known and one number.
    """

    parameter: str
    scope: frozenset[str] = frozenset()
    value: str = ""
    old_value: str = ""
    new: tuple[Quantity, ...] = ()
    old: tuple[Quantity, ...] = ()
    change: Quantity | None = None
    direction: int = 0
    state: str = ""
    start: Quantity | None = None

    @property
    def is_vague(self) -> bool:
        """Whether it names a parameter and says nothing exact about it."""
        return not (self.value or self.new or self.change)

    @property
    def is_idle(self) -> bool:
        """Whether it only names a parameter."""
        return self.is_vague and not (self.direction or self.state)


def atoms_of(segment: Segment) -> list[Atom]:
    """The changes that one segment states; none when it names no parameter that is known."""
    statement = read_statement(segment)
    settle(statement)
    return list(_atoms(statement))


def _atoms(statement: Statement) -> Iterator[Atom]:
    if statement.unknown > _MAX_UNKNOWN and not (statement.old_values or statement.heads):
        return  # a named thing in passing, in a sentence about something else
    head = statement.heads[-1] if statement.heads else ""
    families = statement.families
    if "initial" in families and head != "init" and not statement.says_part("init"):
        families.remove("initial")  # "uniform" says how weights start only if that is said
    if "schedule" in families and _is_plain_ramp(statement, head):
        families.remove("schedule")
    scope = statement.mods | set(statement.heads[:-1])
    settings = {name for name in families if not head or head in _SET_BY.get(name, {name})}
    if len(settings) > 1 and not (head or statement.old_values):
        settings.discard("optimizer")  # "cosine for Adam"
    for name in families - settings:
        if name != "schedule":
            named = (*statement.values, *statement.old_values)
            scope |= {value for value in named if value.startswith(f"{name}.")}
        elif (
            statement.is_decay
            or statement.says_schedule
            or statement.old
            or statement.values != ["schedule.linear"]
        ):
            scope.add("scheduled")
    for name in sorted(settings):
        yield _value_atom(statement, name, head, scope)
    has_number = bool(statement.new or statement.old or statement.change)
    if head and not (settings and (not has_number or _is_set_whole(head, settings))):
        yield from _number_atoms(statement, head, scope)


def _is_plain_ramp(statement: Statement, head: str) -> bool:
    """`lengthen the linear cooldown` is about its length: linear is what everybody has."""
    says_more = statement.new or statement.change or statement.direction or statement.state
    is_linear = statement.values == ["schedule.linear"] and not statement.old_values
    return is_linear and head in {"warmdown", "warmup"} and bool(says_more)


def _is_set_whole(head: str, settings: set[str]) -> bool:
    """Whether the named setting leaves nothing to say about this parameter."""
    return head in settings or head in _SET_WHOLE


def _value_atom(statement: Statement, family: str, head: str, scope: set[str]) -> Atom:
    new = [v for v in statement.values if v.startswith(f"{family}.")]
    old = [v for v in statement.old_values if v.startswith(f"{family}.")]
    owner = {head} - {""} if family == "schedule" else set()
    is_own = not head or family == head or (family == "schedule" and head in _SET_WHOLE)
    if family == "window_pattern" and len(new) > 1:
        new.sort(key=len)  # "more global layers, SSL" says it exactly at last
    is_cast = family == "dtype" and new[-1:] == ["dtype.bf16"] and statement.state == "off"
    if is_cast and not old:
        old, new = new, ["dtype.fp32"]  # "do not cast it to bf16"
    return Atom(
        parameter=family,
        scope=_scope(family, scope | owner),
        value=new[-1].partition(".")[2] if new else "",
        old_value=old[-1].partition(".")[2] if old else "",
        new=tuple(statement.new) if is_own else (),
        change=statement.change if is_own and not statement.new else None,
        direction=statement.direction if not old else 0,
        state="off" if statement.state == "off" and not is_cast else "",
    )


def _number_atoms(statement: Statement, head: str, scope: set[str]) -> Iterator[Atom]:
    shapes = [v.partition(".")[2] for v in statement.values if v.startswith("schedule.")]
    if statement.state == "off":
        scope = scope - {"all_layers"}
    new, old = _scaled(statement)
    is_scaled = old is not statement.old
    atom = Atom(
        parameter=head,
        scope=_scope(head, scope),
        value=shapes[-1] if shapes and "scheduled" in scope else "",
        new=tuple(new),
        old=tuple(old),
        # "+9%" beside a new value and "halve from 0.2 to 0.1" only repeat it
        change=None if statement.new and not is_scaled else statement.change,
        direction=statement.direction,
        state=statement.state,
    )
    if head == "betas":
        yield from _beta_atoms(atom)
        return
    if head == "width" and not (statement.is_target or statement.old):
        is_wider = statement.is_bare and statement.says("wider", "narrower")
        is_more = statement.is_more or is_wider  # "eight more channels", but not "512 wide"
        atom = _counted(atom, is_more=is_more, adds=False)
    if head in _COUNTS:
        is_more = statement.is_more and not statement.is_target  # not "fewer steps: 4"
        is_own = statement.implied_head in {"", head}  # not "nine layers at 512 wide"
        is_bare = statement.is_bare and not statement.is_target
        is_more = is_more or (is_bare and statement.direction != 0 and is_own)
        adds = atom.state == "off" or not statement.says(*_USING)
        atom = _counted(atom, is_more=is_more, adds=adds)
    if atom.state == "off" and atom.new and not (atom.old or statement.is_target):
        atom = replace(atom, old=atom.new, new=())  # "remove the softcap of 15"
    if atom.state == "off" and not atom.new:
        zero = Quantity(value=1.0 if head in _OFF_IS_ONE else 0.0)
        atom = replace(atom, new=(zero,), change=None, direction=0)
    if head in _SIZES and len(atom.new) == 1 and atom.new[0].suffix == "%" and not atom.old:
        factor = Quantity(value=atom.new[0].value, kind="factor")
        atom = replace(atom, new=(), change=factor)  # "LR down to 75%"
    scales = statement.says("double", "doubling")
    if head == "mlp_ratio" and _is_plain_ratio(atom) and not scales:
        atom = replace(atom, new=(atom.change.as_value(),), change=None)  # type: ignore[union-attr]
    if atom.change is not None and atom.change.kind == "factor":
        atom = replace(atom, direction=0)
    yield atom


def _scaled(statement: Statement) -> tuple[list[Quantity], list[Quantity]]:
    """The new and the old numbers; `the LR of 0.04 doubled` goes from 0.04 to 0.08."""
    new, old, change = statement.new, statement.old, statement.change
    is_start = change is not None and change.kind == "factor" and not statement.is_target
    if not (is_start and len(new) == 1 and not old and change is not None):
        return new, old
    start = new[0]
    return [replace(start, value=start.value * change.value, kind="value")], [start.as_value()]


def _is_plain_ratio(atom: Atom) -> bool:
    """`MLP expansion 3x` names a ratio; `MLP 1.5x wider` scales one."""
    return atom.change is not None and atom.change.value >= 2 and not atom.direction


def _scope(parameter: str, scope: set[str]) -> frozenset[str]:
    """The scope without what the parameter implies; Muon's parameters are the matrices."""
    names = scope - _IMPLIED.get(parameter, set()) - {parameter}
    if "optimizer.muon" in names:
        names = names - {"optimizer.muon"} | {"matrix"}
    return frozenset(name.removeprefix("optimizer.") for name in names)


def _counted(atom: Atom, *, is_more: bool, adds: bool) -> Atom:
    sign = -1 if atom.state == "off" or atom.direction < 0 else 1
    if is_more and atom.new and not atom.old:
        delta = Quantity(value=sign * atom.new[0].value, kind="delta")
        return replace(atom, new=(), change=delta, direction=0, state="")
    if adds and atom.parameter == "depth" and atom.state and not atom.old and not atom.change:
        amount = atom.new[0].value if atom.new else 1.0
        if len(atom.new) <= 1 and amount < 8:
            delta = Quantity(value=sign * amount, kind="delta")
            return replace(atom, new=(), change=delta, direction=0, state="")
    return atom


def _beta_atoms(atom: Atom) -> Iterator[Atom]:
    for index, name in enumerate(("beta1", "beta2")):
        new, old = atom.new[index : index + 1], atom.old[index : index + 1]
        if new and old and new[0].equals(old[0]):
            continue
        if new or not atom.new:
            yield replace(atom, parameter=name, new=new, old=old)
