import pytest

from shared.changes import (
    MAX_EDITS,
    ConstantEdit,
    DefinitionEdit,
    change_signature,
    constant_edit,
    signature_of_edits,
    taken_apart,
)

BASE = '''
"""Base."""
import torch
DEPTH = 8  # layers
TOTAL_BATCH_SIZE = 2**19
EMBEDDING_LR = 0.6

class Config:
    n_head: int = 4

class Block:
    def forward(self, x):
        y = x * 2
        return y

def norm(x):
    return x / x.norm()

model = Block()
for step in range(10):
    model.forward(step)
'''


def edited(*replacements):
    text = BASE
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return text


def test_the_same_program_is_no_change():
    signature = change_signature(BASE, "# a comment\n" + edited(("2**19", "524288")))
    assert signature.is_empty
    assert signature.describe() == "no change in behaviour"


def test_constants_are_compared_by_value():
    signature = change_signature(BASE, edited(("DEPTH = 8 ", "DEPTH = 9 "), ("2**19", "1 << 18")))
    assert signature.constants == (
        ConstantEdit(name="DEPTH", old="8", new="9"),
        ConstantEdit(name="TOTAL_BATCH_SIZE", old="524288", new="262144"),
    )
    assert signature.describe() == "DEPTH 8 → 9; TOTAL_BATCH_SIZE 524288 → 262144"
    assert signature.names == ("DEPTH", "TOTAL_BATCH_SIZE")


def test_methods_functions_and_attributes_are_named():
    signature = change_signature(
        BASE,
        edited(("x * 2", "x * 3"), ("n_head: int = 4", "n_head: int = 8"), ("def norm", "def rms"))
        + "\nmodel.eval()\n",
    )
    assert [(edit.name, edit.kind) for edit in signature.definitions] == [
        ("Block.forward", "changed"),
        ("norm", "removed"),
        ("rms", "added"),
    ]
    assert signature.constants == (ConstantEdit(name="Config.n_head", old="4", new="8"),)
    assert len(signature.statements_added) == 1
    assert "changed Block.forward" in signature.describe()
    assert "module-level statements +1 -0" in signature.describe()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("y = x * 3\n        return y", "z = x * (1 + 2)  # three\n        return z"),
        ("y = x * 3\n        return y", '"""Thrice."""\n        y = x * 3.\n        return y'),
    ],
)
def test_bodies_are_compared_by_behaviour(one, other):
    body = "y = x * 2\n        return y"
    keys = {change_signature(BASE, edited((body, new))).key for new in (one, other)}
    assert len(keys) == (2 if "3." in other else 1)


def test_the_same_change_on_another_base_has_the_same_key():
    moved_on = edited(("EMBEDDING_LR = 0.6", "EMBEDDING_LR = 0.8"), ("x.norm()", "x.max()"))
    here = change_signature(BASE, edited(("x * 2", "x * 3"), ("DEPTH = 8", "DEPTH = 9")))
    there = change_signature(
        moved_on, moved_on.replace("x * 2", "x * 3").replace("DEPTH = 8", "DEPTH = 9")
    )
    assert here.key == there.key


@pytest.mark.parametrize(
    "replacement",
    [
        ("DEPTH = 8 ", "DEPTH = 10 "),
        ("DEPTH = 8 ", "DEPTH = 9.0 "),
        ("EMBEDDING_LR = 0.6", "EMBEDDING_LR = 9"),
        ("x * 2", "x * 3"),
        ("range(10)", "range(9)"),
        ("model = Block()\n", ""),
    ],
)
def test_another_change_has_another_key(replacement):
    reference = change_signature(BASE, edited(("DEPTH = 8 ", "DEPTH = 9 ")))
    assert change_signature(BASE, edited(replacement)).key != reference.key


def test_edits_alone_give_the_key_that_the_program_gives():
    program = edited(("2**19", "2**18"), ("DEPTH = 8 ", "DEPTH = 9 "))
    edits = [
        constant_edit("TOTAL_BATCH_SIZE", "2**19", "1<<18"),
        constant_edit("DEPTH", "8", "9"),
    ]
    assert signature_of_edits(edits).key == change_signature(BASE, program).key


def test_an_edit_may_name_a_value_that_is_no_literal():
    assert constant_edit("WINDOW", "SSSL", "(") == ConstantEdit(name="WINDOW", old="SSSL", new="(")


def test_what_is_long_is_told_by_its_beginning_and_a_digest():
    name, text = "A" * 5000, "x" * 50_000
    one, other = (
        change_signature(BASE, f"{BASE}\n{name} = 1\nTEXT = '{text}{end}'\ndef {name}b(): pass\n")
        for end in "yz"
    )
    assert one.key != other.key
    for change in (one, other):
        text_edit = change.constants[1]
        assert text_edit.new.startswith("'xxxx")
        assert text_edit == constant_edit("TEXT", None, text_edit.new)
        assert len(change.names) == 3
        assert max(map(len, (*change.names, text_edit.new))) == 200


def test_a_value_is_one_however_it_is_written_and_however_long():
    program = edited(("DEPTH = 8 ", f"DEPTH = {1 << 4000}"))
    edit = constant_edit("DEPTH", "8", "1 << 4000")
    assert change_signature(BASE, program).constants == (edit,)
    assert len(edit.new) == 200


@pytest.mark.parametrize("line", ["BIG = 0x{}", "BIG = (1, 0x{})", "class C:\n    big: int = 0x{}"])
def test_an_integer_that_python_refuses_to_print_is_code(line):
    one, other = (
        change_signature(BASE, f"{BASE}\n{line.format(digits)}\n")
        for digits in ("F" * 5000, "F" * 4999 + "E")
    )
    assert one.constants == ()
    assert one.key != other.key


def test_a_claimed_integer_that_python_refuses_to_print_is_its_text():
    edit = constant_edit("BIG", "1", "0x" + "F" * 4000)
    assert edit.new == "0x" + "F" * 4000


def test_a_redefined_function_is_seen():
    twice = BASE + "\ndef norm(x):\n    return x\n"
    (edit,) = change_signature(BASE, twice).definitions
    assert isinstance(edit, DefinitionEdit)
    assert (edit.name, edit.kind) == ("norm'", "added")


def test_what_is_defined_a_thousand_times_has_a_thousand_short_names():
    """Cubic time otherwise: one character more for each keeps a coordinator busy for minutes."""
    names = [*taken_apart("def f(): pass\nclass C: pass\n" * 1000).definitions]
    assert {"f", "f'", "f'3", "f'1000", "C'1000"} <= {*names}
    assert len(names) == 2000
    assert max(map(len, names)) == len("f'1000")


def test_of_a_thousand_edits_the_first_are_told_and_the_rest_is_one() -> None:
    def with_many(last: int) -> str:
        lines = [f"C{number:03} = {number}" for number in range(999)]
        lines += [f"def f{number}(): return {number}" for number in range(1000)]
        return "\n".join([BASE, *lines, f"C999 = {last}"])

    change = change_signature(BASE, with_many(1))
    assert len(change.constants) == len(change.definitions) == MAX_EDITS
    assert change.constants[-1].name == "… and 801 more"
    assert change == change_signature(BASE, with_many(1))
    assert change.key != change_signature(BASE, with_many(2)).key


def test_a_program_that_repeats_one_statement_is_compared_in_bounded_work(monkeypatch):
    """Cubic time otherwise: 8 KB of source would keep a coordinator busy for minutes."""
    from difflib import SequenceMatcher

    compared = []
    opcodes = SequenceMatcher.get_opcodes

    def counted(self):
        compared.append(len(self.a) * len(self.b))
        return opcodes(self)

    monkeypatch.setattr(SequenceMatcher, "get_opcodes", counted)
    change = change_signature("a()\n" * 2000, "a()\nq()\n" * 1000)
    assert not change.is_empty
    assert sum(compared) <= 150 * 150


def test_a_change_in_the_middle_of_many_statements_is_still_told_exactly():
    before = [f"a({number})" for number in range(1000)]
    after = [*before[:500], "b()", *before[501:]]
    change = change_signature("\n".join(before), "\n".join(after))
    assert (len(change.statements_removed), len(change.statements_added)) == (1, 1)
