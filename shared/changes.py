"""What a program changes against its base, in a form that two experiments can share.

The difference is taken between canonical texts, so comments, formatting and the spelling of
constants never count. Equal `key`s mean: the same constants went from the same to the same values,
the same functions and classes got the same new bodies, and the same module-level statements came
and went. Where in the file that happened does not matter, nor what else the base holds.
"""

import ast
import difflib
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from typing import Literal, TypeVar

from shared.canonical import Canonicaliser
from shared.constants import constants_of
from shared.folding import NotConstantError, fold
from shared.sources import SourceError, parse_source

# Statements between the common head and tail that are compared one by one. The comparison takes
# cubic time where a stranger repeats one statement; a training script has some 50 in all.
MAX_COMPARED = 150
DIGEST_LENGTH = 16  # hex digits; tells bodies apart within one signature
MAX_CHARACTERS = 200  # of a name or a literal; an index refuses longer ones, and pages show them
MAX_EDITS = 200  # of one kind: the program of the campaign has some 90 names; pages show these too

_Edit = TypeVar("_Edit")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, kw_only=True, order=True)
class ConstantEdit:
    """A named constant and what became of it.

    `old` and `new` are Python literals in one spelling (`262144`, never `2**18`); `None` means
    that the program has no such constant. What is longer than `MAX_CHARACTERS` is its beginning and
    a digest; of more than `MAX_EDITS` the first are told, and the rest is one with a digest.
    """

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True, order=True)
class DefinitionEdit:
    """A function, method or class whose canonical text changed; `digest` is that of the new one."""

    name: str
    kind: Literal["added", "changed", "removed"]
    digest: str


@dataclass(frozen=True, kw_only=True)
class ChangeSignature:
    """The canonical difference between a base and a program."""

    constants: tuple[ConstantEdit, ...] = ()
    definitions: tuple[DefinitionEdit, ...] = ()
    statements_added: tuple[str, ...] = ()
    statements_removed: tuple[str, ...] = ()
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self._key())

    @property
    def is_empty(self) -> bool:
        """Whether base and program behave the same."""
        return not (
            self.constants or self.definitions or self.statements_added or self.statements_removed
        )

    @property
    def is_constants_only(self) -> bool:
        """Whether constants changed and nothing else did."""
        return bool(self.constants) and not (
            self.definitions or self.statements_added or self.statements_removed
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The constants and definitions touched, for filters and lists."""
        constants = {edit.name for edit in self.constants}
        return tuple(sorted(constants | {edit.name for edit in self.definitions}))

    def describe(self) -> str:
        """The difference in words, e.g. `DEPTH 8 → 9; changed Block.forward`."""
        parts = [_describe_constant(edit) for edit in self.constants]
        parts += [f"{edit.kind} {edit.name}" for edit in self.definitions]
        added, removed = len(self.statements_added), len(self.statements_removed)
        if added or removed:
            parts.append(f"module-level statements +{added} -{removed}")
        return "; ".join(parts) or "no change in behaviour"

    def _key(self) -> str:
        text = repr(
            (
                "swarmlab change 1",
                [(edit.name, edit.old, edit.new) for edit in self.constants],
                [(edit.name, edit.kind, edit.digest) for edit in self.definitions],
                self.statements_added,
                self.statements_removed,
            )
        )
        return hashlib.sha256(text.encode()).hexdigest()


def change_signature(base: str, program: str) -> ChangeSignature:
    """The canonical difference between two programs.

    Raises:
        SourceError: one of them cannot be parsed.
    """
    before, after = taken_apart(base), taken_apart(program)
    removed, added = _statement_edits(before.statements, after.statements)
    return ChangeSignature(
        constants=_told(
            [*_constant_edits(before.constants, after.constants)],
            lambda name, digest: ConstantEdit(name=name, old=None, new=digest),
        ),
        definitions=_told(
            [*_definition_edits(before.definitions, after.definitions)],
            lambda name, digest: DefinitionEdit(name=name, kind="changed", digest=digest),
        ),
        statements_removed=_told(removed, lambda _, digest: digest),
        statements_added=_told(added, lambda _, digest: digest),
    )


def _told(edits: Sequence[_Edit], rest: Callable[[str, str], _Edit]) -> tuple[_Edit, ...]:
    """All edits, or the first and one that stands for those behind them."""
    if len(edits) <= MAX_EDITS:
        return tuple(edits)
    kept, more = edits[: MAX_EDITS - 1], edits[MAX_EDITS - 1 :]
    return (*kept, rest(f"… and {len(more)} more", _digest(repr(more))))


def constant_edit(name: str, old: str | None, new: str | None) -> ConstantEdit:
    """An edit from values as somebody wrote them, e.g. `2**18` or `"SSSL"`."""
    return ConstantEdit(name=name.strip(), old=_one_spelling(old), new=_one_spelling(new))


def signature_of_edits(edits: Iterable[ConstantEdit]) -> ChangeSignature:
    """The signature of a program that differs from its base in these constants only."""
    return ChangeSignature(constants=tuple(sorted(edits, key=lambda edit: edit.name)))


class _Parts:
    """A program taken apart: constants, definitions, and what else the module does."""

    def __init__(self, source: str) -> None:
        tree = parse_source(source)
        self._canonicaliser = Canonicaliser(tree)
        values = constants_of(tree, source)
        self.constants = {
            _shown(name): _shown(repr(constant.value)) for name, constant in values.items()
        }
        self.definitions: dict[str, str] = {}
        self._defined: Counter[str] = Counter()
        self.statements: list[str] = []
        for statement in self._canonicaliser.statements(tree.body):
            if isinstance(statement, _Definition):
                self._add_definition(statement, "")
            elif not _assigned_name(statement) & values.keys():
                self.statements.append(self._digest(statement))

    def _add_definition(self, node: _Definition, prefix: str) -> None:
        name = _shown(prefix + node.name)
        self._defined[name] += 1
        if (times := self._defined[name]) > 1:  # defined again, e.g. in another branch
            name += "'" if times == 2 else f"'{times}"
        self.definitions[name] = ""
        if not isinstance(node, ast.ClassDef):
            self.definitions[name] = self._digest(node)
            return
        rest: list[ast.stmt] = []
        for statement in self._canonicaliser.statements(node.body):
            if isinstance(statement, _Definition):
                self._add_definition(statement, f"{name}.")
            elif not self._add_attribute(statement, name):
                rest.append(statement)
        header = ast.ClassDef(
            name=node.name,
            bases=node.bases,
            keywords=node.keywords,
            body=rest,
            decorator_list=node.decorator_list,
        )
        self.definitions[name] = self._digest(header)

    def _add_attribute(self, statement: ast.stmt, owner: str) -> bool:
        """Takes `n_layer: int = 12` of a configuration class for the constant that it is."""
        for attribute in _assigned_name(statement):
            name = _shown(f"{owner}.{attribute}")
            value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
            if value is None or name in self.constants:
                return False
            try:
                self.constants[name] = _shown(repr(fold(value)))
            except NotConstantError:
                return False
            return True
        return False

    def _digest(self, node: ast.AST) -> str:
        return _digest(self._canonicaliser.text(node))


# Everybody changes the same few bases, and a program that is kept becomes one.
taken_apart = lru_cache(maxsize=64)(_Parts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]


def _shown(text: str) -> str:
    """A name or a literal; of a long one the beginning, and what tells it from others."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[: MAX_CHARACTERS - DIGEST_LENGTH - 1]}…{_digest(text)}"


def _assigned_name(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()


def _statement_edits(
    before: Sequence[str], after: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The statements that went and those that came, in their order."""
    start = _common(before, after)
    before, after = before[start:], after[start:]
    end = _common(before[::-1], after[::-1])
    before, after = before[: len(before) - end], after[: len(after) - end]
    if max(len(before), len(after)) > MAX_COMPARED:
        return tuple(before), tuple(after)
    opcodes = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    changes = [opcode for opcode in opcodes if opcode[0] != "equal"]
    return (
        tuple(digest for _, i, j, _, _ in changes for digest in before[i:j]),
        tuple(digest for _, _, _, i, j in changes for digest in after[i:j]),
    )


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _constant_edits(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[ConstantEdit]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield ConstantEdit(name=name, old=old, new=new)


def _definition_edits(
    before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[DefinitionEdit]:
    for name in sorted({*before, *after}):
        if name not in after:
            yield DefinitionEdit(name=name, kind="removed", digest="")
        elif name not in before:
            yield DefinitionEdit(name=name, kind="added", digest=after[name])
        elif before[name] != after[name]:
            yield DefinitionEdit(name=name, kind="changed", digest=after[name])


def _describe_constant(edit: ConstantEdit) -> str:
    if edit.old is None:
        return f"new {edit.name} = {edit.new}"
    if edit.new is None:
        return f"removed {edit.name} (was {edit.old})"
    return f"{edit.name} {edit.old} → {edit.new}"


def _one_spelling(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        body = parse_source(text.strip()).body
        if len(body) == 1 and isinstance(body[0], ast.Expr):
            return _shown(repr(fold(body[0].value)))
    except (SourceError, NotConstantError):
        return text.strip()  # a claim may say "SSSL" without quotes
    return text.strip()
