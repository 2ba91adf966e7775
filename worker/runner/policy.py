"""What a program must not contain, found without running it.

This is the first line, not the last: whoever evades it meets the sandbox, the examiner and the
clock. Its use is a quick refusal that names the line and the reason, before minutes are spent.
"""

import ast
from dataclasses import dataclass

from shared.sources import SourceError, parse_source

HARNESS_NAMES = frozenset({
    "MAX_SEQ_LEN", "TIME_BUDGET", "EVAL_TOKENS", "Tokenizer", "make_dataloader", "evaluate_bpb",
    "get_token_bytes",
})  # fmt: skip
REFUSED_MODULES = {
    **dict.fromkeys(
        ("socket", "ssl", "http", "urllib", "requests", "httpx", "asyncio", "ftplib", "smtplib"),
        "a run has no network",
    ),
    **dict.fromkeys(
        ("subprocess", "multiprocessing", "pty", "signal", "_posixsubprocess", "posix"),
        "a run is one process",
    ),
    **dict.fromkeys(("ctypes", "cffi", "mmap", "fcntl", "_ctypes"), "raw memory is not for runs"),
    **dict.fromkeys(
        ("builtins", "inspect", "runpy", "code", "pickle", "marshal", "dill", "sysconfig"),
        "code from data cannot be read by others",
    ),
}
OS_ATTRIBUTES = frozenset({"path", "environ", "makedirs", "cpu_count", "sep", "linesep"})
REFUSED_CALLS = frozenset({"exec", "eval", "compile", "__import__", "globals", "vars", "locals"})
ALLOWED_DUNDERS = frozenset({"__init__", "__name__", "__class__", "__version__"})
# Configuration that libraries offer as module attributes.
SETTABLE = ("torch.backends.", "torch._dynamo.config.", "torch._inductor.config.")
# The campaign's own program has 1,700. A whole validation set of a demo fits into 13,000.
MAX_LITERALS = 8_192  # characters of texts and digits of numbers
HIDDEN_FILES = ("val.bin", "audit.bin", "train.bin", "lab.json", "/proc/", "/dev/shm")  # noqa: S108


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One thing that a program must not contain."""

    line: int
    what: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}: {self.why}"


def check_policy(source: str) -> list[Refusal]:
    """Return what is refused, in the order of the text; nothing for a program that may run."""
    try:
        tree = parse_source(source)
    except SourceError as error:
        return [Refusal(line=1, what="unreadable program", why=str(error))]
    inspector = _Inspector()
    inspector.visit(tree)
    inspector.check_literals(tree)
    return sorted(inspector.refusals, key=lambda refusal: refusal.line)


class _Inspector(ast.NodeVisitor):
    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self._modules: dict[str, str] = {}  # local name -> dotted module

    def _refuse(self, node: ast.AST, what: str, why: str) -> None:
        self.refusals.append(Refusal(line=getattr(node, "lineno", 1), what=what, why=why))

    # -- imports -----------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._check_module(node, alias.name)
            self._modules[alias.asname or alias.name.split(".")[0]] = (
                alias.name if alias.asname else alias.name.split(".")[0]
            )

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        self._check_module(node, module)
        for alias in node.names:
            self._check_attribute(node, module, alias.name)
            self._modules[alias.asname or alias.name] = f"{module}.{alias.name}"

    def _check_module(self, node: ast.AST, name: str) -> None:
        package, *parts = name.split(".")
        why = REFUSED_MODULES.get(package)
        if why:
            self._refuse(node, f"import {name}", why)
        for count, part in enumerate(parts):
            self._check_attribute(node, ".".join((package, *parts[:count])), part)

    # -- attributes --------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = self._dotted(node)
        if dotted is not None:
            module, _, name = dotted.rpartition(".")
            self._check_attribute(node, module, name)
            stored = isinstance(node.ctx, ast.Store | ast.Del)
            if stored and not dotted.startswith(SETTABLE):
                self._refuse(node, f"{dotted} = …", "what is imported is not to be patched")
        if node.attr.startswith("__") and node.attr not in ALLOWED_DUNDERS:
            self._refuse(node, f".{node.attr}", "the interpreter's internals are not for runs")
        self.generic_visit(node)

    def _dotted(self, node: ast.expr) -> str | None:
        """Return the full name of an attribute of an imported module."""
        if isinstance(node, ast.Name):
            return self._modules.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self._dotted(node.value)
            return f"{base}.{node.attr}" if base else None
        return None

    def _check_attribute(self, node: ast.AST, module: str, name: str) -> None:
        if module == "prepare" and name not in HARNESS_NAMES:
            names = ", ".join(sorted(HARNESS_NAMES))
            self._refuse(node, f"prepare.{name}", f"the harness offers {names}")
        if module == "os" and name not in OS_ATTRIBUTES:
            self._refuse(node, f"os.{name}", "the system is not for runs")
        if module == "sys" and name in {"modules", "_getframe", "settrace", "meta_path", "path"}:
            self._refuse(node, f"sys.{name}", "the interpreter's internals are not for runs")
        if module == "gc" and name.startswith("get_"):
            self._refuse(node, f"gc.{name}", "other code's objects are not for runs")
        if module == "importlib" and name in {"import_module", "reload", "__import__"}:
            self._refuse(node, f"importlib.{name}", "import by name, so that others can read it")
        if module == "torch" and name in {"load", "hub", "multiprocessing"}:
            self._refuse(node, f"torch.{name}", "a run begins with nothing and is one process")
        if (module, name) == ("torch.utils", "cpp_extension"):
            self._refuse(node, "torch.utils.cpp_extension", "native code is not for runs")

    # -- environment -------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        """Let ``os.environ["NAME"] = "text"`` pass: a library's setting, not a look."""
        for target in node.targets:
            if isinstance(target, ast.Subscript) and self._is_environ(target.value):
                if not all(isinstance(n, ast.Constant) for n in (target.slice, node.value)):
                    self._refuse(node, "os.environ", "only plain settings may be written to it")
            else:
                self.visit(target)
        self.visit(node.value)

    def _is_environ(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name | ast.Attribute) and self._dotted(node) == "os.environ"

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if self._is_environ(node.value):
            self._refuse(node, "os.environ", "the environment is not to be read")
        self.generic_visit(node)

    # -- calls and texts ---------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name):
            if node.func.id in REFUSED_CALLS:
                self._refuse(node, f"{node.func.id}()", "code from data cannot be read by others")
            if node.func.id in {"setattr", "delattr", "getattr"} and node.args:
                self._check_indirect(node, node.func.id)
        called = self._dotted(node.func) if isinstance(node.func, ast.expr) else None
        if called == "prepare.make_dataloader":
            split = next((k.value for k in node.keywords if k.arg == "split"), None)
            split = node.args[3] if split is None and len(node.args) > 3 else split
            if not (isinstance(split, ast.Constant) and split.value == "train"):
                self._refuse(node, "make_dataloader", 'the split of programs is "train"')
        elif called and called.startswith("os.environ."):
            self._refuse(node, "os.environ", "the environment is not to be read")
        self.generic_visit(node)

    def _check_indirect(self, node: ast.Call, function: str) -> None:
        dotted = self._dotted(node.args[0])
        name = node.args[1] if len(node.args) > 1 else None
        if dotted is None:
            return
        if function != "getattr":
            self._refuse(node, f"{function}({dotted}, …)", "what is imported is not to be patched")
        elif not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
            self._refuse(node, f"getattr({dotted}, …)", "name the attribute, so others can read it")
        else:
            self._check_attribute(node, dotted, name.value)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in {"__builtins__", "__loader__", "__spec__", "__doc__"}:
            self._refuse(node, node.id, "the interpreter's internals are not for runs")

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            for name in HIDDEN_FILES:
                if name in node.value and "\n" not in node.value:
                    self._refuse(node, repr(name), "the lab's own files are not for runs")

    def check_literals(self, tree: ast.Module) -> None:
        """Refuse a program that brings data along: the answers, say, or weights."""
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        literals = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and id(node) not in docstrings
        ]
        total = sum(map(_length, literals))
        if total > MAX_LITERALS:
            self._refuse(
                max(literals, key=_length),
                f"{total:,} characters of texts and numbers",
                f"a run learns from the data that it is given (allowed: {MAX_LITERALS:,})",
            )


def _length(literal: ast.Constant) -> int:
    value = literal.value
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, int):
        return 1 + value.bit_length() // 3
    return 8 if isinstance(value, float | complex) else 0
