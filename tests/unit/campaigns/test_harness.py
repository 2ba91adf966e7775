"""The frozen harness: splits, packing, tokenizer, download."""

import hashlib
import http.server
import importlib.util
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

CAMPAIGN = Path(__file__).parents[3] / "campaigns" / "nanochat"
CONTEXT = 32


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """A harness with a small folder of text, prepared."""
    home = tmp_path_factory.mktemp("harness")
    text = home / "text"
    text.mkdir()
    for number in range(60):
        words = " ".join(f"word{n} of text {number}," for n in range(number + 3))
        (text / f"{number}.txt").write_text(f"Dépôt {number}: {words}\n")
    spec = importlib.util.spec_from_file_location("harness_under_test", CAMPAIGN / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.DATA, module.VOCAB_SIZE, module.HELD_OUT_PERCENT = str(text), 300, 20
    module.MAX_SEQ_LEN, module.EVAL_TOKENS, module.PACK_BUFFER = CONTEXT, CONTEXT * 10, 9
    module.DEFAULT_DATA_DIR = home / "data"
    said: list[str] = []
    module.prepare(module.DEFAULT_DATA_DIR, said.append)
    assert any("BPE" in line for line in said)
    yield module
    del sys.modules[spec.name]


def test_preparing_again_does_nothing(harness: ModuleType) -> None:
    said: list[str] = []
    first = harness.prepare(harness.DEFAULT_DATA_DIR, said.append)
    assert said == []
    assert first == harness.prepare(harness.DEFAULT_DATA_DIR, said.append)
    assert first["train_bytes"] > first["val_bytes"] > 0


def test_a_preparation_that_was_broken_off_is_made_again(harness: ModuleType) -> None:
    folder = harness.prepared_dir(harness.DEFAULT_DATA_DIR)
    before = harness.prepare(harness.DEFAULT_DATA_DIR, print)
    folder.rename(folder.with_name(folder.name + ".part"))
    assert harness.prepare(harness.DEFAULT_DATA_DIR, print) == before


def test_every_document_is_in_one_split(harness: ModuleType) -> None:
    splits = {s: set(harness.documents(s, harness.DEFAULT_DATA_DIR)) for s in harness.SPLITS}
    assert all(splits.values())
    assert sum(map(len, splits.values())) == len(set().union(*splits.values())) == 60


def test_text_comes_back_from_its_tokens(harness: ModuleType) -> None:
    tokenizer = harness.Tokenizer.from_directory()
    text = "Dépôt 3: 中文 <|bos|>\n\tdone"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.get_vocab_size() == 300
    assert tokenizer.get_bos_token_id() not in tokenizer.encode(text)
    assert tokenizer.encode(["a", "b"], prepend="<|bos|>")[1][0] == tokenizer.get_bos_token_id()


def test_token_bytes_sum_to_the_bytes_of_the_text(harness: ModuleType) -> None:
    text = "word1 of text 7, Dépôt"
    tokens = harness.Tokenizer.from_directory().encode(text, prepend="<|bos|>")
    assert int(harness.get_token_bytes()[tokens].sum()) == len(text.encode())


def test_rows_begin_with_bos_and_have_no_padding(harness: ModuleType) -> None:
    rows = harness.validation_rows(harness.prepared_dir(harness.DEFAULT_DATA_DIR))
    assert rows.shape == (10, CONTEXT + 1)
    assert (rows[:, 0] == harness.Tokenizer.from_directory().get_bos_token_id()).all()
    assert rows.max() < 300


def test_a_row_takes_the_longest_document_that_fits_and_cuts_the_shortest(
    harness: ModuleType, tmp_path: Path
) -> None:
    lengths = [5, 3, 9, 6]  # tokens; document n is all n
    tokens = np.repeat(np.arange(4, dtype=np.uint16), lengths)
    tokens.tofile(tmp_path / "train.bin")
    np.save(tmp_path / "train.starts.npy", np.cumsum([0, *lengths]))
    packer = harness.Packer(tmp_path, "train", 9, seed=0)
    packer._buffer = [(3, 1), (5, 0), (6, 3), (9, 2)]
    packer._refill = lambda: None
    rows = np.empty((2, 10), dtype=np.int64)
    packer.fill(rows)
    # 9 fits into 10, nothing fits into the one that is left: the shortest is cut. Then 6, and 4
    # are left: 5 does not fit and is cut.
    assert rows.tolist() == [[2] * 9 + [1], [3] * 6 + [0] * 4]


def test_the_seed_decides_the_order_of_the_rows(harness: ModuleType) -> None:
    folder = harness.prepared_dir(harness.DEFAULT_DATA_DIR)

    def rows(seed: int) -> bytes:
        found = np.empty((4, CONTEXT + 1), dtype=np.int64)
        harness.Packer(folder, "train", CONTEXT, seed=seed).fill(found)
        return found.tobytes()

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)


def test_batches_are_inputs_and_their_targets(harness: ModuleType) -> None:
    loader = harness.make_dataloader(harness.Tokenizer.from_directory(), 4, CONTEXT, "train")
    x, y, epoch = next(loader)
    following = next(loader)[0]
    loader.close()
    assert x.shape == y.shape == (4, CONTEXT)
    assert (x[:, 1:] == y[:, :-1]).all()
    assert epoch >= 1
    assert (following != x).any()


class Shard(http.server.BaseHTTPRequestHandler):
    """Sends to where the bytes are, and breaks off in the middle of every answer from the start."""

    content = bytes(range(256)) * 400
    published = hashlib.sha256(content).hexdigest()

    def do_GET(self) -> None:
        if self.path == "/shard":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.send_header("X-Linked-ETag", f'"{self.published}"')
            self.end_headers()
            return
        first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        rest = self.content[first:]
        self.send_response(206 if rest else 416)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest if first else rest[:1000])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shard_url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shard) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/shard"
        server.shutdown()
        thread.join()


@pytest.fixture
def no_waiting(harness: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.time, "sleep", lambda _: None)


@pytest.mark.usefixtures("no_waiting")
def test_a_download_goes_on_where_it_was_broken_off(
    harness: ModuleType, shard_url: str, tmp_path: Path
) -> None:
    harness.download(shard_url, tmp_path / "shard.parquet")
    assert (tmp_path / "shard.parquet").read_bytes() == Shard.content


@pytest.mark.usefixtures("no_waiting")
def test_a_download_with_other_bytes_than_published_is_refused(
    harness: ModuleType, shard_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shard, "published", "0" * 64)
    with pytest.raises(SystemExit, match="not those published"):
        harness.download(shard_url, tmp_path / "shard.parquet", attempts=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_waiting")
def test_a_download_that_was_complete_but_for_its_name_is_checked_too(
    harness: ModuleType, shard_url: str, tmp_path: Path
) -> None:
    (tmp_path / "shard.part").write_bytes(Shard.content)
    harness.download(shard_url, tmp_path / "shard.parquet")
    assert (tmp_path / "shard.parquet").read_bytes() == Shard.content
    (tmp_path / "other.part").write_bytes(Shard.content[:-1] + b"?")
    harness.download(shard_url, tmp_path / "other.parquet")
    assert (tmp_path / "other.parquet").read_bytes() == Shard.content
