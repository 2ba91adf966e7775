import pytest

from shared.fingerprints import program_fingerprint
from shared.sources import SourceError

EQUAL = {
    "comments": ("x = 1", "# why\nx = 1  # one"),
    "formatting": ("f(1, 2)", "f(\n    1,\n    2,\n)"),
    "docstrings": ("def f():\n    return 1", 'def f():\n    "Says one."\n    return 1'),
    "a body of only a docstring": ("def f(): pass", 'def f():\n    """Nothing."""'),
    "quotes": ("x = 'a' 'b'", 'x = "ab"'),
    "imports": ("import os\nimport math\nx = 1", "import math, os\nx = 1"),
    "imported names": ("from a import b, c", "from a import c\nfrom a import b"),
    "submodules": ("import torch\nimport torch.nn", "import torch.nn\nimport torch"),
    "powers and shifts": ("N = 2**18", "N = 1 << 18"),
    "powers and numbers": ("N = 2**18", "N = 262_144"),
    "scientific": ("LR = 1e-2", "LR = 0.01"),
    "folded inside": ("f(x, 4 * 64)", "f(x, 256)"),
    "signs": ("x = -(1)", "x = -1"),
    "strings": ("p = 'SSS' + 'L'", "p = 'SSSL'"),
    "locals": ("def f(a):\n    b = a\n    return b", "def f(a):\n    c = a\n    return c"),
    "loops": (
        "def f(a):\n    for i in a:\n        print(i)",
        "def f(a):\n    for j in a:\n        print(j)",
    ),
    "comprehensions": ("x = [i for i in y]", "x = [k for k in y]"),
    "walrus": (
        "def f(a):\n    return [b for c in a if (b := c)], b",
        "def f(a):\n    return [z for c in a if (z := c)], z",
    ),
    "closures": (
        "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    return g",
        "def f():\n    m = 0\n    def g():\n        nonlocal m\n        m += 1\n    return g",
    ),
    "with and except": (
        "def f():\n    with g() as a:\n        try: a()\n        except E as e: print(e)",
        "def f():\n    with g() as b:\n        try: b()\n        except E as x: print(x)",
    ),
    "match": (
        "def f(a):\n    match a:\n        case [b, *c]: return b, c",
        "def f(a):\n    match a:\n        case [x, *y]: return x, y",
    ),
    "swapped locals": (
        "def f():\n    a = 1\n    b = 2\n    return a - b",
        "def f():\n    b = 1\n    a = 2\n    return b - a",
    ),
    "elif": ("if a: b()\nelif c: d()", "if a:\n    b()\nelse:\n    if c:\n        d()"),
    "not folded but same": ("x = 9**9**9", "x = (9 ** (9 ** 9))"),
}

DIFFERENT = {
    "int and float": ("x = 1", "x = 1.0"),
    "int and bool": ("x = 1", "x = True"),
    "zero and minus zero": ("x = 0.0", "x = -0.0"),
    "none and false": ("x = None", "x = False"),
    "text and bytes": ("x = 'a'", "x = b'a'"),
    "division": ("x = 2**20 // 4", "x = 2**20 / 4"),
    "parameters": ("def f(a): return a", "def f(b): return b"),
    "lambda parameters": ("f = lambda a: a", "f = lambda b: b"),
    "keywords": ("f(a=1)", "f(b=1)"),
    "globals": ("x = 1", "y = 1"),
    "global statement": (
        "def f():\n    global x\n    x = 1",
        "def f():\n    global y\n    y = 1",
    ),
    "global under a local of the same name": (
        "def f():\n    a = 1\n    def g():\n        global a\n        a = 2\n    return a",
        "def f():\n    b = 1\n    def g():\n        global b\n        b = 2\n    return b",
    ),
    "local or global": ("def f():\n    a = 1\n    return a", "def f():\n    a = 1\n    return b"),
    "nonlocal or local": (
        "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n = 1\n    return n",
        "def f():\n    n = 0\n    def g():\n        n = 1\n    return n",
    ),
    "locals that are looked at": (
        "def f():\n    a = 1\n    return locals()",
        "def f():\n    b = 1\n    return locals()",
    ),
    "locals under eval": (
        "def f():\n    a = 1\n    return eval('a')",
        "def f():\n    b = 1\n    return eval('a')",
    ),
    "self-documenting f-strings": (
        "def f():\n    a = 1\n    return f'{a=}'",
        "def f():\n    b = 1\n    return f'{b=}'",
    ),
    "class attributes": ("class A:\n    x = 1", "class A:\n    y = 1"),
    "methods": ("class A:\n    def f(self): pass", "class A:\n    def g(self): pass"),
    "attributes": ("a.b", "a.c"),
    "nested definitions": (
        "def f():\n    def g(): pass\n    return g",
        "def f():\n    def h(): pass\n    return h",
    ),
    "docstrings that are read": ("'''a'''\nprint(__doc__)", "'''b'''\nprint(__doc__)"),
    "statement order": ("f()\ng()", "g()\nf()"),
    "imports around a statement": ("import a\nf()\nimport b", "import b\nf()\nimport a"),
    "imports of one name": ("from a import f\nfrom b import f", "from b import f\nfrom a import f"),
    "star imports": ("from a import *\nfrom b import *", "from b import *\nfrom a import *"),
    "operators": ("x = a + b", "x = a - b"),
    "operand order": ("x = a + b", "x = b + a"),
    "decorators": ("@a\ndef f(): pass", "def f(): pass"),
    "defaults": ("def f(a=1): pass", "def f(a=2): pass"),
    "match singletons": (
        "match a:\n    case None: f()",
        "match a:\n    case False: f()",
    ),
    "unequal swaps of locals": (
        "def f():\n    a = 1\n    b = 2\n    return a - b",
        "def f():\n    a = 1\n    b = 2\n    return b - a",
    ),
    "huge integers": ("x = 0x" + "f" * 6000, "x = 0x" + "f" * 5999 + "e"),
    "unbounded powers": ("x = 9**9**9", "x = 9**9**8"),
}


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL.keys())
def test_what_cannot_change_behaviour_keeps_the_fingerprint(one, other):
    assert program_fingerprint(one) == program_fingerprint(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_can_change_behaviour_changes_the_fingerprint(one, other):
    assert program_fingerprint(one) != program_fingerprint(other)


def test_escaped_surrogates_in_a_string_are_no_obstacle():
    assert len(program_fingerprint(r"x = '\udcff'")) == 64


def test_hostile_programs_have_no_fingerprint():
    with pytest.raises(SourceError):
        program_fingerprint("(" * 100_000)
