"""The difference of two texts as a unified diff, in bounded time."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

CONTEXT = 3  # lines around a change
# difflib takes 0.3 s for so many lines that were made to be slow, and minutes for ten times more.
# Only with its list of popular lines, which is on by default: without it, this few take minutes.
MAX_DIFFERING_LINES = 2_000

Opcode = tuple[str, int, int, int, int]


def unified_diff(old: str, new: str, *, old_label: str, new_label: str) -> str:
    """Return what `patch` and `git apply` need to turn ``old`` into ``new``, '' for no difference.

    Equal beginnings and ends are set aside first. If more than ``MAX_DIFFERING_LINES`` are left,
    the rest is one change: still correct, no longer the smallest.
    """
    before, after = _lines(old), _lines(new)
    if before == after:
        return ""
    head = _equal(before, after)
    tail = _equal(before[head:][::-1], after[head:][::-1])
    start, rest = max(0, head - CONTEXT), max(0, tail - CONTEXT)
    a, b = before[start : len(before) - rest], after[start : len(after) - rest]
    parts = [f"--- {old_label}\n+++ {new_label}\n"]
    for group in _groups(a, b, above=head - start, below=tail - rest):
        first, last = group[0], group[-1]
        old_range = _range(start + first[1], start + last[2])
        new_range = _range(start + first[3], start + last[4])
        parts.append(f"@@ -{old_range} +{new_range} @@\n")
        for tag, i, j, k, m in group:
            if tag == "equal":
                parts += _marked(" ", a[i:j])
                continue
            parts += _marked("-", a[i:j])
            parts += _marked("+", b[k:m])
    return "".join(parts)


def _groups(
    a: Sequence[str], b: Sequence[str], *, above: int, below: int
) -> Iterable[list[Opcode]]:
    if max(len(a), len(b)) <= MAX_DIFFERING_LINES:
        return difflib.SequenceMatcher(None, a, b).get_grouped_opcodes(CONTEXT)
    i, j = len(a) - below, len(b) - below
    return [
        [
            ("equal", 0, above, 0, above),
            ("replace", above, i, above, j),
            ("equal", i, len(a), j, len(b)),
        ]
    ]


def _lines(text: str) -> list[str]:
    # Not splitlines(): a form feed ends no line of a file.
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _equal(a: Sequence[str], b: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _marked(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield mark + line
        if not line.endswith("\n"):
            yield "\n\\ No newline at end of file\n"


def _range(start: int, stop: int) -> str:
    count = stop - start
    # An empty range names the line before it.
    return f"{start + 1}" if count == 1 else f"{start + (count > 0)},{count}"
