import base64
import json
from pathlib import Path

import pytest

from shared.sources import source_sha256
from worker.proposers import Briefing, Proposal
from worker.proposers.prompt import (
    MAX_GUIDE_TOKENS,
    MAX_PROGRAM_TOKENS,
    PROMPT_TOKENS,
    system_blocks,
    user_blocks,
)
from worker.proposers.tokens import estimate_tokens, token_counter

PROGRAM = "MATRIX_LR = 0.04\n"


@pytest.fixture
def data_dir(tmp_path) -> Path:
    """Prepared data with a tokenizer that knows the bytes, and one word."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    ranks |= {b"ra": 256, b"te": 257, b"rate": 258}
    folder = tmp_path / "stdlib-0123"
    folder.mkdir()
    stored = {
        "pattern": r"\p{L}+|\P{L}",
        "ranks": {base64.b64encode(token).decode(): rank for token, rank in ranks.items()},
        "special": {"<|bos|>": 259},
    }
    (folder / "tokenizer.json").write_text(json.dumps(stored))
    return tmp_path


def make_briefing(**overrides) -> Briefing:
    parts = {
        "campaign": "tiny",
        "program_md": "# Guide",
        "base_source": PROGRAM,
        "base_sha256": source_sha256(PROGRAM),
        "base_val_bpb": 1.5,
    }
    return Briefing(**(parts | overrides))


def test_tokens_are_counted_by_the_campaigns_own_encoding(data_dir):
    count = token_counter(data_dir)
    assert count("rate rate") == 3
    assert count("xyz") == 3


def test_what_looks_like_a_special_token_is_counted_as_text(data_dir):
    assert token_counter(data_dir)("<|bos|>") == 7


def test_without_a_tokenizer_the_count_is_estimated_from_bytes(tmp_path):
    assert token_counter(tmp_path) is estimate_tokens
    assert token_counter(tmp_path)("ünï") == 2  # five bytes


def test_a_prompt_of_endless_parts_keeps_to_its_budget_and_says_something_of_each(data_dir):
    count = token_counter(data_dir)
    briefing = make_briefing(
        program_md="guide " * 100_000,
        base_source="A = 1\n" * 100_000,
        find_failures=lambda _: pytest.fail("there is nothing to compare with"),
    )
    [system] = system_blocks(briefing, count_tokens=count)
    head, rest = user_blocks(briefing, count_tokens=count)
    assert MAX_GUIDE_TOKENS * 0.9 < count(system["text"]) < MAX_GUIDE_TOKENS + 2_000
    assert MAX_PROGRAM_TOKENS * 0.9 < count(head["text"]) < MAX_PROGRAM_TOKENS + 200
    assert "guide" in system["text"]
    assert "A = 1" in head["text"]
    assert rest["text"] == "Propose the next experiment."


def test_a_finer_tokenizer_leaves_room_for_less(data_dir):
    suggestion = Proposal(hypothesis="MATRIX_LR 0.04 -> 0.05", source="MATRIX_LR = 0.05\n")
    briefing = make_briefing(base_source="x = 1\n" * 7_000)
    # 42 thousand bytes: 14 thousand tokens by estimate, 40 thousand by this encoding.
    shown = {
        counter: sum(
            counter(block["text"])
            for block in user_blocks(briefing, suggestion=suggestion, count_tokens=counter)
        )
        for counter in (estimate_tokens, token_counter(data_dir))
    }
    assert all(each < PROMPT_TOKENS for each in shown.values())
    assert max(shown.values()) > 2 * min(shown.values())
