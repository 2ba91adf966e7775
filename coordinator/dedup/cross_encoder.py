"""A second reader: two hypotheses at once, and how likely they are the same experiment.

The words decide where they can be read: values that contradict each other, changes that are equal.
What is left, a mechanism told once by its name and once by what it does, needs a model that reads
both texts together. It is the packaged MiniLM with a low-rank adaptation (LoRA, arXiv:2106.09685)
of 2.8 MB, made by `benchmarks/cross_encoder.py` from the labelled pairs and from what a larger
model makes of them; its opinion is weighed with the evidence of the words, see
`shared.words.reconsider`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from coordinator.search.embedder import packaged_model
from coordinator.search.frozen import Numbers, be_quiet, frozen, model_threads
from shared.words import Verdict, reconsider

if TYPE_CHECKING:
    from transformers import BatchEncoding, BertForSequenceClassification, PreTrainedTokenizerBase

ADAPTER = Path(__file__).with_name("cross_encoder.safetensors")
CHARACTERS = 160  # of each text; what changes is said first
MAX_TOKENS = 128  # of both together
MOST_ASKED = 2  # for one claim, which nothing refuses yet: each takes 10 ms of a core
NEAREST_ASKED = 20  # what is further and is the same has never been among those

Pair = tuple[str, str]


class CrossEncoder:
    """One model and the threads that run it; create it once per process."""

    def __init__(self) -> None:
        self._threads = model_threads("cross-encoder")

    async def reconsider(
        self, pairs: Sequence[Pair], verdicts: Sequence[Verdict | None]
    ) -> list[Verdict | None]:
        """The verdicts of the words on these pairs, after the open ones were read together.

        First those that would be refused: one that nobody could read stays open, and refuses
        nothing. Then as the pairs come, the most alike first, of the first `NEAREST_ASKED`, until
        `MOST_ASKED` are read.

        Raises:
            EmbeddingModelError: the packaged weights are missing.
        """
        asked = _asked(verdicts, MOST_ASKED)
        loop = asyncio.get_running_loop()
        opinions = await asyncio.gather(
            *(loop.run_in_executor(self._threads, _log_odds, pairs[n]) for n in asked)
        )
        return _reconsidered(verdicts, dict(zip(asked, opinions, strict=True)))

    def reconsider_many(
        self,
        pairs: Sequence[Pair],
        verdicts: Sequence[Verdict | None],
        most: int | None = None,
    ) -> list[Verdict | None]:
        """The same, for a thread that may wait; all open ones where `most` is not given."""
        asked = _asked(verdicts, most)
        opinions = self.compare([pairs[n] for n in asked])
        return _reconsidered(verdicts, dict(zip(asked, opinions, strict=True)))

    def compare(self, pairs: Sequence[Pair]) -> list[float]:
        """The log-odds of each pair that it is the same experiment.

        Raises:
            EmbeddingModelError: the packaged weights are missing.
        """
        return list(self._threads.map(_log_odds, pairs))  # more at once take as long for each

    def load(self) -> None:
        """Loads the model now rather than at the first pair.

        Raises:
            EmbeddingModelError: the packaged weights are missing.
        """
        self._threads.submit(_log_odds, ("one", "two")).result()

    def close(self) -> None:
        """Ends the threads; nothing may be compared afterwards."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def _asked(verdicts: Sequence[Verdict | None], most: int | None) -> list[int]:
    """The places of those to read: all that are open, or those that count."""
    is_open = [n for n, each in enumerate(verdicts) if each and each.is_open]
    if most is None:
        return is_open
    refused = [n for n in is_open if (each := verdicts[n]) and each.is_duplicate][:NEAREST_ASKED]
    near = [n for n in is_open if n < NEAREST_ASKED and n not in refused]
    return refused + near[: max(0, most - len(refused))]


def _reconsidered(
    verdicts: Sequence[Verdict | None], opinions: Mapping[int, float]
) -> list[Verdict | None]:
    return [
        reconsider(verdict, opinions[n]) if verdict and n in opinions else verdict
        for n, verdict in enumerate(verdicts)
    ]


def tokenize(tokenizer: "PreTrainedTokenizerBase", pairs: Sequence[Pair]) -> "BatchEncoding":
    """What the model reads of the pairs: the same in either order."""
    ordered = [sorted(text[:CHARACTERS].lower() for text in pair) for pair in pairs]
    read: BatchEncoding = tokenizer(
        [a for a, _ in ordered],
        [b for _, b in ordered],
        padding=True,
        truncation=True,
        max_length=MAX_TOKENS,
        return_tensors="pt",
    )
    return read


def untrained() -> "tuple[BertForSequenceClassification, PreTrainedTokenizerBase]":
    """The packaged model with one output that nobody has taught anything, and its tokenizer.

    Raises:
        EmbeddingModelError: the packaged weights are missing.
    """
    from transformers import AutoTokenizer, BertForSequenceClassification  # noqa: PLC0415

    be_quiet()
    folder = str(packaged_model())
    model = BertForSequenceClassification.from_pretrained(folder, num_labels=1)
    return model, AutoTokenizer.from_pretrained(folder)


def _log_odds(pair: Pair) -> float:
    with _loading:
        run = _loaded()
    return float(run([pair])[0])


_loading = Lock()


@cache
def _loaded() -> Callable[[list[Pair]], Numbers]:
    from safetensors.torch import load_file  # noqa: PLC0415

    model, tokenizer = untrained()
    adapter = load_file(ADAPTER)
    parameters = dict(model.named_parameters())
    for name, value in adapter.items():
        if name.endswith(".lora_A"):
            continue
        if name.endswith(".lora_B"):
            layer = name.removesuffix(".lora_B")
            change = value.float() @ adapter[f"{layer}.lora_A"].float()
            parameters[f"{layer}.weight"].data += change
        else:
            parameters[name].data.copy_(value)
    return frozen(
        model,
        lambda pairs: tokenize(tokenizer, pairs),
        lambda model, features: model(**features).logits[:, 0].float(),
        example=[("one", "two"), ("another text", "that is longer")],
        max_tokens=MAX_TOKENS,
    )
