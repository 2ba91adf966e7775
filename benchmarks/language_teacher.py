"""Have a language model learn to tell repeats, and write down what it makes of pairs.

    python benchmarks/language_teacher.py --base DIR --pairs tests/data/dedup_pairs_even*.tsv \
        --histories LOGS --held-out NAME ... --out OPINIONS.jsonl

DIR holds a small instruct model with its tokenizer, in the form of `transformers` (Qwen2.5-Coder
of 1.5 B was used). Its first `LAYERS` layers read the pair behind the defaults of the program; a
low-rank adaptation (LoRA, arXiv:2106.09685) of the upper ones and one linear output learn to say
whether it is the same experiment. That takes an hour on four cores and a tenth of a second for a
pair: nothing for a claim, but a teacher for the second reader (`benchmarks/cross_encoder.py
--opinions`).

It learns from the labelled pairs, and reads these and some of what is mined, as it is there.
OPINIONS.jsonl has a line `{"a": …, "b": …, "log_odds": …}` for each.
"""

import argparse
import copy
import json
import os
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from cross_encoder import Adapted, Example, Pair, batches, collect, say
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

LAYERS = 20  # of 28: the later ones are about the next word
ADAPTED = 8  # from this layer on
RANK = 16
BATCH = 16
RATE = 2e-4
RATE_OF_HEAD = 1e-3
WARMUP_STEPS = 20
SAME_PREFIX_STEPS = 10  # what it makes of the defaults changes slowly
CERTAIN = 0.98  # of a label
CHARACTERS = 200
PREFIX = """<|im_start|>system
Two hypotheses of ML researchers, each to be tried from the same train.py. Are they the same \
experiment: would both change the program in the same way (same parameter, same value, same \
mechanism, same part)? Reasons do not matter.
Defaults of train.py: DEPTH=8, ASPECT_RATIO=64 (width 512), HEAD_DIM=128 (4 heads), \
WINDOW_PATTERN="SSSL" (S = half of the 2048 context, L full), TOTAL_BATCH_SIZE=2**19 (524288), \
DEVICE_BATCH_SIZE=128, EMBEDDING_LR=0.6 (wte), UNEMBEDDING_LR=0.004 (lm_head), MATRIX_LR=0.04 \
(Muon), SCALAR_LR=0.5, WEIGHT_DECAY=0.2 (Muon, cautious, falls to 0), ADAM_BETAS=(0.8, 0.95), \
WARMUP_RATIO=0.0, WARMDOWN_RATIO=0.5, FINAL_LR_FRAC=0.0, Muon momentum 0.85 to 0.95 in 300 steps, \
5 Newton-Schulz steps, Nesterov, MLP 4x relu squared, RMSNorm pre-norm without weights, QK-norm, \
RoPE base 10000, softcap 15, untied lm_head std 0.001, c_proj zero init, value embeddings (VE) in \
alternate layers with gate, resid_lambdas 1.0, x0_lambdas 0.1, bf16, torch.compile, best-fit \
packing, vocab 8192.<|im_end|>
"""


class Teacher(nn.Module):
    """A language model that reads two hypotheses and says whether they are the same."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(base, padding_side="right")
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16).eval()
        model.requires_grad_(False)
        yes, no = (self.tokenizer.encode(word)[0] for word in (" yes", " no"))
        words = model.lm_head.weight
        self.head = nn.Parameter((words[yes] - words[no]).float())
        self.bias = nn.Parameter(torch.zeros(()))
        self.model = model.model
        self.model.layers = self.model.layers[:LAYERS]
        self.model.config.num_hidden_layers = LAYERS
        self._replace(nn.Linear, partial(Adapted, rank=RANK))
        self.prefix = self.tokenizer(PREFIX, return_tensors="pt").input_ids

    def merge(self) -> None:
        """Put what was learned into the weights, a fifth faster; nothing learns afterwards."""
        self._replace(Adapted, Adapted.merged)

    def read_prefix(self) -> DynamicCache:
        """What the model remembers of the program's defaults."""
        with torch.no_grad():
            cache = DynamicCache(config=self.model.config)
            self.model(input_ids=self.prefix, past_key_values=cache, use_cache=True)
        return cache

    def forward(self, pairs: Sequence[Pair], prefix: DynamicCache) -> torch.Tensor:
        """The log-odds of each pair that both are the same, of shape (pairs,)."""
        texts = [
            f"<|im_start|>user\nA: {a[:CHARACTERS]}\nB: {b[:CHARACTERS]}<|im_end|>\n"
            "<|im_start|>assistant\nSame:"
            for a, b in pairs
        ]
        tokens = self.tokenizer(texts, padding=True, return_tensors="pt")
        rows, start = len(pairs), self.prefix.shape[1]
        cache = copy.deepcopy(prefix)
        cache.batch_repeat_interleave(rows)
        seen = torch.ones(rows, start, dtype=torch.long)
        places = torch.arange(start, start + tokens.input_ids.shape[1])
        states = self.model(
            input_ids=tokens.input_ids,
            attention_mask=torch.cat([seen, tokens.attention_mask], 1),
            position_ids=places[None].expand(rows, -1),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        last = states[torch.arange(rows), tokens.attention_mask.sum(1) - 1].float()
        return last @ self.head + self.bias

    def _replace(self, kind: type, make: Callable[..., nn.Module]) -> None:
        for layer in self.model.layers[ADAPTED:]:
            for part in (layer.self_attn, layer.mlp):
                for name, each in list(part.named_children()):
                    if isinstance(each, kind):
                        setattr(part, name, make(each))


def learn(teacher: Teacher, data: Sequence[Example], chance: random.Random) -> None:
    """Goes once through the labelled pairs, each in a random order of its two texts."""
    layers = [value for name, value in teacher.named_parameters() if "lora_" in name]
    optimizer = torch.optim.AdamW(
        [
            {"params": layers, "lr": RATE},
            {"params": [teacher.head, teacher.bias], "lr": RATE_OF_HEAD},
        ],
        weight_decay=0.0,
        betas=(0.9, 0.98),
    )
    rates = [group["lr"] for group in optimizer.param_groups]
    steps = batches(data, chance, BATCH)
    prefix, total = teacher.read_prefix(), 0.0
    for step, batch in enumerate(steps):
        share = min(1, (step + 1) / WARMUP_STEPS) * (1 - step / len(steps))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * share
        if step % SAME_PREFIX_STEPS == 0:
            prefix = teacher.read_prefix()
        pairs = [each.pair if chance.random() < 0.5 else each.pair[::-1] for each in batch]
        same = torch.tensor([CERTAIN if each.same else 1 - CERTAIN for each in batch])
        loss = binary_cross_entropy_with_logits(teacher(pairs, prefix), same)
        loss.backward()
        nn.utils.clip_grad_norm_(list(teacher.parameters()), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item()
        if step % 50 == 49:
            say(f"step {step + 1} of {len(steps)}, loss {total / 50:.3f}")
            total = 0.0


def read(teacher: Teacher, pairs: Sequence[Pair]) -> dict[Pair, float]:
    """The log-odds of each pair that both are the same."""
    found: dict[Pair, float] = {}
    ordered = sorted(set(pairs), key=lambda pair: len("".join(pair)))
    with torch.inference_mode():
        prefix = teacher.read_prefix()
        for start in range(0, len(ordered), 2 * BATCH):
            some = ordered[start : start + 2 * BATCH]
            found |= dict(zip(some, teacher(some, prefix).tolist(), strict=True))
            if start // BATCH % 100 == 0:
                say(f"{len(found)} of {len(ordered)} pairs read")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a teacher of the second reader.")
    parser.add_argument("--base", type=Path, required=True, help="folder of a language model")
    parser.add_argument("--pairs", type=Path, nargs="+", required=True)
    parser.add_argument("--histories", type=Path, required=True)
    parser.add_argument("--held-out", nargs="*", default=[])
    parser.add_argument("--mined", type=int, default=5_000, help="how many of them it reads")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    examples = collect(options.pairs, options.histories, set(options.held_out), options.seed)
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(options.seed)
    chance = random.Random(options.seed)
    chance.shuffle(examples.labelled)
    teacher = Teacher(options.base)
    learn(teacher, examples.labelled, chance)
    teacher.merge()
    for name, rows in examples.held_out.items():
        log_odds = read(teacher, [row.pair for row in rows])
        hits = sum(log_odds[row.pair] > 0 and row.same > 0 for row in rows)
        everything = sum((log_odds[row.pair] > 0) + (row.same > 0) for row in rows)
        say(f"{name}: F1 {2 * hits / max(1, everything):.3f}")
    mined = chance.sample(examples.mined, min(options.mined, len(examples.mined)))
    opinions = read(teacher, [row.pair for row in (*examples.labelled, *mined)])
    lines = (json.dumps({"a": a, "b": b, "log_odds": x}) for (a, b), x in opinions.items())
    options.out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
