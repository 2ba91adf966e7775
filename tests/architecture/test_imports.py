"""Imports that import-linter cannot judge: what rules call, and what each side has to install."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.architecture.project import PACKAGES, python_files, text_of

IMPURE_MODULES = frozenset(
    {"asyncio", "os", "pathlib", "random", "secrets", "socket", "subprocess", "time"}
)
IMPURE_CALLS = frozenset(
    {"now", "utcnow", "today", "new_id", "uuid1", "uuid4", "uuid7", "open", "print", "input"}
)


# Imported by name, and brought along on purpose by what is declared.
COMES_WITH = {
    "click": "typer",
    "starlette": "fastapi",
    "safetensors": "sentence-transformers",
    "torch": "sentence-transformers",
    "transformers": "sentence-transformers",
}
# Used where they are installed, and done without where they are not.
OPTIONAL = frozenset({"flash-attn-interface"})


def imported_modules(source: str) -> set[str]:
    """Top-level names of every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def impurities(source: str) -> list[str]:
    """What makes the answers of a module depend on more than its arguments."""
    found = sorted(imported_modules(source) & IMPURE_MODULES)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                if name in IMPURE_CALLS:
                    found.append(f"{name}()")
            case ast.AsyncFunctionDef(name=name):
                found.append(f"async {name}")
            case ast.Global() | ast.Nonlocal():
                found.append("shared state")
    return found


def distribution(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    """Distributions that an installation with these extras asks for by name."""
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    groups = [project["dependencies"], *(project["optional-dependencies"][e] for e in extras)]
    return {distribution(re.split(r"[\[<>=!~; ]", line)[0]) for group in groups for line in group}


def third_party(*folders: str) -> set[str]:
    """Distributions that the code under these folders imports."""
    modules = {name for path in python_files(*folders) for name in imported_modules(text_of(path))}
    brought_by = packages_distributions()
    foreign = modules - sys.stdlib_module_names - {*PACKAGES, "migrations", "campaigns", "prepare"}
    return {distribution(brought_by.get(name, [name])[0]) for name in foreign} - OPTIONAL


def test_rules_depend_on_nothing_but_their_arguments():
    rules = [path for path in python_files(*PACKAGES) if path.name == "rules.py"]
    assert rules
    assert {str(p): found for p in rules if (found := impurities(text_of(p)))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "from time import monotonic",
        "from datetime import datetime\nNOW = datetime.now()",
        "from shared.ids import new_id\nnew_id()",
        "import uuid\ndef name(): return uuid.uuid4()",
        "async def decide(): ...",
        "def f():\n    global state",
    ],
)
def test_every_impurity_is_recognised(source):
    assert impurities(source)


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (("shared",), ()),
        (("coordinator", "migrations"), ("coordinator",)),
        (("worker", "campaigns"), ("worker",)),
    ],
    ids=["both sides", "coordinator", "worker"],
)
def test_each_side_installs_what_it_imports(folders, extras):
    known = declared(*extras)
    missing = third_party(*folders) - known
    assert {name for name in missing if COMES_WITH.get(name) not in known} == set()
