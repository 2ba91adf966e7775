"""The examiner's side of the channel: one program, one session.

::

    tokenizer {}             -> {tokenizer}
    rows   {B, T, split}     -> {offset, epoch}       any number of times, until the exam
    step   {}                -> nothing
    exam   {batch_size}      -> {offset, B, T}        once
    room   {device}          -> {chunk, handle}       before the first logits
    logits {first, count}    -> {}, or the next {offset, B, T}, or {val_bpb}
    any other, or out of turn -> {refused: why}, and the session is over
"""

import base64
import json
import math
import mmap
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor

from worker.examiner.exam import Exam, RefusedError
from worker.examiner.layout import Memory

QUESTION_BYTES = 4096
STEP_S = 0.001  # between two steps that are told; several optimizers step as one
CUDA_CHUNK_BYTES = 2**29  # of logits that are handed over at once on a GPU
CUDA_LEAST_BYTES = 2**25


class Stream(Protocol):
    """What a session needs of a socket."""

    def readline(self, size: int, /) -> bytes:
        """Return the next line, empty at the end."""

    def write(self, data: bytes, /) -> int:
        """Send bytes, or keep them for ``flush``."""

    def flush(self) -> None:
        """Send what was kept."""


class Session:
    """Serves one program until its score is known or it is refused."""

    def __init__(
        self,
        *,
        harness: ModuleType,
        seed: int,
        stream: Stream,
        memory_fd: int,
        tell: Callable[..., None],
    ) -> None:
        """Prepare to serve.

        Args:
            harness: the campaign's own prepare.py, not the copy that the program can reach.
            seed: of the order of the training data.
            stream: the socket to the program.
            memory_fd: of at least ``Memory().size`` bytes.
            tell: sends an event to the parent.

        Raises:
            FileNotFoundError: the data is not prepared.
        """
        self._harness, self._seed, self._stream, self._tell = harness, seed, stream, tell
        self._layout = Memory()
        self._memory = mmap.mmap(memory_fd, self._layout.size)
        self._folder = harness.prepared_dir(harness.DEFAULT_DATA_DIR)
        if not (self._folder / "fingerprint.json").exists():
            raise FileNotFoundError(f"There is no prepared data in {self._folder}.")
        self._packers: dict[int, Any] = {}
        self._slot = 0
        self._ready: tuple[int, int, int, int] | None = None  # B, T, slot, epoch
        self._exam: Exam | None = None
        self._room: Tensor | None = None  # (chunk, T, vocab) that the program writes into
        self._copy: Tensor | None = None  # answers that are not looked at yet
        self._device: torch.device | None = None  # where they are looked at, if not where they are
        self._batch = self._first = 0
        self._stepped_at = -math.inf

    def serve(self) -> None:
        """Answer until the program is gone, is refused, or has its score."""
        while True:
            line = self._stream.readline(QUESTION_BYTES)
            if not line:
                self._tell("gone")
                return
            try:
                answer = self._answer(line)
                if answer is None:
                    continue
                self._send(answer)
                self._after(answer)
            except RefusedError as error:
                self._tell("refused", why=str(error), diverged=error.diverged)
                self._send({"refused": str(error)})
                return
            if "val_bpb" in answer:
                return

    def _send(self, answer: dict[str, Any]) -> None:
        try:
            self._stream.write(json.dumps(answer).encode() + b"\n")
            self._stream.flush()
        except OSError:  # it ended without waiting; reading will say so
            return

    def _answer(self, line: bytes) -> dict[str, Any] | None:
        try:
            question = json.loads(line)
            ask = question["ask"]
            if ask == "step" and self._exam is None:
                self._note_step()
                return None
            if ask == "tokenizer":
                text = (self._folder / "tokenizer.json").read_text()
                return {"tokenizer": json.loads(text)}
            if ask == "rows" and self._exam is None:
                return self._rows(question["B"], question["T"], question["split"])
            if ask == "exam" and self._exam is None:
                return self._begin(question["batch_size"])
            if ask == "room" and self._exam is not None and self._is_unanswered:
                return self._make_room(self._exam, question["device"])
            if ask == "logits" and self._room is not None:
                return self._logits(question["first"], question["count"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RefusedError(f"The channel was misused: {error!r}.") from error
        if ask == "step":
            raise RefusedError("An optimizer stepped during the examination.")
        raise RefusedError(
            f"{ask!r} is not to be asked now: a run has one examination, and it comes last."
        )

    def _note_step(self) -> None:
        """Tell the parent of a step, unless it comes with another: it reads them one by one."""
        now = time.monotonic()
        if now - self._stepped_at >= STEP_S:
            self._stepped_at = now
            self._tell("step")

    # -- training batches --------------------------------------------------------------------

    def _rows(self, B: int, T: int, split: str) -> dict[str, Any]:  # noqa: N803 - field's names
        if split != "train":
            raise RefusedError(f"The {split!r} split is not for programs: train on 'train'.")
        if type(B) is not int or type(T) is not int or B < 1 or T < 1:
            raise RefusedError(f"A batch of {B!r} rows of {T!r} tokens cannot be made.")
        if self._layout.slot_bytes < B * (T + 1) * 4:
            raise RefusedError(f"A batch of {B} rows of {T} tokens is too large: ask for less.")
        if self._ready is None or self._ready[:2] != (B, T):
            self._pack(B, T)
        assert self._ready is not None
        _, _, slot, epoch = self._ready
        self._tell("batch", tokens=B * T)
        return {"offset": slot * self._layout.slot_bytes, "epoch": epoch}

    def _pack(self, B: int, T: int) -> None:  # noqa: N803 - the field's names
        packer = self._packers.get(T)
        if packer is None:
            packer = self._harness.Packer(self._folder, "train", T, seed=self._seed)
            self._packers[T] = packer
        self._slot = 1 - self._slot
        view = np.frombuffer(
            self._memory, np.int32, B * (T + 1), self._slot * self._layout.slot_bytes
        )
        packer.fill(view.reshape(B, T + 1))
        self._ready = (B, T, self._slot, packer.epoch)

    def _after(self, answer: dict[str, Any]) -> None:
        """Do what need not be waited for, while the program works on."""
        self._take_copy()
        if "epoch" in answer and self._ready is not None:
            self._pack(*self._ready[:2])

    # -- examination -------------------------------------------------------------------------

    def _begin(self, batch_size: int) -> dict[str, Any]:
        if type(batch_size) is not int or batch_size < 1:
            raise RefusedError(f"A batch of {batch_size!r} rows cannot be examined.")
        rows = self._harness.validation_rows(self._folder)
        token_bytes = self._harness.get_token_bytes("cpu")
        batch_size = min(batch_size, self._layout.slot_bytes // (4 * rows.shape[1]))
        # Fresh entropy: the seed of the run is known to the program.
        self._exam = Exam(rows, token_bytes, batch_size, np.random.default_rng())
        shown = self._show(0)
        self._tell("exam", tokens=self._exam.batches * shown["B"] * shown["T"])
        return shown

    @property
    def _is_unanswered(self) -> bool:
        return self._batch == self._first == 0

    def _make_room(self, exam: Exam, device: str) -> dict[str, Any]:
        """Make the buffer for logits; give the handle by which a program on a GPU opens it.

        Args:
            exam: what is examined.
            device: ``cuda``: on our GPU; ``pinned``: in main memory, and looked at on our GPU;
                ``cpu``: in main memory.
        """
        shape = (exam.rows.shape[1] - 1, len(exam.token_bytes))
        row_bytes = 4 * shape[0] * shape[1]
        if device == "cuda" and torch.cuda.is_available():
            # Alone in its allocation (over 20 MB torch makes one of its own): the handle opens
            # the whole allocation to the program.
            chunk = max(1, min(exam.batch_size, CUDA_CHUNK_BYTES // row_bytes))
            floats = max(chunk * shape[0] * shape[1], CUDA_LEAST_BYTES // 4)
            try:
                buffer = torch.empty(floats, device="cuda")
            except (torch.OutOfMemoryError, torch.AcceleratorError):
                # The program has it all: through main memory then.
                return {"chunk": 0, "handle": None}
            self._room = buffer[: chunk * shape[0] * shape[1]].view(chunk, *shape)
            storage = cast("Any", buffer.untyped_storage())
            handle = storage._share_cuda_()
            encode = base64.b64encode
            parts = [[encode(p).decode()] if isinstance(p, bytes) else p for p in handle]
            return {"chunk": chunk, "handle": parts}
        chunk = min(exam.batch_size, self._layout.logits_bytes // row_bytes)
        if chunk < 1:
            raise RefusedError("One row of logits does not fit into the shared memory.")
        count, offset = chunk * shape[0] * shape[1], self._layout.logits_offset
        room = torch.frombuffer(self._memory, dtype=torch.float32, count=count, offset=offset)
        self._room = room.view(chunk, *shape)
        if device == "pinned" and torch.cuda.is_available():
            # Slower where it may not be pinned, and no other way is left.
            runtime = torch.cuda.cudart()  # type: ignore[no-untyped-call]
            runtime.cudaHostRegister(room.data_ptr(), 4 * count, 0)
            self._device = torch.device("cuda")
        return {"chunk": chunk, "handle": None}

    def _show(self, batch: int) -> dict[str, Any]:
        assert self._exam is not None
        inputs = self._exam.inputs(batch).to(torch.int32)
        self._batch, self._first, self._slot = batch, 0, 1 - self._slot
        offset = self._slot * self._layout.slot_bytes
        view = torch.frombuffer(
            self._memory, dtype=torch.int32, count=inputs.numel(), offset=offset
        )
        view.copy_(inputs.flatten())
        return {"offset": offset, "B": inputs.size(0), "T": inputs.size(1)}

    def _logits(self, first: int, count: int) -> dict[str, Any]:
        exam, room = self._exam, self._room
        assert exam is not None
        assert room is not None
        if first != self._first or count != min(len(room), exam.batch_size - first):
            raise RefusedError("The logits came out of turn.")
        if self._is_unanswered:
            self._tell("answer")
        self._copy = self._copied(room[:count])
        self._first += count
        if self._first < exam.batch_size:
            return {}
        if self._batch + 1 < exam.batches:
            return self._show(self._batch + 1)
        self._take_copy()
        score = exam.score()
        self._tell("score", val_bpb=score)
        return {"val_bpb": score}

    def _copied(self, answers: Tensor) -> Tensor:
        """Return a copy of our own: the program can write into the shared one at any moment."""
        try:
            copy = answers.to(self._device, copy=True) if self._device else answers.clone()
        except (torch.OutOfMemoryError, torch.AcceleratorError):  # the program has it all
            self._device = None
            return answers.cpu() if answers.is_cuda else answers.clone()
        if copy.is_cuda:
            torch.cuda.synchronize()
        return copy

    def _take_copy(self) -> None:
        if self._exam is not None and self._copy is not None:
            try:
                self._exam.take(self._copy)
            except torch.OutOfMemoryError:
                self._exam.take(self._copy.cpu())
        self._copy = None


def event(name: str, **details: Any) -> str:
    """Return a line for the parent; the moment is of the machine's one monotonic clock."""
    return json.dumps({"event": name, "at": time.monotonic(), **details})
