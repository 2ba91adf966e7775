"""Train the second reader, `coordinator/dedup/cross_encoder.safetensors`.

    python benchmarks/cross_encoder.py --pairs tests/data/*.tsv --histories DIR --held-out NAME ...

A low-rank adaptation (LoRA, arXiv:2106.09685) of the packaged MiniLM learns to tell from two texts
whether they are the same experiment. It takes half an hour on four cores, and prints how it does
by itself on the files held out (`acceptance10` for `dedup_pairs_acceptance10.tsv`).

In labelled files the look of a pair gives much away: who writes pairs of the same puts them in
other words, and who writes pairs that differ changes a number. A model that learns this is
worthless in a history, where most pairs differ in everything. So it also sees

- each text with one of the ten that are nearest in meaning in other pairs, as different;
- each hypothesis of the real logs in DIR with the four nearest before it, as different;
- texts with others by chance, as different;
- texts with themselves in another form (case, opening words, notation), as the same.

The pairs whose labels cannot be told by their look (`dedup_pairs_even*`) teach nothing to a model
that has not learned to read: it is trained without most of them first, and goes on from there with
all (`--start`).

A larger model reads better, and is too slow for a claim. It is trained in the same way (`--base`)
and teaches the small one (`--teacher`, `--teacher-base`): what it makes of a pair is half of what
the small one learns of a labelled pair, and all of what it learns of a mined one. Where somebody
else has read a pair (`--opinions`, see `benchmarks/language_teacher.py`), that counts instead.

Pairs that the words call the same are left out of the nearest. So are the pairs of `test/`
categories, by topic.
"""

import argparse
import json
import math
import os
import random
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, linear
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)

from coordinator.dedup.cross_encoder import ADAPTER, Pair, tokenize, untrained
from coordinator.dedup.tables import read_table
from coordinator.search.embedder import Embedder
from shared.words import DEFAULT_VOCABULARY, REFERENCE_VOCABULARY, decide, parse_hypothesis

RANK = 32
BATCH = 32
LEARNING_RATE = 6e-4  # at most; less where `--start` goes on
PER_EPOCH = 8_000  # of the mined pairs, drawn anew
WEIGHT_OF_MINED = 0.5  # nobody labelled them: some are the same
NEAREST_MINED = 10
NEAREST_LOGGED = 4
FORMS = [
    ("increase", "raise"), ("reduce", "cut"), ("decrease", "lower"), ("replace", "swap"),
    ("remove", "drop"), ("learning rate", "LR"), ("weight decay", "WD"), ("instead of", "not"),
    (" and ", " & "), ("->", "to"), ("→", "->"), ("2**18", "262144"), ("2**19", "524288"),
]  # fmt: skip
OPENINGS = ["Try: ", "Experiment: ", "Hypothesis: ", "Next, ", "idea - ", "Test this: "]
ENDS = ["", " (quick test)", " Should lower val_bpb.", ", to see if val_bpb improves"]


@dataclass(frozen=True)
class Example:
    pair: Pair
    same: float  # how likely: 0 or 1 where nobody but the label says so
    weight: float = 1.0


@dataclass
class Examples:
    labelled: list[Example] = field(default_factory=list)
    mined: list[Example] = field(default_factory=list)
    held_out: dict[str, list[Example]] = field(default_factory=dict)

    def epoch(self, chance: random.Random) -> list[Example]:
        drawn = chance.sample(self.mined, min(PER_EPOCH, len(self.mined)))
        texts = [text for each in self.labelled for text in each.pair]
        restyled = [(text, in_other_form(text, chance)) for text in chance.sample(texts, 2_000)]
        anything = [text for each in (*self.labelled, *self.mined) for text in each.pair]
        by_chance = [tuple(chance.sample(anything, 2)) for _ in range(2_000)]
        everything = [
            *self.labelled,
            *drawn,
            *(Example(pair, 1.0, 0.5) for pair in restyled),
            *(Example(pair, 0.0, 0.5) for pair in by_chance),
        ]
        chance.shuffle(everything)
        return everything


class Adapted(nn.Module):
    """A linear layer that stays as it is, and a low-rank change of it that learns."""

    def __init__(self, base: nn.Linear, rank: int = RANK) -> None:
        super().__init__()
        self.base = base
        self.lora_A = nn.Parameter(
            torch.randn(rank, base.in_features) / math.sqrt(base.in_features)
        )
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + linear(linear(x, self.lora_A.to(x.dtype)), self.lora_B.to(x.dtype))

    def merged(self) -> nn.Linear:
        """The layer with what was learned in its own weights."""
        change = self.lora_B.detach() @ self.lora_A.detach()
        self.base.weight.data = (self.base.weight.float() + change).to(self.base.weight.dtype)
        return self.base


def say(message: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {message}", file=sys.stderr, flush=True)


def in_other_form(text: str, chance: random.Random) -> str:
    for one, other in chance.sample(FORMS, 5):
        text = text.replace(one, other, 1)
    if chance.random() < 0.4:
        text = chance.choice(OPENINGS) + text[0].lower() + text[1:]
    if chance.random() < 0.4:
        text = text.rstrip(".") + chance.choice(ENDS)
    if chance.random() < 0.3:
        text = re.sub(r"\b0\.0(\d)\b", r"\1e-2", text)
    return text


def called_same(pair: Pair, *, is_logged: bool) -> bool:
    vocabulary = DEFAULT_VOCABULARY if is_logged else REFERENCE_VOCABULARY
    a, b = (parse_hypothesis(text, vocabulary) for text in pair)
    return decide(a, b).is_duplicate


def mine_pairs(pairs: Sequence[Pair], embedder: Embedder, chance: random.Random) -> list[Pair]:
    texts = [text for pair in pairs for text in pair]
    vectors = embedder.embed_many(texts)
    found = set()
    for number, text in enumerate(texts):
        nearest = np.argsort(-(vectors @ vectors[number]))[: 4 * NEAREST_MINED]
        others = [n for n in nearest if n // 2 != number // 2 and texts[n] != text]
        if others:
            other = texts[chance.choice(others[:NEAREST_MINED])]
            found.add((min(text, other), max(text, other)))
    return sorted(found)


def mine_logs(folder: Path, embedder: Embedder) -> list[Pair]:
    found = []
    for path in sorted(folder.glob("*.tsv")):
        log = [row["hypothesis"] for row in read_table(path) if row["hypothesis"]]
        vectors = embedder.embed_many(log)
        for number in range(1, len(log)):
            nearest = np.argsort(-(vectors[:number] @ vectors[number]))[:NEAREST_LOGGED]
            found += [(log[number], log[n]) for n in nearest if log[number] != log[n]]
    return found


def collect(paths: Sequence[Path], histories: Path, held_out: set[str], seed: int) -> Examples:
    examples = Examples()
    for path in paths:
        name = path.stem.removeprefix("dedup_pairs_")
        for row in read_table(path):
            example = Example((row["a"], row["b"]), float(row["label"] == "dup"))
            if name in held_out:
                examples.held_out.setdefault(name, []).append(example)
            elif row["category"].startswith("test/"):
                examples.held_out.setdefault(f"{name}/test", []).append(example)
            else:
                examples.labelled.append(example)
    embedder = Embedder()
    pairs = [example.pair for example in examples.labelled]
    mined = mine_pairs(pairs, embedder, random.Random(seed))
    logged = mine_logs(histories, embedder)
    with ProcessPoolExecutor() as pool:
        for found, is_known, weight in (
            (mined, partial(called_same, is_logged=False), WEIGHT_OF_MINED),
            (logged, partial(called_same, is_logged=True), 1.0),
        ):
            known = pool.map(is_known, found, chunksize=50)
            examples.mined += [
                Example(pair, 0.0, weight)
                for pair, same in zip(found, known, strict=True)
                if not same
            ]
    say(f"{len(examples.labelled)} labelled pairs, {len(examples.mined)} mined")
    return examples


def adapt(model: nn.Module) -> dict[str, nn.Parameter]:
    """Put a low-rank change into each linear layer; returns what learns, by name."""
    model.requires_grad_(False)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, nn.Linear) and name != "classifier":
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, Adapted(layer))
    learning = {}
    for name, parameter in model.named_parameters():
        plain = name.replace(".base.", ".")
        is_small = plain.endswith(".bias") or "LayerNorm" in plain
        if "lora_" in plain or "classifier" in plain or (is_small and "embeddings" not in plain):
            learning[plain] = parameter.requires_grad_()
    return learning


def adapted(
    base: Path | None, adapter: Path | None
) -> tuple[nn.Module, PreTrainedTokenizerBase, dict[str, nn.Parameter]]:
    """A model with what `adapter` has learned, which may be of a lower rank; and what learns."""
    if base is None:
        model, tokenizer = untrained()
    else:
        model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
        tokenizer = AutoTokenizer.from_pretrained(base)
    learning = adapt(model)
    if adapter is not None:
        for name, value in load_file(adapter).items():
            learning[name].data[tuple(map(slice, value.shape))] = value.float()
    # With dropout it learns nothing in an epoch: all that it knows must fit together.
    return model.eval(), tokenizer, learning


def batches(
    examples: Sequence[Example], chance: random.Random, size: int = BATCH
) -> list[list[Example]]:
    """Batches of like lengths, in any order."""
    found = []
    for start in range(0, len(examples), size * 40):
        some = sorted(examples[start : start + size * 40], key=lambda each: len("".join(each.pair)))
        found += [some[n : n + size] for n in range(0, len(some), size)]
    chance.shuffle(found)
    return found


def read(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example]
) -> dict[Pair, float]:
    """The log-odds of each pair that it is the same experiment."""
    found = {}
    pairs = sorted({each.pair for each in examples}, key=lambda pair: len("".join(pair)))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(pairs), BATCH):
            some = pairs[start : start + BATCH]
            log_odds = model(**tokenize(tokenizer, some)).logits[:, 0].float().tolist()
            found |= dict(zip(some, log_odds, strict=True))
            if start // BATCH % 100 == 99:
                say(f"{start + BATCH} of {len(pairs)} pairs read")
    return found


def taught(examples: Examples, opinions: dict[Pair, float]) -> Examples:
    """The same examples, and what a teacher makes of them."""
    likely = {pair: 1 / (1 + math.exp(-log_odds)) for pair, log_odds in opinions.items()}
    return replace(
        examples,
        labelled=[replace(x, same=(x.same + likely[x.pair]) / 2) for x in examples.labelled],
        mined=[Example(x.pair, likely[x.pair]) for x in examples.mined],
    )


def read_opinions(path: Path) -> dict[Pair, float]:
    """Log-odds by pair, from lines of JSON with `a`, `b` and `log_odds`."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {(row["a"], row["b"]): row["log_odds"] for row in rows}


def report(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, held_out: dict[str, list[Example]]
) -> None:
    for name, examples in held_out.items():
        log_odds = read(model, tokenizer, examples)
        called = np.array([log_odds[each.pair] > 0 for each in examples])
        same = np.array([each.same > 0 for each in examples])
        hits = int((called & same).sum())
        say(
            f"{name}: precision {hits / max(1, called.sum()):.3f} recall {hits / same.sum():.3f}"
            f" F1 {2 * hits / (called.sum() + same.sum()):.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the second reader of the dedup.")
    parser.add_argument("--pairs", type=Path, nargs="+", required=True)
    parser.add_argument("--histories", type=Path, required=True)
    parser.add_argument("--held-out", nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--start", type=Path, help="an adapter to go on from")
    parser.add_argument("--base", type=Path, help="folder of another model to adapt")
    parser.add_argument("--teacher", type=Path, help="the adapter of a model that teaches this one")
    parser.add_argument("--teacher-base", type=Path, help="folder of the model that it adapts")
    parser.add_argument("--opinions", type=Path, help="what somebody else makes of some pairs")
    parser.add_argument("--out", type=Path, default=ADAPTER)
    parser.add_argument("--rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    examples = collect(options.pairs, options.histories, set(options.held_out), options.seed)
    torch.set_num_threads(os.cpu_count() or 1)  # the embedder took all but one from everybody
    chance = random.Random(options.seed)
    torch.manual_seed(options.seed)
    if options.teacher is not None:
        teacher, its_tokenizer, _ = adapted(options.teacher_base, options.teacher)
        everything = [*examples.labelled, *examples.mined]
        opinions = read(teacher, its_tokenizer, everything)
        del teacher
        if options.opinions is not None:
            opinions |= read_opinions(options.opinions)
        examples = taught(examples, opinions)
    model, tokenizer, learning = adapted(options.base, options.start)
    optimizer = torch.optim.AdamW(learning.values(), lr=options.rate, weight_decay=0.01)
    epochs = [batches(examples.epoch(chance), chance) for _ in range(options.epochs)]
    steps = sum(map(len, epochs))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.rate, total_steps=steps + 1, pct_start=0.08, anneal_strategy="linear"
    )
    for number, epoch in enumerate(epochs):
        total = 0.0
        for step, batch in enumerate(epoch, 1):
            same = torch.tensor([each.same for each in batch])
            weight = torch.tensor([each.weight for each in batch])
            features = tokenize(tokenizer, [each.pair for each in batch])
            with torch.autocast("cpu", torch.bfloat16):
                log_odds = model(**features).logits[:, 0].float()
            loss = binary_cross_entropy_with_logits(log_odds, same, weight=weight)
            loss.backward()
            nn.utils.clip_grad_norm_(learning.values(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            total += loss.item()
            if step % 100 == 0:
                say(f"epoch {number + 1}, step {step} of {len(epoch)}, loss {total / step:.3f}")
        report(model, tokenizer, examples.held_out)
        # Numbers of half the size: the opinion is rounded more by the processor's bfloat16.
        save_file({name: value.data.half() for name, value in learning.items()}, options.out)
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
