"""Which names of a program are a function's own business.

A local variable may carry any name without changing what the program does, so `canonical` writes
locals by number. Kept as they are: parameters (callers may pass them by keyword), globals, class
attributes, imported names and nested definitions (their names can be seen from outside).
"""

import ast
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_OWN_SCOPE = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
# Whoever uses these can see the names of local variables.
_FRAME_TOOLS = frozenset({"_getframe", "currentframe", "f_locals", "co_varnames", "getsource"})
_BUILTINS = frozenset({"locals", "vars", "eval", "exec", "dir"})


class Scope:
    """One function, class or comprehension and the names that it binds."""

    def __init__(
        self,
        parent: "Scope | None",
        *,
        renamable: Iterable[str] = (),
        fixed: Iterable[str] = (),
        is_class: bool = False,
    ) -> None:
        self.parent = parent
        self.is_class = is_class
        self.depth: int = 0 if parent is None else parent.depth + 1
        self._fixed = frozenset(fixed)
        self._renamable = frozenset(renamable) - self._fixed
        self._numbers: dict[str, int] = {}

    def canonical(self, name: str, *, from_inside: bool = False) -> str:
        """The name as `canonical` writes it: numbered where it is a function's own variable.

        `from_inside` is set when an inner scope asks: functions do not see their class's names.
        """
        if not (self.is_class and from_inside):
            if name in self._fixed:
                return name
            if name in self._renamable:
                number = self._numbers.setdefault(name, len(self._numbers))
                return f"%{self.depth}.{number}"
        return self.parent.canonical(name, from_inside=True) if self.parent else name


def sees_local_names(names: AbstractSet[str], attributes: AbstractSet[str]) -> bool:
    """Whether a program that uses these names can look at the names of its local variables."""
    return not (_BUILTINS | _FRAME_TOOLS).isdisjoint(names) or not _FRAME_TOOLS.isdisjoint(
        attributes
    )


def function_scope(node: Function, parent: Scope | None, *, rename: bool) -> Scope:
    """The scope inside a function or lambda."""
    arguments = node.args
    fixed = {
        argument.arg
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    }
    fixed |= {argument.arg for argument in (arguments.vararg, arguments.kwarg) if argument}
    body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
    bound, kept, outer = _bindings(body)
    fixed |= kept
    if not rename:
        return Scope(parent, fixed=(fixed | bound) - outer)
    return Scope(parent, renamable=bound - outer, fixed=fixed - outer)


def class_scope(node: ast.ClassDef, parent: Scope | None) -> Scope:
    """The scope of a class body, whose names are attributes."""
    bound, kept, outer = _bindings(node.body)
    return Scope(parent, fixed=(bound | kept) - outer, is_class=True)


def comprehension_scope(node: Comprehension, parent: Scope | None, *, rename: bool) -> Scope:
    """The scope of a comprehension, which owns its targets."""
    targets = {
        name.id
        for generator in node.generators
        for name in ast.walk(generator.target)
        if isinstance(name, ast.Name)
    }
    return Scope(parent, renamable=targets if rename else (), fixed=() if rename else targets)


def _bindings(body: Iterable[ast.AST]) -> tuple[set[str], set[str], set[str]]:
    """Names bound as variables, names that keep their spelling, and names of an outer function."""
    bound: set[str] = set()
    kept: set[str] = set()
    outer: set[str] = set()
    for node in _own_nodes(body):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                bound.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                bound.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                kept.add(node.name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                kept.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.Global(names=names):
                kept.update(names)
            case ast.Nonlocal(names=names):
                outer.update(names)
    return bound, kept, outer


def _own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of this scope; of inner scopes the head and what walrus binds out of them."""
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _OWN_SCOPE):
            todo.extend(ast.iter_child_nodes(node))
        elif isinstance(node, Comprehension):
            yield from _walrus_targets(node)


def _walrus_targets(node: ast.AST) -> Iterator[ast.AST]:
    todo = [node]
    while todo:
        inner = todo.pop()
        if isinstance(inner, ast.NamedExpr):
            yield inner.target
        if inner is node or not isinstance(inner, Function | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(inner))
