"""The canonical text of a program: equal texts mean equal behaviour.

Two programs have one text when they differ only in comments, formatting, docstrings, statements
without effect, the order of adjacent imports, the names of function locals, or the spelling of
constant expressions. Whatever else differs can change behaviour and stays visible: `1`, `1.0` and
`True` are three things, and so are a parameter's two names.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence

from shared.folding import NotConstantError, fold_scalar
from shared.scopes import (
    Comprehension,
    Scope,
    class_scope,
    comprehension_scope,
    function_scope,
    sees_local_names,
)

_SILENT_FIELDS = frozenset({"ctx", "type_comment", "kind", "type_ignores", "simple"})
_BODIES = frozenset({"body", "orelse", "finalbody"})


class Canonicaliser:
    """Writes nodes of one program; what the whole program does decides what is free to vary."""

    def __init__(self, program: ast.Module) -> None:
        names, attributes = _identifiers(program)
        self._rename = not sees_local_names(names, attributes)
        self._keep_docstrings = "__doc__" in names or bool({"__doc__", "getdoc"} & attributes)

    def text(self, node: ast.AST) -> str:
        """The canonical text of the program or of one of its statements."""
        pieces: list[str] = []
        self._write(node, Scope(None), pieces)
        return "".join(pieces)

    def statements(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements that have an effect, with runs of imports in one fixed order."""
        kept = [node for node in body if not self._is_idle(node)]
        ordered: list[ast.stmt] = []
        run: list[ast.stmt] = []
        for node in kept:
            if isinstance(node, ast.Import | ast.ImportFrom):
                run.extend(_single_imports(node))
                continue
            ordered.extend(_in_fixed_order(run))
            run = []
            ordered.append(node)
        return [*ordered, *_in_fixed_order(run)]

    def _is_idle(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Pass):
            return True
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return not (self._keep_docstrings and isinstance(node.value.value, str))
        return False

    def _write(self, node: ast.AST, scope: Scope, out: list[str]) -> None:
        if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Constant):
            try:
                out.append(canonical_constant(fold_scalar(node)))
            except NotConstantError:
                if not isinstance(node, ast.Constant):
                    self._write_fields(node, scope, out)
                else:  # bytes, complex, Ellipsis
                    out.append(canonical_constant(node.value))
            return
        match node:
            case ast.Name(id=name):
                out.append(f"<{scope.canonical(name)}>")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inner = function_scope(node, scope, rename=self._rename)
                self._write_scoped(node, ("body",), scope, inner, out)
            case ast.Lambda():
                inner = function_scope(node, scope, rename=self._rename)
                self._write_scoped(node, ("body",), scope, inner, out)
            case ast.ClassDef():
                self._write_scoped(node, ("body",), scope, class_scope(node, scope), out)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._write_comprehension(node, scope, out)
            case ast.MatchSingleton(value=value):
                out.append(f"(MatchSingleton {canonical_constant(value)})")
            case _:
                self._write_fields(node, scope, out)

    def _write_scoped(
        self, node: ast.AST, inside: Iterable[str], outer: Scope, inner: Scope, out: list[str]
    ) -> None:
        """Writes a node of which only the fields `inside` are in its own scope."""
        out.append(f"({type(node).__name__}")
        for name in node._fields:
            self._write_field(node, name, inner if name in inside else outer, out)
        out.append(")")

    def _write_comprehension(self, node: Comprehension, scope: Scope, out: list[str]) -> None:
        inner = comprehension_scope(node, scope, rename=self._rename)
        out.append(f"({type(node).__name__}")
        for number, generator in enumerate(node.generators):
            # Only the first iterable is evaluated outside.
            self._write_field(generator, "iter", inner if number else scope, out)
            for name in ("target", "ifs", "is_async"):
                self._write_field(generator, name, inner, out)
        for name in node._fields:
            if name != "generators":
                self._write_field(node, name, inner, out)
        out.append(")")

    def _write_fields(self, node: ast.AST, scope: Scope, out: list[str]) -> None:
        out.append(f"({type(node).__name__}")
        for name in node._fields:
            self._write_field(node, name, scope, out)
        out.append(")")

    def _write_field(self, node: ast.AST, name: str, scope: Scope, out: list[str]) -> None:
        value = getattr(node, name, None)
        if name in _SILENT_FIELDS or value is None or value in ([], 0):
            return  # absent and empty are one thing, whatever fields a Python version adds
        out.append(f" {name}=")
        if isinstance(value, ast.AST):
            self._write(value, scope, out)
        elif not isinstance(value, list):
            is_binding = isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) or (
                isinstance(node, ast.MatchMapping) and name == "rest"
            )
            out.append(repr(scope.canonical(value) if is_binding else value))
        else:
            self._write_list(node, name, value, scope, out)

    def _write_list(
        self, node: ast.AST, name: str, values: list[object], scope: Scope, out: list[str]
    ) -> None:
        if name in _BODIES:
            values = [*self.statements([v for v in values if isinstance(v, ast.stmt)])]
        elif isinstance(node, ast.Global | ast.Nonlocal):
            values = [*sorted(scope.canonical(str(value)) for value in values)]
        out.append("[")
        for value in values:
            if isinstance(value, ast.AST):
                self._write(value, scope, out)
            else:
                out.append(repr(value))  # None: the `**x` of a dict display
            out.append(";")
        out.append("]")


def canonical_constant(value: object) -> str:
    """One text per value *and* type: `int:1`, `float:1.0`, `bool:True`."""
    if isinstance(value, list | tuple):
        items = ",".join(canonical_constant(item) for item in value)
        return f"{type(value).__name__}:[{items}]"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"int:{hex(value)}"  # `repr` refuses integers of more than 4,300 digits
    return f"{type(value).__name__}:{value!r}"


def _identifiers(program: ast.Module) -> tuple[set[str], set[str]]:
    """The names and the attributes that a program uses anywhere."""
    names: set[str] = set()
    attributes: set[str] = set()
    for node in ast.walk(program):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            attributes.add(node.attr)
    return names, attributes


def _single_imports(node: ast.Import | ast.ImportFrom) -> Iterator[ast.stmt]:
    """`import a, b` as two statements, `from m import a, b` too."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield ast.Import(names=[alias])
        else:
            yield ast.ImportFrom(module=node.module, names=[alias], level=node.level)


def _in_fixed_order(run: list[ast.stmt]) -> list[ast.stmt]:
    """Sorts a run of single imports, unless a later one may rebind an earlier one's name."""
    sources: dict[str, set[str]] = {}
    for node in run:
        assert isinstance(node, ast.Import | ast.ImportFrom)
        alias = node.names[0]
        if isinstance(node, ast.Import):
            bound = alias.asname or alias.name.partition(".")[0]
            origin = alias.name if alias.asname else bound
        else:
            bound, origin = alias.asname or alias.name, f"{node.level}{node.module}:{alias.name}"
        sources.setdefault(bound, set()).add(origin)
    if "*" in sources or any(len(origins) > 1 for origins in sources.values()):
        return run
    return sorted(run, key=ast.dump)
