"""How long a prompt is, in tokens, without asking anybody.

Providers do not publish their tokenizers, and tiktoken's own encodings come from the network. The
campaign brings a tiktoken encoding of its own, made by `prepare.py` on this machine. Its vocabulary
is far smaller than a language model's, so it splits text finer: its count is an upper bound in
practice.
"""

import base64
import json
import math
from collections.abc import Callable
from pathlib import Path

import tiktoken

CountTokens = Callable[[str], int]

BYTES_PER_TOKEN = 3  # code and English take three to four bytes a token


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text is, where the campaign has no tokenizer."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)


def token_counter(data_dir: Path) -> CountTokens:
    """Return what counts tokens, by the tokenizer of the campaign's prepared data if there is one.

    Args:
        data_dir: where `prepare.py` puts its data.
    """
    found = sorted(data_dir.glob("*/tokenizer.json"))
    if not found:
        return estimate_tokens
    stored = json.loads(found[-1].read_text())
    encoding = tiktoken.Encoding(
        "campaign",
        pat_str=stored["pattern"],
        mergeable_ranks={base64.b64decode(token): rank for token, rank in stored["ranks"].items()},
        special_tokens=stored["special"],
    )
    # As ordinary text: a stranger's words may contain what looks like a special token.
    return lambda text: len(encoding.encode_ordinary(text))
