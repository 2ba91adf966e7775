"""The knobs of a program: module-level `UPPER_CASE = constant expression` assignments.

A proposer reads them to know what it may turn, a campaign overrides them to fit a smaller machine,
and the dedup compares them. Only plain constants count: a name that is assigned twice, or from
another name, is code and is left alone.
"""

import ast
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.folding import ConstantValue, NotConstantError, fold
from shared.sources import parse_source

_CONSTANT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_NEWLINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, kw_only=True)
class Constant:
    """One knob as the program states it.

    Attributes:
        name: the identifier, e.g. `TOTAL_BATCH_SIZE`.
        value: what the right-hand side evaluates to, e.g. `262144`.
        text: the right-hand side as written, e.g. `2**18`.
        line: 1-based line of the assignment.
    """

    name: str
    value: ConstantValue
    text: str
    line: int


class UnknownConstantError(LookupError):
    """The program has no such constant."""

    def __init__(self, name: str, known: Mapping[str, Constant]) -> None:
        names = ", ".join(sorted(known)) or "none"
        super().__init__(f"The program has no constant {name}; it has: {names}.")
        self.name = name
        self.known = sorted(known)


class ConstantValueError(ValueError):
    """The new value of a constant cannot be written into the program."""


def read_constants(source: str) -> dict[str, Constant]:
    """The constants of a program, in the order of the text.

    Raises:
        SourceError: the program cannot be parsed.
    """
    return constants_of(parse_source(source), source)


def constants_of(tree: ast.Module, source: str) -> dict[str, Constant]:
    """The constants of a program whose syntax tree is already at hand."""
    lines = _lines(source)
    found = {}
    for name, value, node in _constant_assignments(tree):
        start, end = _span(node, lines)
        text = source.encode()[start:end].decode()
        found[name] = Constant(name=name, value=value, text=text, line=node.lineno)
    return found


def override_constants(source: str, overrides: Mapping[str, ConstantValue]) -> str:
    """The program with exactly the right-hand sides of these constants replaced.

    Comments, spacing and line endings stay. A string is the new *value* where the constant holds
    a string today, and otherwise the *text* of a constant expression such as `"2**18"`.

    Raises:
        SourceError: the program cannot be parsed.
        UnknownConstantError: a name is not a constant of the program.
        ConstantValueError: a value is not finite, or a text is not a constant expression.
    """
    tree = parse_source(source)
    known = constants_of(tree, source)
    for name in overrides:
        if name not in known:
            raise UnknownConstantError(name, known)
    data, lines = source.encode(), _lines(source)
    for name, _, node in reversed(list(_constant_assignments(tree))):
        if name in overrides:
            start, end = _span(node, lines)
            text = _literal(name, overrides[name], known[name].value)
            data = data[:start] + text.encode() + data[end:]
    return data.decode()


def _constant_assignments(tree: ast.Module) -> Iterator[tuple[str, ConstantValue, ast.expr]]:
    bound = Counter(
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del)
    )
    for statement in tree.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as node)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as node)
            ) if _CONSTANT_NAME.fullmatch(name) and bound[name] == 1:
                try:
                    yield name, fold(node), node
                except NotConstantError:
                    continue  # computed from something else: code, not a knob


def _lines(source: str) -> list[int]:
    """Byte offset at which each line starts; `ast` counts columns in UTF-8 bytes."""
    return [0, *(newline.end() for newline in _NEWLINE.finditer(source.encode()))]


def _span(node: ast.expr, lines: list[int]) -> tuple[int, int]:
    end_line, end_column = node.end_lineno, node.end_col_offset
    assert end_line is not None
    assert end_column is not None
    return lines[node.lineno - 1] + node.col_offset, lines[end_line - 1] + end_column


def _literal(name: str, value: ConstantValue, current: ConstantValue) -> str:
    if not isinstance(value, str) or isinstance(current, str):
        if not _is_finite(value):
            raise ConstantValueError(f"{name} = {value!r} cannot be written: give finite values.")
        return repr(value)
    text = value.strip()
    try:
        expression = parse_source(text).body
        if len(expression) == 1 and isinstance(expression[0], ast.Expr) and "\n" not in text:
            fold(expression[0].value)
            return text
    except (NotConstantError, ValueError) as error:
        raise ConstantValueError(f"{name} = {value} is not a constant expression.") from error
    raise ConstantValueError(f"{name} = {value} is not one constant expression on one line.")


def _is_finite(value: ConstantValue) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)
