"""The frozen harness of the nanochat campaign: data, tokenizer, loader and evaluation.

Run once per machine, it gathers the text and trains the tokenizer::

    python prepare.py --data-dir DIR [--json]

Imported by train.py, it gives what every experiment shares and none may change::

    MAX_SEQ_LEN TIME_BUDGET EVAL_TOKENS Tokenizer make_dataloader evaluate_bpb get_token_bytes

Under the runner, a file ``lab.json`` in the working directory names the seed, the threads and the
channel to the examiner: a trusted process that holds the data, hands out training batches and
scores the model. Nothing that a program does to this module changes what the examiner computes.
Without ``lab.json`` (a person runs ``python train.py`` by hand) data and evaluation are in process.
"""

from __future__ import annotations

import argparse
import ast
import base64
import bisect
import contextlib
import fcntl
import hashlib
import json
import math
import mmap
import platform
import random
import shutil
import socket
import sys
import sysconfig
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tiktoken
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

# ------------------------------------------------------------------------------------------------
# Constants. A campaign file may override them when the campaign is created; a program never can.
# ------------------------------------------------------------------------------------------------

MAX_SEQ_LEN = 2048  # tokens of context
TIME_BUDGET = 300  # seconds of training
EVAL_TOKENS = 40 * 524288  # validation tokens that make the score
DATA = "climbmix"  # "climbmix", "stdlib" (offline demo), or the path of a folder with text
VOCAB_SIZE = 8192  # tokens, the special one included
TRAIN_SHARDS = 12  # climbmix shards of training text, about 55 M tokens each
VAL_SHARD = 6542  # climbmix shard that is the pinned validation split
AUDIT_SHARD = 6541  # climbmix shard that no agent sees
TOKENIZER_CHARS = 1_000_000_000  # characters of training text that the BPE is trained on

CLIMBMIX_URL = "https://huggingface.co/datasets/karpathy/climbmix-400b-shuffle/resolve/main"
DOC_CHARS = 10_000  # characters of one document that the BPE sees
STDLIB_DOC_CHARS = 3_000  # characters after which a module is cut at the next blank line
HELD_OUT_PERCENT = 5  # of files (or documents) that go to validation, and as many to audit
PACK_BUFFER = 1_000  # documents among which best-fit packing chooses
BOS = "<|bos|>"
# Source: the GPT-4 split pattern (tiktoken's cl100k), with digits in groups of one or two, which
# spends fewer of a small vocabulary's tokens on numbers.
SPLIT_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
SPLITS = ("train", "val", "audit")

DEFAULT_DATA_DIR = Path.home() / ".cache" / "swarmlab" / "data"
LAB_FILE = Path("lab.json")


def _read_lab() -> dict[str, Any]:
    if not LAB_FILE.is_file():
        return {}
    lab: dict[str, Any] = json.loads(LAB_FILE.read_text(encoding="utf-8"))
    return lab


LAB = _read_lab()


# ------------------------------------------------------------------------------------------------
# Text: (key, text) pairs in a fixed order, each key in one split for ever
# ------------------------------------------------------------------------------------------------


def split_of(key: str) -> str:
    """Name the split of a file or document, for ever the same for the same key."""
    percent = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % 100
    if percent < HELD_OUT_PERCENT:
        return "val"
    return "audit" if percent < 2 * HELD_OUT_PERCENT else "train"


def stdlib_documents(split: str) -> Iterator[str]:
    """Yield the running Python's standard library, each module cut at blank lines."""
    root = Path(sysconfig.get_paths()["stdlib"])
    left_out = {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib"}
    paths = [p for p in root.rglob("*.py") if not left_out & set(p.relative_to(root).parts)]
    for path in sorted(paths, key=lambda p: p.relative_to(root).as_posix()):
        key = path.relative_to(root).as_posix()
        # The build's own paths and flags differ from machine to machine.
        if split_of(key) != split or path.name.startswith("_sysconfigdata"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        with contextlib.suppress(SyntaxError):  # templates and samples have no docstring to give
            prose = ast.get_docstring(ast.parse(text))
            if prose and len(prose) > 200:
                yield prose
        piece: list[str] = []
        size = 0
        for line in text.splitlines(keepends=True):
            piece.append(line)
            size += len(line)
            if size >= STDLIB_DOC_CHARS and not line.strip():
                yield "".join(piece)
                piece, size = [], 0
        if size:
            yield "".join(piece)


def folder_documents(folder: Path, split: str) -> Iterator[str]:
    """Yield the text files and the parquet rows (column ``text``) of a folder."""
    for path in sorted(folder.rglob("*")):
        key = path.relative_to(folder).as_posix()
        if path.suffix == ".parquet":
            for row, text in enumerate(parquet_texts(path)):
                if split_of(f"{key}:{row}") == split:
                    yield text
        elif path.is_file() and split_of(key) == split:
            yield path.read_text(encoding="utf-8", errors="replace")


def parquet_texts(path: Path) -> Iterator[str]:
    """Yield the ``text`` column, one row group in memory at a time."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - the demo's text needs no parquet

    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):
        yield from file.read_row_group(group, columns=["text"])["text"].to_pylist()


def documents(split: str, data_dir: Path) -> Iterator[str]:
    """Yield one split's documents in a fixed order."""
    if DATA == "stdlib":
        yield from stdlib_documents(split)
    elif DATA == "climbmix":
        shards = {"train": range(TRAIN_SHARDS), "val": [VAL_SHARD], "audit": [AUDIT_SHARD]}[split]
        for shard in shards:
            yield from parquet_texts(data_dir / "shards" / f"shard_{shard:05d}.parquet")
    else:
        folder = Path(DATA).expanduser()
        if not folder.is_dir():
            raise SystemExit(f"DATA is {DATA!r}, which is no folder: give its path, or 'stdlib'.")
        yield from folder_documents(folder, split)


# ------------------------------------------------------------------------------------------------
# Download: resumed after a break, retried, checked against the publisher's SHA-256
# ------------------------------------------------------------------------------------------------


def download(url: str, target: Path, *, attempts: int = 6) -> None:
    """Fetch a file whole or not at all; a part left by a former try is continued.

    Raises:
        SystemExit: The last attempt failed too; it says what to check.
    """
    if target.exists():
        return
    part = target.with_suffix(".part")
    for attempt in range(attempts):
        try:
            _fetch_rest(url, part)
            break
        except (urllib.error.URLError, ConnectionError, TimeoutError, ValueError) as error:
            if attempt == attempts - 1:
                raise SystemExit(
                    f"{target.name} cannot be fetched from {urllib.parse.urlsplit(url).hostname}: "
                    f"{error}. Check the network and the proxy (HTTPS_PROXY), then run this again: "
                    "it goes on from what is there."
                ) from error
            wait_s = min(60.0, 2.0**attempt)
            print(f"{target.name}: {error}; again in {wait_s:.0f} s", file=sys.stderr)
            time.sleep(wait_s)
    part.replace(target)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects and keeps the digest that only the first answer names."""

    published = ""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        """Note the digest in the headers of the redirecting answer."""
        self.published = arguments[4].get("X-Linked-ETag") or self.published
        return super().redirect_request(*arguments)


def _fetch_rest(url: str, part: Path) -> None:
    """Append what is missing, then check the whole.

    Raises:
        ConnectionError: The connection broke off; the part is kept.
        ValueError: The bytes are not those that the publisher names; the part is thrown away.
    """
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"})  # noqa: S310
    redirects = _Redirects()
    try:
        with urllib.request.build_opener(redirects).open(request, timeout=60) as answer:
            if answer.status == 200:
                have = 0  # the server knows no ranges: from the start
            redirects.published = answer.headers.get("X-Linked-ETag") or redirects.published
            with part.open("ab" if have else "wb") as out:
                shutil.copyfileobj(answer, out, 1 << 20)
                length = int(answer.headers.get("Content-Length", out.tell() - have))
                if out.tell() < have + length:
                    raise ConnectionError("the connection broke off")
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: nothing is missing
            raise
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    expected = redirects.published.strip('"')
    if len(expected) == 64 and found != expected:
        part.unlink()
        raise ValueError("the bytes fetched are not those published")


# ------------------------------------------------------------------------------------------------
# Preparing: gather, train the tokenizer, tokenize every split once
# ------------------------------------------------------------------------------------------------


def recipe() -> dict[str, Any]:
    """Name everything that decides the prepared bytes."""
    made_of: dict[str, Any] = {"data": DATA, "vocab_size": VOCAB_SIZE, "pattern": SPLIT_PATTERN}
    if DATA == "stdlib":
        made_of |= {"python": platform.python_version(), "doc_chars": STDLIB_DOC_CHARS}
    if DATA == "climbmix":
        made_of |= {"train_shards": TRAIN_SHARDS, "val": VAL_SHARD, "audit": AUDIT_SHARD}
    return made_of


def prepared_dir(data_dir: Path) -> Path:
    """Name the folder of this harness's data: several campaigns share one data directory."""
    digest = hashlib.sha256(json.dumps(recipe(), sort_keys=True).encode()).hexdigest()
    return data_dir / f"{Path(DATA).name}-{digest[:12]}"


def prepare(data_dir: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Make the data ready and return its fingerprint; do nothing where it is ready already.

    Safe when several processes call it at once: one works, the others wait for its result.
    """
    target = prepared_dir(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / ".lock").open("w") as lock:
        if not (target / "fingerprint.json").exists():
            fcntl.flock(lock, fcntl.LOCK_EX)  # released by the kernel, however this process ends
        if not (target / "fingerprint.json").exists():
            _build(data_dir, target, say)
    fingerprint: dict[str, Any] = json.loads((target / "fingerprint.json").read_text())
    return fingerprint


def _build(data_dir: Path, target: Path, say: Callable[[str], None]) -> None:
    if DATA == "climbmix":
        (data_dir / "shards").mkdir(exist_ok=True)
        shards = [*range(TRAIN_SHARDS), VAL_SHARD, AUDIT_SHARD]
        names = [f"shard_{shard:05d}.parquet" for shard in shards]
        with ThreadPoolExecutor(8) as pool:
            jobs = [
                pool.submit(download, f"{CLIMBMIX_URL}/{n}", data_dir / "shards" / n) for n in names
            ]
            for done, job in enumerate(jobs, 1):
                job.result()
                say(f"downloading: {done}/{len(jobs)} shards")
    work = target.with_name(target.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    say(f"training a BPE of {VOCAB_SIZE:,} tokens")
    train_tokenizer(data_dir, work / "tokenizer.json")
    tokenizer = Tokenizer.from_directory(work)
    text_sha256 = hashlib.sha256()
    text_bytes = {}
    for split in SPLITS:
        say(f"tokenizing: {split}")
        text_bytes[split] = tokenize_split(tokenizer, split, data_dir, work, text_sha256)
    fingerprint = {
        "data_sha256": text_sha256.hexdigest(),
        "tokenizer_sha256": hashlib.sha256((work / "tokenizer.json").read_bytes()).hexdigest(),
        "train_bytes": text_bytes["train"],
        "val_bytes": text_bytes["val"],
    }
    (work / "fingerprint.json").write_text(json.dumps(fingerprint))
    work.rename(target)


def train_tokenizer(data_dir: Path, target: Path) -> None:
    """Write a byte-pair encoding of the training text as JSON: nothing in it can execute."""

    def texts() -> Iterator[str]:
        left = TOKENIZER_CHARS
        for text in documents("train", data_dir):
            yield text[:DOC_CHARS]
            left -= min(len(text), DOC_CHARS)
            if left <= 0:
                return

    import rustbpe  # noqa: PLC0415 - needed once per machine, not once per run

    trainer = rustbpe.Tokenizer()
    trainer.train_from_iterator(texts(), VOCAB_SIZE - 1, pattern=SPLIT_PATTERN)
    ranks = {base64.b64encode(bytes(t)).decode(): r for t, r in trainer.get_mergeable_ranks()}
    encoding = {"pattern": SPLIT_PATTERN, "ranks": ranks, "special": {BOS: len(ranks)}}
    target.write_text(json.dumps(encoding))


def tokenize_split(
    tokenizer: Tokenizer, split: str, data_dir: Path, work: Path, digest: hashlib._Hash
) -> int:
    """Write a split as uint16 tokens, each document behind a BOS; return the bytes of its text."""
    text_bytes, batch = 0, []
    starts = [0]

    def flush(out: Any) -> None:
        for ids in tokenizer.encode(batch, prepend=tokenizer.get_bos_token_id()):
            np.asarray(ids, dtype=np.uint16).tofile(out)
            starts.append(starts[-1] + len(ids))
        batch.clear()

    with (work / f"{split}.bin").open("wb") as out:
        for text in documents(split, data_dir):
            encoded = text.encode("utf-8", errors="replace")
            digest.update(hashlib.sha256(encoded).digest())
            text_bytes += len(encoded)
            batch.append(text)
            if len(batch) == 4096:
                flush(out)
        flush(out)
    digest.update(split.encode())
    np.save(work / f"{split}.starts.npy", np.asarray(starts, dtype=np.int64), allow_pickle=False)
    return text_bytes


# ------------------------------------------------------------------------------------------------
# Tokenizer
# ------------------------------------------------------------------------------------------------


class Tokenizer:
    """The campaign's byte-pair encoding."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self.encoding = encoding
        self._bos = encoding.encode_single_token(BOS)

    @classmethod
    def from_directory(cls, directory: str | Path | None = None) -> Tokenizer:
        """Load the tokenizer of the prepared data, or of a directory given."""
        if directory is None and EXAMINER is not None:
            stored = EXAMINER.tokenizer()
        else:
            folder = Path(directory) if directory is not None else _data_folder()
            stored = json.loads((folder / "tokenizer.json").read_text())
        ranks = {base64.b64decode(token): rank for token, rank in stored["ranks"].items()}
        return cls(
            tiktoken.Encoding(
                "swarmlab",
                pat_str=stored["pattern"],
                mergeable_ranks=ranks,
                special_tokens=stored["special"],
            )
        )

    def get_vocab_size(self) -> int:
        """Return the number of tokens, the special one included."""
        return self.encoding.n_vocab

    def get_bos_token_id(self) -> int:
        """Return the token that opens every document."""
        return self._bos

    def encode(
        self, text: str | list[str], prepend: int | str | None = None, num_threads: int = 8
    ) -> Any:
        """Return the tokens of a text, or a list of them for a list of texts."""
        first = self.encoding.encode_single_token(prepend) if isinstance(prepend, str) else prepend
        texts = [text] if isinstance(text, str) else text
        rows = self.encoding.encode_ordinary_batch(texts, num_threads=num_threads)
        if first is not None:
            rows = [[first, *row] for row in rows]
        return rows[0] if isinstance(text, str) else rows

    def decode(self, ids: list[int]) -> str:
        """Return the text of tokens."""
        return self.encoding.decode(ids)


def get_token_bytes(device: str | torch.device = "cpu") -> torch.Tensor:
    """Return how many bytes of text each token stands for; 0 for the special one."""
    encoding = Tokenizer.from_directory().encoding
    lengths = [
        0 if encoding.is_special_token(token) else len(encoding.decode_single_token_bytes(token))
        for token in range(encoding.n_vocab)
    ]
    return torch.tensor(lengths, dtype=torch.int32, device=device)


# ------------------------------------------------------------------------------------------------
# Loader: rows that start with BOS, packed best-fit, without padding
# ------------------------------------------------------------------------------------------------


class Packer:
    """Packs documents into rows of ``T + 1`` tokens, for ever; the same seed gives the same rows.

    Of the documents at hand the longest that still fits is placed; when none fits, the shortest
    is cut to fill the row exactly, and what is left of it is dropped.
    """

    def __init__(self, folder: Path, split: str, T: int, seed: int) -> None:
        self.tokens: npt.NDArray[np.uint16] = np.memmap(folder / f"{split}.bin", np.uint16, "r")
        self.starts = np.load(folder / f"{split}.starts.npy", allow_pickle=False)
        if len(self.starts) < 2:
            raise SystemExit(f"The {split} split is empty: give DATA a folder with more text.")
        self.T = T
        self.epoch = 0
        self._rng = np.random.default_rng(seed)
        self._order: list[int] = []
        # (length, document), sorted by length: one binary search finds the best fit
        self._buffer: list[tuple[int, int]] = []

    def _refill(self) -> None:
        while len(self._buffer) < PACK_BUFFER:
            if not self._order:
                self._order = self._rng.permutation(len(self.starts) - 1).tolist()
                self.epoch += 1
            document = self._order.pop()
            length = int(self.starts[document + 1] - self.starts[document])
            bisect.insort(self._buffer, (length, document))

    def fill(self, rows: npt.NDArray[Any]) -> None:
        """Fill an array of shape (B, T + 1) with the next rows."""
        for row in rows:
            filled = 0
            while filled < len(row):
                self._refill()
                room = len(row) - filled
                best = bisect.bisect_right(self._buffer, (room, sys.maxsize)) - 1
                length, document = self._buffer.pop(max(best, 0))
                length = min(length, room)
                start = int(self.starts[document])
                row[filled : filled + length] = self.tokens[start : start + length]
                filled += length


def validation_rows(folder: Path, split: str = "val") -> npt.NDArray[np.int64]:
    """Return the pinned rows that make the score: (EVAL_TOKENS // MAX_SEQ_LEN, MAX_SEQ_LEN + 1)."""
    rows = np.empty((EVAL_TOKENS // MAX_SEQ_LEN, MAX_SEQ_LEN + 1), dtype=np.int64)
    Packer(folder, split, MAX_SEQ_LEN, seed=0).fill(rows)
    return rows


def _data_folder() -> Path:
    folder = prepared_dir(Path(LAB.get("data_dir", DEFAULT_DATA_DIR)))
    if not (folder / "fingerprint.json").exists():
        raise SystemExit("No data yet: run `python prepare.py` once.")
    return folder


def get_device() -> torch.device:
    """Return the device that this machine trains on."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def make_dataloader(
    tokenizer: Tokenizer,  # noqa: ARG001 - the reference's signature
    B: int,
    T: int,
    split: str,
) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
    """Yield (x, y, epoch) for ever: inputs and targets of shape (B, T), int64, on the device."""
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}: ask for 'train'.")
    device = get_device()
    source = _packed_rows(B, T, split) if EXAMINER is None else EXAMINER.rows(B, T, split)
    # Two pinned buffers: the copy of one batch to the device runs while the next one is staged.
    staged = [torch.empty((B, T + 1), dtype=torch.int64) for _ in range(2)]
    copied = [torch.cuda.Event() for _ in staged] if device.type == "cuda" else []
    if copied:
        staged = [buffer.pin_memory() for buffer in staged]
    for turn, (rows, epoch) in enumerate(source):
        buffer = staged[turn % 2]
        if copied:  # a copy waits for the work queued before it, perhaps for a backward pass
            copied[turn % 2].synchronize()
        buffer.copy_(rows)
        batch = buffer.to(device, non_blocking=True, copy=True)
        if copied:
            copied[turn % 2].record()
        yield batch[:, :-1].contiguous(), batch[:, 1:].contiguous(), epoch


def _packed_rows(B: int, T: int, split: str) -> Iterator[tuple[torch.Tensor, int]]:
    """Yield packed rows, the next ones made by a thread while the caller trains."""
    packer = Packer(_data_folder(), split, T, seed=LAB.get("seed", 0))

    def pack() -> tuple[torch.Tensor, int]:
        rows = np.empty((B, T + 1), dtype=np.int32)
        packer.fill(rows)
        return torch.from_numpy(rows), packer.epoch

    with ThreadPoolExecutor(1, thread_name_prefix="loader") as pool:
        job = pool.submit(pack)
        while True:
            done = job.result()
            job = pool.submit(pack)
            yield done


# ------------------------------------------------------------------------------------------------
# Evaluation
# ------------------------------------------------------------------------------------------------


@torch.no_grad()
def evaluate_bpb(model: Any, tokenizer: Tokenizer, batch_size: int) -> float:
    """Return the validation bits per byte: lower is better, and no vocabulary has an advantage.

    Under the runner the examiner computes it, once per run.

    Args:
        model: Called as ``model(x)`` with x of shape (B, T), gives logits of shape (B, T, vocab).
        tokenizer: The campaign's.
        batch_size: Rows that are given to the model at once.
    """
    if EXAMINER is not None:
        return EXAMINER.examine(model, tokenizer.get_vocab_size(), batch_size)
    device = get_device()
    token_bytes = get_token_bytes(device)
    nats, text_bytes = 0.0, 0
    rows = validation_rows(_data_folder())
    for first in range(0, len(rows), batch_size):
        batch = torch.from_numpy(rows[first : first + batch_size]).to(device)
        x, y = batch[:, :-1].contiguous(), batch[:, 1:].reshape(-1)
        logits = model(x).float().flatten(0, 1)  # (B * T, vocab)
        losses = torch.nn.functional.cross_entropy(logits, y, reduction="none")
        counted = token_bytes[y]
        nats += float((losses * (counted > 0)).sum(dtype=torch.float64))
        text_bytes += int(counted.sum())
    return nats / (math.log(2) * text_bytes)


# ------------------------------------------------------------------------------------------------
# Under the runner: the examiner has the data, the seed is the swarm's, the threads the volunteer's
# ------------------------------------------------------------------------------------------------


class ExaminerClient:
    """The program's end of the channel: questions and answers as JSON lines, arrays in memory.

    ::

        tokenizer {}           -> {tokenizer}
        rows {B, T, split}     -> {offset, epoch}           tokens (B, T + 1), int32
        step {}                -> nothing                   an optimizer has stepped
        exam {batch_size}      -> {offset, B, T}
        room {device}          -> {chunk, handle}           where logits go; again if not reachable
        logits {first, count}  -> {}, or the next {offset, B, T}, or {val_bpb}
        any                    -> {refused: why}
    """

    def __init__(self, lab: dict[str, Any]) -> None:
        self._stream = socket.socket(fileno=lab["channel_fd"]).makefile("rwb")
        self._memory = mmap.mmap(lab["memory_fd"], 0)
        self._logits_offset: int = lab["logits_offset"]
        self._is_confined: bool = lab.get("is_confined", False)
        self._lock = threading.Lock()

    def _ask(self, **question: Any) -> dict[str, Any]:
        with self._lock:
            self._stream.write(json.dumps(question).encode() + b"\n")
            self._stream.flush()
            line = self._stream.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"refused": "the run is over"}
        if "refused" in answer:
            raise SystemExit(f"FAIL: the examiner says: {answer['refused']}")
        return answer

    def tokenizer(self) -> dict[str, Any]:
        """Return the stored form of the tokenizer."""
        stored: dict[str, Any] = self._ask(ask="tokenizer")["tokenizer"]
        return stored

    def note_step(self, *_: Any) -> None:
        """Tell the parent's clock that an optimizer has stepped."""
        with self._lock:
            self._stream.write(b'{"ask": "step"}\n')
            self._stream.flush()

    def _tokens(self, offset: int, *shape: int) -> torch.Tensor:
        view = torch.frombuffer(
            self._memory, dtype=torch.int32, count=math.prod(shape), offset=offset
        )
        return view.view(shape)

    def rows(self, B: int, T: int, split: str) -> Iterator[tuple[torch.Tensor, int]]:
        """Yield rows of tokens; each is overwritten after the next one is asked for."""
        while True:
            answer = self._ask(ask="rows", B=B, T=T, split=split)
            yield self._tokens(answer["offset"], B, T + 1), answer["epoch"]

    def examine(self, model: Any, vocab_size: int, batch_size: int) -> float:
        """Answer the examiner's batches with logits and return the score that it computes."""
        device = get_device()
        batch = self._ask(ask="exam", batch_size=batch_size)
        T = batch["T"]
        room = self._logits_room(device, T, vocab_size)
        chunk = len(room)
        while "val_bpb" not in batch:
            B = batch["B"]
            x = self._tokens(batch["offset"], B, T).to(device, dtype=torch.int64)
            logits = model(x)
            if tuple(logits.shape) != (B, T, vocab_size):
                raise ValueError(
                    f"The model gave logits of shape {tuple(logits.shape)} where the examiner "
                    f"needs {(B, T, vocab_size)}."
                )
            for first in range(0, B, chunk):
                part = logits[first : first + chunk]
                room[: len(part)].copy_(part)
                if device.type == "cuda":
                    torch.cuda.synchronize()
                batch = self._ask(ask="logits", first=first, count=len(part))
        return float(batch["val_bpb"])

    def _logits_room(self, device: torch.device, T: int, vocab_size: int) -> torch.Tensor:
        """Return the examiner's own buffer (chunk, T, vocab): on its GPU, or in shared memory.

        CUDA opens the memory of a process only to those of its own process tree. From a sandbox,
        logits go to the examiner's GPU through main memory that both have pinned.
        """
        is_cuda = device.type == "cuda"
        if is_cuda:
            torch.cuda.empty_cache()  # what training needed: the examiner's share is in there
        if is_cuda and not self._is_confined:
            answer = self._ask(ask="room", device="cuda")
            if answer["handle"] is not None:
                try:
                    return self._open_cuda(answer["handle"], answer["chunk"], T, vocab_size)
                except RuntimeError as error:
                    print(f"logits go through main memory, which is slower: {error}")
        answer = self._ask(ask="room", device="pinned" if is_cuda else "cpu")
        shape = (answer["chunk"], T, vocab_size)
        offset, count = self._logits_offset, math.prod(shape)
        room = torch.frombuffer(self._memory, dtype=torch.float32, count=count, offset=offset)
        if is_cuda:  # at full speed only if pinned
            error = int(torch.cuda.cudart().cudaHostRegister(room.data_ptr(), 4 * count, 0))
            if error:
                print(f"logits go through pageable memory, which is slow: CUDA error {error}")
        return room.view(shape)

    @staticmethod
    def _open_cuda(handle: list[Any], *shape: int) -> torch.Tensor:
        parts = [base64.b64decode(part[0]) if isinstance(part, list) else part for part in handle]
        storage = torch.UntypedStorage._new_shared_cuda(*parts)  # noqa: SLF001 - no public name
        return torch.empty(0, dtype=torch.float32, device="cuda").set_(storage, 0, shape)


def _obey_lab() -> ExaminerClient | None:
    if "num_threads" in LAB:
        torch.set_num_threads(LAB["num_threads"])
    if "seed" in LAB:
        _seed_everything(LAB["seed"])
    if "channel_fd" not in LAB:
        return None
    client = ExaminerClient(LAB)
    register_optimizer_step_post_hook(client.note_step)
    return client


def _seed_everything(seed: int) -> None:
    """Give every generator the swarm's seed, now and whenever the program seeds for itself."""
    seed_torch, seed_cuda = torch.manual_seed, torch.cuda.manual_seed_all
    seed_python, seed_numpy = random.seed, np.random.seed
    torch.manual_seed = torch.random.manual_seed = lambda _seed: seed_torch(seed)
    torch.cuda.manual_seed = torch.cuda.manual_seed_all = lambda _seed: seed_cuda(seed)
    random.seed = lambda *_, **__: seed_python(seed)
    np.random.seed = lambda *_, **__: seed_numpy(seed % 2**32)
    torch.manual_seed(seed)
    random.seed()
    np.random.seed()


EXAMINER = _obey_lab()


def main() -> None:
    """Prepare the data and say what it is."""
    parser = argparse.ArgumentParser(description="Gather the data and train the tokenizer, once.")
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - started:6.1f} s] {line}", file=sys.stderr, flush=True)

    fingerprint = prepare(arguments.data_dir, say)
    if arguments.json:
        print(json.dumps(fingerprint))
        return
    print(f"Ready in {prepared_dir(arguments.data_dir)}")
    for name, value in fingerprint.items():
        print(f"{name:<18} {value}")


if __name__ == "__main__":
    main()
