"""`swarmlab dedup` on files as people leave them, with the real embedding model."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from coordinator.dedup.cli import app
from coordinator.search import embedder as embedder_module
from coordinator.search.embedder import (
    DIMENSION,
    MAX_ROWS,
    Embedder,
    EmbeddingModelError,
    packaged_model,
)
from coordinator.search.frozen import THREADS

PAIRS = Path(__file__).parents[1] / "data" / "dedup_pairs.tsv"
REFERENCE = """commit\tval_bpb\tmemory_gb\tstatus\tdescription
a1\t0.9979\t44.0\tkeep\tbaseline
b2\t0.9950\t44.0\tkeep\thalve batch 524K to 262K
c3\t0.0000\t0.0\tcrash\tdepth 12
d4\t0.9990\t44.0\tdiscard\tincrease weight decay to 0.3
e5\t0.9940\t44.0\tkeep\tdepth 12
f6\t0.9991\t44.0\tdiscard\tRoPE base 10K -> 100K
g7\t0.9992\t44.0\tdiscard\traise the rotary theta from 10000 to 1e5
h8\t0.9979\t44.0\tdiscard\tbaseline
i9\t0.9930\t44.0\tkeep\twarmdown 0.5 to 0.7
j1\t0.9931\t44.0\tkeep\twarmdown 0.7 to 0.75
"""


@pytest.fixture
def embedder():
    """One for each event loop that a test runs; the model is loaded once."""
    made = Embedder()
    yield made
    made.close()


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run_json(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def replayed(folder, text):
    path = folder / "results.tsv"
    path.write_text(text, encoding="utf-8")
    return run_json("replay", path)


@pytest.fixture(scope="module")
def scores():
    return run_json("eval", PAIRS)


def part(scores, prefix):
    rows = {k: v for k, v in scores["by_category"].items() if k.startswith(prefix)}
    return {
        key: sum(row[key] for row in rows.values()) for key in ("pairs", "false_blocks", "missed")
    }


def test_our_rule_reaches_its_goal_on_the_test_part(scores):
    test = part(scores["ours"], "test/")
    rows = [line.split("\t") for line in PAIRS.read_text(encoding="utf-8").splitlines()[1:]]
    duplicates = sum(row[0] == "dup" and row[1].startswith("test/") for row in rows)
    hits = duplicates - test["missed"]
    precision, recall = hits / (hits + test["false_blocks"]), hits / duplicates
    assert precision >= 0.97
    assert 2 * precision * recall / (precision + recall) >= 0.95


def test_cosine_alone_is_reported_beside_it_and_is_worse(scores):
    assert set(scores) == {"ours", "cosine_0_92"}
    for score in scores.values():
        assert {"precision", "recall", "f1", "false_blocks", "missed", "by_category"} <= set(score)
    assert scores["ours"]["f1"] > scores["cosine_0_92"]["f1"] + 0.3


def test_what_a_claim_is_refused_for_is_surer(scores):
    called, refused = scores["ours"], scores["ours"]["refused"]
    assert refused["false_blocks"] < called["false_blocks"]
    assert refused["missed"] > called["missed"]
    assert refused["precision"] > called["precision"]


def test_the_pairs_are_many_balanced_and_split():
    rows = [line.split("\t") for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == ["label", "category", "a", "b"]
    assert len(rows) > 400
    assert all(len(row) == 4 for row in rows)
    for prefix in ("dev/", "test/"):
        labels = [row[0] for row in rows[1:] if row[1].startswith(prefix)]
        assert len(labels) >= 100
        assert 0.3 < labels.count("dup") / len(labels) < 0.7


def test_people_get_a_table():
    result = run("eval", PAIRS)
    assert result.exit_code == 0
    assert "cosine_0_92" in result.stdout


def test_pairs_are_read_against_the_program_that_they_are_about(tmp_path):
    program, pairs = tmp_path / "train.py", tmp_path / "pairs.tsv"
    program.write_text("MATRIX_LR = 0.08\nFROBNICATION_DEGREE = 3\n", encoding="utf-8")
    pairs.write_text(
        "label\tcategory\ta\tb\n"
        "dup\tstart\thalve the matrix LR\tMATRIX_LR = 0.04\n"
        "dup\tname\traise the frobnication degree to 4\tFROBNICATION_DEGREE 3 -> 4\n"
        "distinct\tstart\thalve the matrix LR\tMATRIX_LR = 0.02\n",
        encoding="utf-8",
    )
    against_it = run_json("eval", pairs, "--program", program)["ours"]
    assert (against_it["false_blocks"], against_it["missed"]) == (0, 0)
    against_the_reference = run_json("eval", pairs)["ours"]["by_category"]["start"]
    assert (against_the_reference["false_blocks"], against_the_reference["missed"]) == (1, 1)


@pytest.mark.parametrize("text", [b"LR = ", b"\xff", None])
def test_a_program_that_cannot_be_read_is_named(tmp_path, text):
    program = tmp_path / "broken.py"
    if text is not None:
        program.write_bytes(text)
    result = run("eval", PAIRS, "--program", program)
    assert result.exit_code == 2
    assert "cannot be read as a program" in " ".join(result.output.replace("│", " ").split())


def test_a_replay_blocks_real_repeats_and_nothing_else(tmp_path):
    result = replayed(tmp_path, REFERENCE)
    ours = result["ours"]
    assert (ours["rows"], ours["keeps"], ours["keeps_blocked"]) == (10, 5, 0)
    assert [(block["id"], block["match"]["id"]) for block in ours["blocks"]] == [("g7", "f6")]
    assert ours["blocked"] == 1
    assert result["cosine_0_92"]["blocked"] >= 1


def test_a_quoted_log_of_other_columns_reads_the_same(tmp_path):
    rows = [line.split("\t") for line in REFERENCE.splitlines()[1:]]
    text = "Exp_ID\tStatus\tHypothesis\r\n" + "".join(
        f'"{row[0]}"\t"{row[3].upper()}"\t"{row[4]}"\r\n' for row in rows
    )
    ours = replayed(tmp_path, text)["ours"]
    assert [block["id"] for block in ours["blocks"]] == ["g7"]


def test_stray_quotes_long_fields_and_missing_cells_are_survived(tmp_path):
    text = (
        "id\tstatus\thypothesis\tnotes\n"
        'a\tdiscard\t"softcap 20" from the paper\t' + "x" * 300_000 + "\n"
        "b\tdiscard\tuse a softcap of 20\t\n"
        "c\n"
        "\n"
        "d\t\tsoftcap 20\t\n"
        "e\tdiscard\t\t\n"
        'f\tdiscard\t"dropout 0.1\n'
    )
    ours = replayed(tmp_path, text)["ours"]
    assert ours["rows"] == 6
    assert [block["id"] for block in ours["blocks"]] == ["b", "d"]


def test_a_moved_base_allows_a_retest_and_a_crash_a_retry(tmp_path):
    text = (
        "exp_id\tparent_exp\tstatus\thypothesis\n"
        "1\t\tkeep\tEMA decay 0.99\n"
        "2\t1\tdiscard\tsoftcap 20\n"
        "3\t1\tkeep\tdropout 0.1\n"
        "4\t3\tdiscard\tsoftcap 20\n"
        "5\t3\tcrash\tdepth 12\n"
        "6\texp_3\tdiscard\tdepth 12\n"
        "7\texp_3\tdiscard\t12 layers\n"
    )
    ours = replayed(tmp_path, text)["ours"]
    assert [block["id"] for block in ours["blocks"]] == ["7"]


def test_runs_that_overlapped_are_listed_apart(tmp_path):
    text = (
        "exp_id\tparent_exp\tstatus\thypothesis\ttimestamp\ttotal_s\n"
        "1\t0\tdiscard\tsoftcap 20\t2026-01-01T10:00:00Z\t600\n"
        "2\t0\tkeep\tlogit softcap of 20\t2026-01-01T10:05:00Z\t600\n"
        "3\t0\tdiscard\tcap the logits at 20\t2026-01-01T11:00:00Z\t\n"
    )
    ours = replayed(tmp_path, text)["ours"]
    assert [block["id"] for block in ours["concurrent"]] == ["2"]
    assert [block["id"] for block in ours["blocks"]] == ["3"]
    assert ours["keeps_blocked"] == 0


@pytest.mark.parametrize(
    ("command", "text", "complaint"),
    [
        ("eval", "label\ta\nmaybe\tx\n", "columns"),
        ("eval", "label\tcategory\ta\tb\nmaybe\tc\tx\ty\n", "neither"),
        ("replay", "status\tval_bpb\nkeep\t1\n", "description"),
        ("replay", "", "header"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_what_is_missing(
    tmp_path, command, text, complaint
):
    path = tmp_path / "file.tsv"
    path.write_text(text, encoding="utf-8")
    result = run(command, path)
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())


def test_an_empty_log_has_no_blocks(tmp_path):
    assert replayed(tmp_path, "status\tdescription\n")["ours"]["rows"] == 0


def test_embeddings_are_unit_vectors_that_do_not_depend_on_the_batch(embedder):
    texts = ["raise the learning rate", "halve the batch", "raise the learning rate"]
    vectors = embedder.embed_many(texts)
    assert vectors.shape == (3, DIMENSION)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert np.allclose(vectors[0], embedder.embed_many(texts[:1])[0], atol=1e-5)
    assert embedder.embed_many([]).shape == (0, DIMENSION)


def test_concurrent_requests_share_batches(embedder, monkeypatch):
    sizes = []
    real = embedder.embed_few
    monkeypatch.setattr(
        embedder, "embed_few", lambda texts: (sizes.append(len(texts)), real(texts))[1]
    )

    async def embed_all():
        return await asyncio.gather(*(embedder.embed(f"text {i}") for i in range(100)))

    vectors = asyncio.run(embed_all())
    assert sum(sizes) == 100
    assert len(sizes) <= 100 / MAX_ROWS + THREADS
    assert np.allclose(vectors[42], embedder.embed_many(["text 42"])[0], atol=1e-5)


def test_a_cancelled_request_does_not_disturb_the_others(embedder):
    async def embed_some():
        tasks = [asyncio.create_task(embedder.embed(f"cancel {i}")) for i in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(embed_some())
    assert first.shape == third.shape == (DIMENSION,)
    assert isinstance(second, asyncio.CancelledError)


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_text_that_comes_as_the_last_batch_ends_is_embedded(embedder, monkeypatch, at_once):
    """A text must not wait for a worker that has already seen that nobody waits."""
    monkeypatch.setattr(embedder_module, "THREADS", at_once)

    async def embed_in_turn(who):
        async with asyncio.timeout(30):
            return [await embedder.embed(f"turn {who} {n} {at_once}") for n in range(20)]

    async def embed_all():
        return await asyncio.gather(*(embed_in_turn(who) for who in range(at_once)))

    for vectors in asyncio.run(embed_all()):
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


def test_a_missing_model_is_named_to_everyone_who_waits(tmp_path):
    async def embed_two(broken):
        return await asyncio.gather(broken.embed("a"), broken.embed("b"), return_exceptions=True)

    (tmp_path / "config.json").write_text("{}")
    for error in asyncio.run(embed_two(Embedder(str(tmp_path)))):
        assert isinstance(error, EmbeddingModelError)
        assert "SWARMLAB_EMBEDDING_MODEL" in str(error)


def test_tampered_weights_are_refused(monkeypatch):
    assert (packaged_model() / "model.safetensors").is_file()
    monkeypatch.setattr(embedder_module, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(EmbeddingModelError):
        packaged_model()
