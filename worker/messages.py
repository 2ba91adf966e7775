"""The words of the notebook's commits: a subject that fits, the rest below, our trailers last."""

import re
import textwrap
from collections.abc import Mapping

SUBJECT_WIDTH = 72
TRAILER = re.compile(r"^(Result|Status|Val-Bpb|From): (.*)$", re.MULTILINE)


def commit_message(text: str, trailers: Mapping[str, str], body: str = "") -> str:
    """Return a commit message: a subject that fits, the rest wrapped, the trailers last.

    The text may be anybody's: a line of it that looks like one of our trailers is indented, so
    that it is none.
    """
    whole = f"{text.strip()}\n\n{body.strip()}".strip()
    first, _, rest = whole.partition("\n")
    first = first.strip() or "(no words)"
    subject = textwrap.shorten(first, SUBJECT_WIDTH, placeholder=" …")
    if subject != first:
        rest = f"{first}\n{rest}"
    rest = TRAILER.sub(r"  \g<0>", rest.strip())
    if TRAILER.match(subject):
        subject = f"- {subject}"
    block = "\n".join(f"{key}: {value}" for key, value in trailers.items())
    return "\n\n".join(part for part in (subject, rest, block) if part)


def score_line(val_bpb: float | None, base_val_bpb: float | None) -> str:
    """Return the score with its difference to the base, nothing where there is none."""
    if val_bpb is None:
        return ""
    delta = "" if base_val_bpb is None else f" ({val_bpb - base_val_bpb:+.6f})"
    return f"val_bpb {val_bpb:.6f}{delta}"


def one_line(text: str) -> str:
    """Return the words of a text on one line."""
    return " ".join(text.split())
