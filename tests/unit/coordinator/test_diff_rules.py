"""The unified diff: whoever applies it gets the other text, whatever the texts."""

import re

from hypothesis import given
from hypothesis import strategies as st

from coordinator.experiments.rules import MAX_DIFFERING_LINES, unified_diff

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "x = 1", "\x0c", "-", "+", "@@ -1 +1 @@"]))
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n"]))


def diff(old: str, new: str) -> str:
    return unified_diff(old, new, old_label="a/train.py", new_label="b/train.py")


def lines_of(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def apply(old: str, patch: str) -> str:
    """What a patch makes of a text, by the letter: every line of it must fit where it stands."""
    before, after = lines_of(old), []
    position = 0
    rows = patch.split("\n")[2:]
    for number, row in enumerate(rows):
        no_newline = rows[number + 1 : number + 2] == ["\\ No newline at end of file"]
        line = row[1:] + ("" if no_newline else "\n")
        if found := re.match(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,\d+)? @@$", row):
            start = int(found[1]) - (found[2] != "0")
            after += before[position:start]
            position = start
            assert int(found[3]) == len(after) + 1 or row.endswith(",0 @@")
        elif row[:1] in {" ", "-"}:
            assert before[position] == line
            position += 1
            after += [line] if row[0] == " " else []
        elif row[:1] == "+":
            after.append(line)
    return "".join(after + before[position:])


@given(TEXTS, TEXTS)
def test_a_diff_applied_to_the_old_text_gives_the_new_one(old, new):
    assert apply(old, diff(old, new)) == new if old != new else diff(old, new) == ""


def test_a_small_change_in_a_long_text_is_a_small_diff():
    old = "".join(f"line {number}\n" for number in range(10_000))
    new = old.replace("line 5000\n", "line five thousand\n")
    assert diff(old, new) == (
        "--- a/train.py\n+++ b/train.py\n@@ -4998,7 +4998,7 @@\n"
        " line 4997\n line 4998\n line 4999\n-line 5000\n+line five thousand\n"
        " line 5001\n line 5002\n line 5003\n"
    )


def test_two_distant_changes_are_two_hunks():
    old = "".join(f"{number}\n" for number in range(100))
    patch = diff(old, old.replace("10\n", "ten\n", 1).replace("90\n", "ninety\n", 1))
    assert patch.count("@@ -") == 2


def test_texts_that_differ_everywhere_are_one_change_and_still_correct():
    """difflib would take minutes for these: each line of one stands in the other, far away."""
    count = 10 * MAX_DIFFERING_LINES
    numbers = [f"{number}\n" for number in range(count)]
    old = "same\n" * 5 + "".join(numbers) + "end\n"
    interleaved = [line for pair in zip(numbers, numbers[::-1], strict=True) for line in pair]
    new = "same\n" * 5 + "".join(interleaved) + "end\n"
    patch = diff(old, new)
    assert patch.count("@@ -") == 1
    assert "\n same\n same\n 0\n-1\n" in patch
    assert apply(old, patch) == new


def test_a_missing_newline_at_the_end_is_said():
    assert diff("a\n", "a").endswith("-a\n+a\n\\ No newline at end of file\n")
