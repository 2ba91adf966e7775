"""The examiner's session, asked by a client that is this test."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from worker.examiner.layout import Memory
from worker.examiner.serving import STEP_S, Session

VOCAB, T, ROWS, BATCH = 20, 16, 40, 8


class Packer:
    """Counts upwards."""

    def __init__(self, _folder: Path, split: str, T: int, seed: int) -> None:  # noqa: N803
        assert split == "train"
        self.epoch, self.next = 1, seed
        del T

    def fill(self, rows: np.ndarray) -> None:
        rows[:] = np.arange(self.next, self.next + rows.size).reshape(rows.shape)
        self.next += rows.size


def validation_rows(_folder: Path) -> np.ndarray:
    steps = np.random.default_rng(1).choice([1, 1, 1, 2], size=(ROWS, T + 1))
    return steps.cumsum(1) % VOCAB


def model(x: Tensor) -> Tensor:
    return 2.0 * torch.nn.functional.one_hot((x + 1) % VOCAB, VOCAB).float()


class Client:
    """Runs a conversation: yields questions, is sent answers; stands in for the socket."""

    def __init__(self, home: Path) -> None:
        (home / "fingerprint.json").write_text("{}")
        (home / "tokenizer.json").write_text('{"ranks": {}}')
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the fixture
        self._file.truncate(Memory().size)
        self.memory = np.memmap(self._file, np.uint8, "r+")
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[dict[str, Any]] = []
        self.on_answer: Callable[[], None] = lambda: None
        harness = SimpleNamespace(
            DEFAULT_DATA_DIR=home,
            prepared_dir=lambda folder: folder,
            Packer=Packer,
            validation_rows=validation_rows,
            get_token_bytes=lambda _: torch.full((VOCAB,), 2),
        )
        self.session = Session(
            harness=cast("Any", harness),
            seed=3,
            stream=self,
            memory_fd=self._file.fileno(),
            tell=lambda name, **details: self.events.append((name, details)),
        )

    def close(self) -> None:
        self._file.close()

    def readline(self, _size: int, /) -> bytes:
        try:
            question = self._talk.send(self.answers[-1] if self._is_open else None)
        except StopIteration:
            return b""
        self._is_open = True
        return question if isinstance(question, bytes) else json.dumps(question).encode() + b"\n"

    def write(self, data: bytes, /) -> int:
        self.answers.append(json.loads(data))
        self.on_answer()
        return len(data)

    def flush(self) -> None:
        pass

    def hold(self, talk: Iterator[Any]) -> dict[str, Any]:
        """Hold a conversation; return the last answer."""
        self._talk, self._is_open = cast("Any", talk), False
        self.session.serve()
        return self.answers[-1]

    def tokens(self, answer: dict[str, Any], *shape: int) -> Tensor:
        count, offset = int(np.prod(shape)), answer["offset"]
        found = torch.frombuffer(self.memory, dtype=torch.int32, count=count, offset=offset)
        return found.view(shape).long()

    def room(self) -> Tensor:
        count, offset = BATCH * T * VOCAB, Memory().logits_offset
        found = torch.frombuffer(self.memory, dtype=torch.float32, count=count, offset=offset)
        return found.view(BATCH, T, VOCAB)

    def be_examined(self, device: str = "cpu") -> Iterator[Any]:
        batch = yield {"ask": "exam", "batch_size": BATCH}
        room = yield {"ask": "room", "device": device}
        assert room == {"chunk": BATCH, "handle": None}
        while "val_bpb" not in batch:
            self.room().copy_(model(self.tokens(batch, BATCH, T)))
            batch = yield {"ask": "logits", "first": 0, "count": BATCH}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    it = Client(tmp_path)
    yield it
    it.close()


def expected_bpb() -> float:
    rows = torch.from_numpy(validation_rows(Path()))
    losses = torch.nn.functional.cross_entropy(model(rows[:, :-1]).mT, rows[:, 1:])
    return float(losses) / (2 * float(np.log(2)))


@pytest.mark.parametrize(
    "device", ["cpu", "pinned"]
)  # pinned: looked at on the GPU if there is one
def test_the_score_is_told_to_the_parent_and_to_the_program(client: Client, device: str) -> None:
    answer = client.hold(client.be_examined(device))
    assert answer["val_bpb"] == pytest.approx(expected_bpb(), abs=1e-5)
    assert client.events[-1] == ("score", {"val_bpb": answer["val_bpb"]})
    assert [name for name, _ in client.events] == ["exam", "answer", "score"]


def test_two_sessions_of_one_seed_are_examined_with_other_probes(tmp_path: Path) -> None:
    known = {tuple(row) for row in validation_rows(Path())[:, :-1].tolist()}
    probes = []
    for _ in range(2):
        client = Client(tmp_path)
        client.hold(iter_of(EXAM))
        exam = client.session._exam
        assert exam is not None
        shown = torch.cat([exam.inputs(batch) for batch in range(exam.batches)])
        probes.append({tuple(row) for row in shown.tolist()} - known)
        client.close()
    assert probes[0] != probes[1]


def test_an_examined_batch_fits_into_its_slot(client: Client) -> None:
    client.session._layout = Memory(slot_bytes=5 * 4 * (T + 1))
    answer = client.hold(iter_of(EXAM))
    assert (answer["B"], answer["T"]) == (5, T)


def test_what_is_written_over_the_answers_after_they_are_given_does_not_count(
    client: Client,
) -> None:
    def spoil() -> None:
        client.room().fill_(float("nan"))

    client.on_answer = spoil
    answer = client.hold(client.be_examined())
    assert answer["val_bpb"] == pytest.approx(expected_bpb(), abs=1e-5)


def test_training_batches_are_counted_for_the_parent(client: Client) -> None:
    seen = []

    def talk() -> Iterator[Any]:
        for _ in range(3):
            answer = yield {"ask": "rows", "B": 2, "T": 5, "split": "train"}
            seen.append(client.tokens(answer, 2, 6).flatten().tolist())
        yield {"ask": "step"}

    client.hold(talk())
    assert seen == [list(range(3 + 12 * n, 15 + 12 * n)) for n in range(3)]
    assert client.events == [("batch", {"tokens": 10})] * 3 + [("step", {}), ("gone", {})]


def test_steps_that_come_in_a_flood_are_told_as_a_few(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    clocked = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr("worker.examiner.serving.time", clocked)

    def talk() -> Iterator[Any]:
        yield {"ask": "tokenizer"}
        for _ in range(3000):
            clock.now += 0.00001
            yield {"ask": "step"}

    client.hold(talk())
    told = [name for name, _ in client.events].count("step")
    assert 0 < told <= 1 + 3000 * 0.00001 / STEP_S


def test_the_tokenizer_is_handed_out(client: Client) -> None:
    answer = client.hold(iter_of({"ask": "tokenizer"}))
    assert answer == {"tokenizer": {"ranks": {}}}


def iter_of(*questions: Any) -> Iterator[Any]:
    for question in questions:
        _ = yield question  # what is sent is not wanted


EXAM, ROOM = {"ask": "exam", "batch_size": BATCH}, {"ask": "room", "device": "cpu"}


@pytest.mark.parametrize(
    "questions",
    [
        [{"ask": "rows", "B": 2, "T": 5, "split": "val"}],
        [{"ask": "rows", "B": 2, "T": 5, "split": "audit"}],
        [{"ask": "rows", "B": 0, "T": 5, "split": "train"}],
        [{"ask": "rows", "B": True, "T": 5, "split": "train"}],
        [{"ask": "rows", "B": 2**40, "T": 5, "split": "train"}],
        [{"ask": "exam", "batch_size": -1}],
        [{"ask": "exam", "batch_size": "8"}],
        [{"ask": "logits", "first": 0, "count": BATCH}],
        [ROOM],
        [EXAM, EXAM],
        [EXAM, {"ask": "step"}],
        [EXAM, {"ask": "rows", "B": 2, "T": 5, "split": "train"}],
        [EXAM, {"ask": "logits", "first": 0, "count": BATCH}],
        [EXAM, ROOM, {"ask": "logits", "first": 1, "count": BATCH}],
        [EXAM, ROOM, {"ask": "logits", "first": 0, "count": 1}],
        [{"ask": "score", "val_bpb": 0.1}],
        [{"question": "rows"}],
        [[1, 2]],
        [7],
        [b"\xff\n"],
        [b"[" * 4096],
        [b"{\n"],
    ],
    ids=str,
)
def test_whatever_is_out_of_turn_ends_the_session(client: Client, questions: list[Any]) -> None:
    answer = client.hold(iter_of(*questions))
    assert "refused" in answer
    assert client.events[-1][0] == "refused"
    assert all(name != "score" for name, _ in client.events)


def test_answers_that_are_not_finite_are_told_as_diverged(client: Client) -> None:
    def talk() -> Iterator[Any]:
        yield EXAM
        yield ROOM
        while True:
            client.room().fill_(float("nan"))
            yield {"ask": "logits", "first": 0, "count": BATCH}

    client.hold(talk())
    name, details = client.events[-1]
    assert (name, details["diverged"]) == ("refused", True)


def test_a_session_without_data_does_not_begin(client: Client, tmp_path: Path) -> None:
    (tmp_path / "fingerprint.json").unlink()
    with pytest.raises(FileNotFoundError, match="no prepared data"):
        Session(
            harness=client.session._harness,
            seed=1,
            stream=client,
            memory_fd=client._file.fileno(),
            tell=print,
        )
