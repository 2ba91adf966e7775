import hashlib
import subprocess
import sys
import threading

import pytest

from shared.sources import (
    MAX_DEPTH,
    MAX_SOURCE_BYTES,
    SourceError,
    parse_source,
    source_sha256,
)

HOSTILE = {
    "empty": ("", "empty"),
    "white space": (" \n\t\n", "empty"),
    "one byte too many": ("#" * (MAX_SOURCE_BYTES + 1), "too-large"),
    "few characters, many bytes": ("#" + "é" * (MAX_SOURCE_BYTES // 2), "too-large"),
    "nul byte": ("x = 1\0", "nul-byte"),
    "lone surrogate": ("x = '\udcff'", "not-unicode"),
    "latin-1 cookie": ("#!/usr/bin/python\n# -*- coding: latin-1 -*-\nx = 'é'", "encoding"),
    "not python": ("def f(:", "syntax"),
    "unclosed": ("f(", "syntax"),
    "bad indent": ("if 1:\npass", "syntax"),
    "nested parentheses": ("(" * 100_000, "too-deep"),
    "nested lists": ("[" * 190 + "]" * 190 + "\n" + "[" * 201, "too-deep"),
    "unary chain": ("x = " + "-" * 200_000 + "1", "too-deep"),
    "not chain": ("x = " + "not " * 60_000 + "1", "too-deep"),
    "lambda chain": ("x = " + "lambda:" * 30_000 + "1", "too-deep"),
    "sum of 130,000 ones": ("x = " + "1+" * 130_000 + "1", "too-deep"),
    "attribute chain": ("x = a" + ".b" * 100_000, "too-deep"),
    "call chain": ("f" + "()" * 120_000, "too-deep"),
    "elif ladder": ("if 1: pass\n" + "elif 1: pass\n" * 15_000, "too-deep"),
    "indentation": (
        "".join(" " * i + "if 1:\n" for i in range(120)) + " " * 120 + "pass",
        "too-deep",
    ),
    "just too deep": ("x = " + "1+" * MAX_DEPTH + "1", "too-deep"),
    "130,000 statements": ("0\n" * 130_000, "too-complex"),
    "130,000 elements": ("x = (" + "a," * 130_000 + ")", "too-complex"),
    "integer of 250,000 digits": ("x = " + "9" * 250_000, "syntax"),
}


@pytest.mark.parametrize(("text", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_source_is_refused_with_its_reason(text, reason):
    with pytest.raises(SourceError) as refusal:
        parse_source(text)
    assert refusal.value.reason == reason
    assert str(refusal.value) == refusal.value.message
    assert len(refusal.value.message) < 300


@pytest.mark.parametrize(
    "text",
    [
        "x = 9**9**9**9",  # never folded
        "x = 1 << 10**9",
        "x = 'a' * 10**12",
        "x = 1e999",
        "x = 0x" + "f" * 200_000,
        "x = '\\d'",  # an invalid escape is the author's business, even with warnings as errors
        "# -*- coding: utf-8 -*-\nx = 'é'",
        "x = 1\r\ny = 2\r\n",
        "x = " + "1+" * (MAX_DEPTH - 10) + "1",
        "#" * MAX_SOURCE_BYTES,
    ],
    ids=lambda text: text[:30],
)
def test_odd_but_harmless_source_is_accepted(text):
    parse_source(text)


def test_an_accepted_program_can_be_walked_by_recursive_code():
    tree = parse_source("x = " + "1+" * (MAX_DEPTH - 10) + "1")
    compile(tree, "train.py", "exec")


def test_the_worst_refused_program_costs_little_memory():
    # Address space for the interpreter plus the largest tree that 256 KiB can describe.
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (700 * 2**20,) * 2)\n"
        "from shared.sources import parse_source, SourceError\n"
        "for text in ('0\\n' * 130_000, 'x=(' + 'a,' * 130_000 + ')'):\n"
        "    try: parse_source(text)\n"
        "    except SourceError as error: print(error.reason)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.split() == ["too-complex"] * 2


def test_threads_may_parse_at_once():
    failures = []

    def parse():
        try:
            for _ in range(50):
                parse_source("x = '\\d'")
        except SourceError as error:
            failures.append(error)

    threads = [threading.Thread(target=parse) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_sha256_is_that_of_the_utf8_bytes():
    assert source_sha256("é\n") == hashlib.sha256(b"\xc3\xa9\n").hexdigest()
    with pytest.raises(SourceError):
        source_sha256("\ud800")
