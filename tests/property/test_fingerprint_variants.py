"""Generated variants of the real `train.py`: equal ones keep the fingerprint, others lose it."""

import ast
import io
import itertools
import random
import symtable
import tokenize
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.changes import change_signature
from shared.fingerprints import program_fingerprint

TRAIN_PY = Path(__file__).parents[2] / "campaigns" / "nanochat" / "train.py"
PROGRAM = TRAIN_PY.read_text(encoding="utf-8")
FINGERPRINT = program_fingerprint(PROGRAM)
MANY = 200


def nodes_outside_fstrings():
    todo = [ast.parse(PROGRAM)]
    while todo:
        node = todo.pop()
        if not isinstance(node, ast.JoinedStr):  # their inner positions are not those of the text
            yield node
            todo.extend(ast.iter_child_nodes(node))


def numbers_in_place():
    """Every number of the program with its line and its columns in bytes."""
    for node in nodes_outside_fstrings():
        if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
            yield node.value, (node.lineno - 1, node.col_offset, node.end_col_offset)


def with_text(place, text):
    line, start, end = place
    lines = PROGRAM.encode().splitlines(keepends=True)
    lines[line] = lines[line][:start] + text.encode() + lines[line][end:]
    return b"".join(lines).decode()


def spellings(number):
    """Other ways to write a number, with the same value and type."""
    if isinstance(number, float):
        return [f"{number:.17e}", f"({number!r} + 0.0)", f"(-(-{number!r}))"]
    powers = []
    if number > 1 and number & (number - 1) == 0:
        exponent = number.bit_length() - 1
        powers = [f"(2**{exponent})", f"(1 << {exponent})"]
    return [hex(number), f"({number - 3} + 3)", f"(2 * {number} - {number})", *powers]


def renamed_locals():
    """The program once for every local variable, with that variable renamed throughout."""
    table = symtable.symtable(PROGRAM, "train.py", "exec")
    functions = {
        (node.name, node.lineno): node
        for node in ast.walk(ast.parse(PROGRAM))
        if isinstance(node, ast.FunctionDef)
    }
    todo = [table]
    while todo:
        scope = todo.pop()
        todo.extend(scope.get_children())
        node = functions.get((scope.get_name(), scope.get_lineno()))
        if scope.get_type() != "function" or node is None:
            continue
        inner = {
            s.get_name()
            for child in scope.get_children()
            for s in child.get_symbols()
            if s.is_local()
        }
        for symbol in scope.get_symbols():
            is_own = symbol.is_local() and not symbol.is_parameter()
            is_plain = not (symbol.is_imported() or symbol.is_namespace())
            if is_own and is_plain and symbol.get_name() not in inner:
                yield renamed(node, symbol.get_name())


def renamed(function, name):
    tree = ast.parse(PROGRAM)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.lineno == function.lineno:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and inner.id == name:
                    inner.id = f"{name}_of_mine"
                elif isinstance(inner, ast.ExceptHandler) and inner.name == name:
                    inner.name = f"{name}_of_mine"
    return ast.unparse(tree)


def commented(text, chance):
    """Comments at the ends of some lines and blank lines between them."""
    lines = text.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE and chance.random() < 0.1:
            row = token.start[0] - 1
            lines[row] = lines[row].rstrip("\n") + f"  # {chance.random()}\n\n"
    return "".join(lines)


def with_docstrings(text, chance):
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and chance.random() < 0.3:
            node.body.insert(0, ast.Expr(ast.Constant(f"Says {chance.random()}.")))
    return ast.unparse(ast.fix_missing_locations(tree))


def with_shuffled_imports(text, chance):
    tree = ast.parse(text)
    runs = [[]]
    for index, node in enumerate(tree.body):
        if (
            isinstance(node, ast.Import | ast.ImportFrom)
            and getattr(node, "module", "") != "__future__"
        ):
            runs[-1].append(index)
        elif runs[-1]:
            runs.append([])
    for run in runs:
        nodes = [tree.body[index] for index in run]
        chance.shuffle(nodes)
        for index, node in zip(run, nodes, strict=True):
            tree.body[index] = node
    return ast.unparse(tree)


def with_respelled_numbers(text, chance):
    tree = ast.parse(text)

    class Respell(ast.NodeTransformer):
        def visit_JoinedStr(self, node):
            return node

        def visit_Constant(self, node):
            if type(node.value) in {int, float} and chance.random() < 0.2:
                return ast.parse(chance.choice(spellings(node.value)), mode="eval").body
            return node

    return ast.unparse(ast.fix_missing_locations(Respell().visit(tree)))


def with_idle_statements(text, chance):
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.For | ast.While) and chance.random() < 0.3:
            node.body.insert(chance.randint(0, len(node.body)), ast.Pass())
    return ast.unparse(ast.fix_missing_locations(tree))


HARMLESS = [
    commented,
    with_docstrings,
    with_shuffled_imports,
    with_respelled_numbers,
    with_idle_statements,
]


def test_every_number_may_be_written_in_other_ways():
    variants = {
        with_text(place, text) for number, place in numbers_in_place() for text in spellings(number)
    }
    assert len(variants) >= MANY
    variants = random.Random(1).sample(sorted(variants), MANY)
    assert {program_fingerprint(variant) for variant in variants} == {FINGERPRINT}


def test_every_local_variable_may_carry_another_name():
    variants = list(dict.fromkeys(renamed_locals()))
    assert len(variants) >= 50
    variants = variants[:50]
    assert {program_fingerprint(variant) for variant in variants} == {FINGERPRINT}


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
@given(
    seed=st.integers(0, 2**32),
    edits=st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=4),
)
def test_harmless_edits_in_any_combination_keep_the_fingerprint(seed, edits):
    text = PROGRAM
    for edit in edits:
        text = edit(text, random.Random(seed))
    assert program_fingerprint(text) == FINGERPRINT
    assert change_signature(PROGRAM, text).is_empty


def test_every_number_matters_and_so_does_its_type():
    variants = {
        with_text(place, repr(other))
        for number, place in numbers_in_place()
        for other in (number + 1, float(number) if isinstance(number, int) else number * 2 + 1)
    }
    assert len(variants) >= MANY
    variants = random.Random(2).sample(sorted(variants), MANY)
    fingerprints = {program_fingerprint(variant) for variant in variants}
    assert FINGERPRINT not in fingerprints
    # Not all differ from each other: in `1 + 2` either number may grow by one.
    assert len(fingerprints) > 0.95 * len(variants)


def swapped(operator):
    return {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult}.get(
        type(operator), ast.Add
    )()


def suffixed(name):
    return f"{name}_"


# For each kind of node: the field that is changed, and what becomes of it.
MUTATIONS = {
    ast.BinOp: ("op", swapped),
    ast.AugAssign: ("op", swapped),
    ast.Compare: ("ops", lambda ops: [ast.GtE() if isinstance(ops[0], ast.Lt) else ast.Lt()]),
    ast.Attribute: ("attr", suffixed),
    ast.keyword: ("arg", lambda name: suffixed(name or "")),
    ast.arg: ("arg", suffixed),
    ast.FunctionDef: ("name", suffixed),
    ast.ClassDef: ("name", suffixed),
    ast.alias: ("name", suffixed),
    ast.If: ("test", lambda test: ast.UnaryOp(ast.Not(), test)),
    ast.While: ("test", lambda test: ast.UnaryOp(ast.Not(), test)),
    ast.Return: ("value", lambda value: ast.Tuple([value], ast.Load()) if value else ast.List([])),
}


def mutants():
    """The program with one of the nodes that can be mutated changed, for `MANY` of them."""
    kinds = [type(node) for node in ast.walk(ast.parse(PROGRAM))]
    places = [index for index, kind in enumerate(kinds) if kind in MUTATIONS]
    for index in random.Random(3).sample(places, MANY + 20):
        tree = ast.parse(PROGRAM)
        node = next(itertools.islice(ast.walk(tree), index, None))
        field, mutate = MUTATIONS[type(node)]
        setattr(node, field, mutate(getattr(node, field)))
        yield ast.unparse(ast.fix_missing_locations(tree))


@pytest.fixture(scope="module")
def all_mutants():
    return list(dict.fromkeys(mutants()))


def test_every_change_of_code_changes_the_fingerprint(all_mutants):
    assert len(all_mutants) >= MANY
    fingerprints = [program_fingerprint(mutant) for mutant in all_mutants]
    assert FINGERPRINT not in fingerprints
    assert len(set(fingerprints)) == len(all_mutants)


def test_every_change_of_code_has_a_signature_of_its_own(all_mutants):
    signatures = [change_signature(PROGRAM, mutant) for mutant in all_mutants[:50]]
    assert not any(signature.is_empty for signature in signatures)
    assert len({signature.key for signature in signatures}) == len(signatures)
