"""Train a small GPT for exactly TIME_BUDGET seconds and print its validation bits per byte.

The agent's file: everything here may be changed. Run it as ``python train.py``.
"""

from __future__ import annotations

import gc
import importlib.util
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the field's own name
from prepare import MAX_SEQ_LEN, TIME_BUDGET, Tokenizer, evaluate_bpb, make_dataloader
from torch import Tensor, nn

# ------------------------------------------------------------------------------------------------
# Hyperparameters
# ------------------------------------------------------------------------------------------------

# Model
DEPTH = 9  # transformer blocks
ASPECT_RATIO = 57  # channels per block of depth; the width is rounded up to whole heads
HEAD_DIM = 128  # channels per attention head
MLP_RATIO = 4  # hidden channels of the MLP per channel of the model
WINDOW_PATTERN = "SSSSL"  # attention by layer: S sliding window, L full context; last is always L
SHORT_WINDOW = 0.125  # of the context: what an S layer sees
ROPE_BASE = 200_000  # Source: RoFormer (arXiv 2104.09864), base raised for sharper positions
SOFTCAP = 15.0  # logits are kept within (-SOFTCAP, SOFTCAP). Source: Gemma 2 (arXiv 2408.00118)
INIT_SCALE = 0.68  # of the uniform initialisation of matrices
X0_LAMBDA = 0.05  # initial weight of the embedding in every block's input
VALUE_GATE_CHANNELS = 32  # channels that decide how much value embedding a head takes

# Optimizer
TOTAL_BATCH_SIZE = 2**18  # tokens per optimizer step
DEVICE_BATCH_SIZE = 128  # rows per forward pass; halved on its own when memory runs out
EMBEDDING_LR = 0.9  # AdamW, token embedding; scaled by (width / 768) ** -0.5
VALUE_EMBEDDING_LR = 0.9  # AdamW, value embeddings; scaled likewise
UNEMBEDDING_LR = 0.005  # AdamW, lm_head; scaled likewise
SCALAR_LR = 0.5  # AdamW, the per-layer residual scalars
MATRIX_LR = 0.04  # Muon, all matrices of the blocks
MATRIX_WEIGHT_DECAY = 0.2  # Muon, cautious, falls to 0 with the budget
EMBEDDING_WEIGHT_DECAY = 0.001
VALUE_EMBEDDING_WEIGHT_DECAY = 0.003
UNEMBEDDING_WEIGHT_DECAY = 0.01
ADAM_BETA1 = 0.8
ADAM_BETA2 = 0.95
MUON_MOMENTUM = 0.95
MUON_BETA2 = 0.95  # of the variance reduction
MUON_WARMUP_STEPS = 200  # steps in which the momentum rises from 0.85
MUON_ITERATIONS = 5  # of the orthogonalisation

# Schedule, in fractions of the time budget
WARMUP_RATIO = 0.0
WARMDOWN_RATIO = 0.75
FINAL_LR_FRACTION = 0.05

COMPILE = True  # torch.compile, on CUDA; a CPU run is over before compilation pays

# ------------------------------------------------------------------------------------------------
# Attention back ends: each makes a function of q, k, v (B, T, H, D) -> (B, T, H, D)
# ------------------------------------------------------------------------------------------------

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
MakeAttend = Callable[[int, int, torch.device], Attend]  # of window, context (tokens), device


def make_sdpa(window: int, context: int, device: torch.device) -> Attend:
    """Attend with PyTorch's own kernel: everywhere available."""
    if window >= context:
        mask = None
    else:
        position = torch.arange(context, device=device)
        distance = position[:, None] - position[None, :]
        mask = (distance >= 0) & (distance <= window)  # (context, context)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        T = q.size(1)
        seen = None if mask is None else mask[:T, :T]
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)  # (B, H, T, D)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=seen is None)
        return y.transpose(1, 2)

    return attend


def make_flex(window: int, context: int, device: torch.device) -> Attend:
    """Attend with flex_attention: skips the blocks outside the window; needs torch.compile."""
    from torch.nn.attention.flex_attention import (  # noqa: PLC0415 - CUDA only
        create_block_mask,
        flex_attention,
    )

    def sees(_b: Tensor, _h: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (query - key <= window)

    blocks = create_block_mask(sees, B=None, H=None, Q_LEN=context, KV_LEN=context, device=device)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)  # (B, H, T, D)
        y: Tensor = flex_attention(q, k, v, block_mask=blocks)  # type: ignore[assignment]
        return y.transpose(1, 2)

    return attend


def make_flash3(window: int, context: int, device: torch.device) -> Attend:  # noqa: ARG001
    """Attend with FlashAttention 3. Source: arXiv 2407.08608."""
    from flash_attn_interface import flash_attn_func  # noqa: PLC0415 - Hopper only

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        y = flash_attn_func(q, k, v, causal=True, window_size=(window, 0))
        return y[0] if isinstance(y, tuple) else y

    return attend


def choose_attention(device: torch.device, compiled: bool) -> tuple[str, MakeAttend]:
    """Return the name and maker of the fastest attention that this machine has."""
    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        if major == 9 and importlib.util.find_spec("flash_attn_interface"):
            return "FlashAttention 3", make_flash3
        if compiled and major >= 8:
            return "flex_attention", make_flex
    return "SDPA", make_sdpa


# ------------------------------------------------------------------------------------------------
# Model
# ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GPTConfig:
    """The shape of the model."""

    vocab_size: int
    depth: int
    heads: int
    head_dim: int
    context: int  # tokens
    window_pattern: str

    @property
    def width(self) -> int:
        """Return the channels of the residual stream."""
        return self.heads * self.head_dim

    def windows(self) -> list[int]:
        """Return how many tokens back each layer sees."""
        sizes = {"S": int(self.context * SHORT_WINDOW), "L": self.context}
        pattern = self.window_pattern
        windows = [sizes[pattern[i % len(pattern)]] for i in range(self.depth)]
        return [*windows[:-1], self.context]


def norm(x: Tensor) -> Tensor:
    """Return x with every last-dimension vector at root mean square 1."""
    return F.rms_norm(x, (x.size(-1),)).to(x.dtype)  # CUDA's autocast would leave it in fp32


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return x (B, T, H, D) with its halves turned by each position's angles (1, T, 1, D / 2)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos + b * sin, b * cos - a * sin), dim=-1)


def has_value_embedding(layer: int, depth: int) -> bool:
    """Return whether a layer mixes a value embedding in: every other one, the last included."""
    return layer % 2 == (depth - 1) % 2


class SelfAttention(nn.Module):
    """Causal attention with rotary positions, QK norm and gated value embeddings."""

    def __init__(self, config: GPTConfig, layer: int, attend: Attend) -> None:
        super().__init__()
        width = config.width
        self.heads, self.head_dim, self.attend = config.heads, config.head_dim, attend
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        self.gate_channels = min(VALUE_GATE_CHANNELS, width)
        self.value_gate = (
            nn.Linear(self.gate_channels, config.heads, bias=False)
            if has_value_embedding(layer, config.depth)
            else None
        )

    def forward(self, x: Tensor, value: Tensor | None, cos: Tensor, sin: Tensor) -> Tensor:
        """Map x (B, T, C) to (B, T, C)."""
        B, T, _ = x.shape
        q = self.to_q(x).view(B, T, self.heads, self.head_dim)
        k = self.to_k(x).view(B, T, self.heads, self.head_dim)
        v = self.to_v(x).view(B, T, self.heads, self.head_dim)
        if self.value_gate is not None and value is not None:
            gate = 2 * torch.sigmoid(self.value_gate(x[..., : self.gate_channels]))  # (B, T, H)
            v = v + gate.unsqueeze(-1) * value.view(B, T, self.heads, self.head_dim)
        q, k = norm(rotate(q, cos, sin)), norm(rotate(k, cos, sin))
        y = self.attend(q, k, v)  # (B, T, H, D)
        out: Tensor = self.project(y.reshape(B, T, -1))
        return out


class MLP(nn.Module):
    """Two matrices with a squared ReLU between them. Source: Primer (arXiv 2109.08668)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, MLP_RATIO * width, bias=False)
        self.project = nn.Linear(MLP_RATIO * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, T, C) to (B, T, C)."""
        out: Tensor = self.project(F.relu(self.expand(x)).square())
        return out


class Block(nn.Module):
    """Attention, then MLP, each on the normed stream and added to it."""

    def __init__(self, config: GPTConfig, layer: int, attend: Attend) -> None:
        super().__init__()
        self.attention = SelfAttention(config, layer, attend)
        self.mlp = MLP(config.width)

    def forward(self, x: Tensor, value: Tensor | None, cos: Tensor, sin: Tensor) -> Tensor:
        """Map x (B, T, C) to (B, T, C)."""
        x = x + self.attention(norm(x), value, cos, sin)
        return x + self.mlp(norm(x))


class GPT(nn.Module):
    """A decoder-only transformer with untied embeddings."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: GPTConfig, attends: Mapping[int, Attend]) -> None:
        super().__init__()
        self.config = config
        windows = config.windows()
        self.embedding = nn.Embedding(config.vocab_size, config.width)
        self.blocks = nn.ModuleList(Block(config, i, attends[w]) for i, w in enumerate(windows))
        self.value_embeddings = nn.ModuleDict(
            {
                str(i): nn.Embedding(config.vocab_size, config.width)
                for i in range(config.depth)
                if has_value_embedding(i, config.depth)
            }
        )
        self.lm_head = nn.Linear(config.width, config.vocab_size, bias=False)
        self.residual_lambdas = nn.Parameter(torch.ones(config.depth))
        self.x0_lambdas = nn.Parameter(torch.full((config.depth,), X0_LAMBDA))
        half = config.head_dim // 2
        frequencies = ROPE_BASE ** -(torch.arange(half, dtype=torch.float32) / half)
        angles = torch.outer(torch.arange(config.context, dtype=torch.float32), frequencies)
        self.register_buffer("cos", angles.cos()[None, :, None, :], persistent=False)
        self.register_buffer("sin", angles.sin()[None, :, None, :], persistent=False)

    @torch.no_grad()
    def initialise(self) -> None:
        """Set the starting weights: blocks begin as the identity, logits near zero."""
        bound = INIT_SCALE * math.sqrt(3 / self.config.width)  # uniform of std INIT_SCALE / sqrt(C)
        nn.init.normal_(self.embedding.weight, std=1.0)
        nn.init.normal_(self.lm_head.weight, std=0.001)
        for embedding in self.value_embeddings.values():
            nn.init.uniform_(embedding.weight, -bound, bound)
        for name, weight in self.blocks.named_parameters():
            if "project" in name or "value_gate" in name:
                nn.init.zeros_(weight)
            else:
                nn.init.uniform_(weight, -bound, bound)

    def forward(self, x: Tensor, y: Tensor | None = None, reduction: str = "mean") -> Tensor:
        """Return the logits (B, T, vocab) of tokens (B, T), or with targets y the loss in nats."""
        T = x.size(1)
        cos, sin = self.cos[:, :T], self.sin[:, :T]
        stream = norm(self.embedding(x))  # (B, T, C)
        first = stream
        cos, sin = cos.to(stream.dtype), sin.to(stream.dtype)
        for i, block in enumerate(self.blocks):
            value = self.value_embeddings[str(i)](x) if str(i) in self.value_embeddings else None
            stream = self.residual_lambdas[i] * stream + self.x0_lambdas[i] * first
            stream = block(stream, value, cos, sin)
        logits = self.lm_head(norm(stream)).float()
        logits = SOFTCAP * torch.tanh(logits / SOFTCAP)  # (B, T, vocab)
        if y is None:
            return logits
        return F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction=reduction)

    def flops_per_token(self) -> float:
        """Return the floating-point operations of one token's forward and backward pass."""
        tables = [self.embedding.weight, *(e.weight for e in self.value_embeddings.values())]
        table_params = sum(t.numel() for t in tables)
        matrix_params = sum(p.numel() for p in self.parameters()) - table_params
        attended = sum(min(w, self.config.context) for w in self.config.windows())
        return 6.0 * matrix_params + 12.0 * self.config.width * attended


# ------------------------------------------------------------------------------------------------
# Optimizer: Muon for the matrices of the blocks, AdamW for all else
# ------------------------------------------------------------------------------------------------

# Source: Polar Express (arXiv 2505.16932), the optimal quintic of each iteration, with a safety
# factor of 2e-2 and a cushion of 2.
POLAR_COEFFICIENTS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)


def adamw_update(
    p: Tensor, grad: Tensor, m: Tensor, v: Tensor, step: Tensor, lr: Tensor, decay: Tensor
) -> None:
    """Update one parameter in place, in fp32. Source: AdamW (arXiv 1711.05101)."""
    grad = grad.float()
    m.lerp_(grad, 1 - ADAM_BETA1)
    v.lerp_(grad.square(), 1 - ADAM_BETA2)
    denominator = (v / (1 - ADAM_BETA2**step)).sqrt() + 1e-10
    p.copy_(p.float() * (1 - lr * decay) - lr / (1 - ADAM_BETA1**step) * m / denominator)


def muon_update(
    p: Tensor, grad: Tensor, m: Tensor, v: Tensor, momentum: Tensor, lr: Tensor, decay: Tensor
) -> None:
    """Update a stack of equal matrices (K, rows, columns) in place.

    Source: Muon (Keller Jordan, 2024) with Nesterov momentum; orthogonalisation by Polar Express
    (arXiv 2505.16932); variance reduction by NorMuon (arXiv 2510.05491); decay only where it
    agrees with the update, by Cautious Weight Decay (arXiv 2510.12402).
    """
    m.mul_(momentum).add_(grad * (1 - momentum))
    update = grad * (1 - momentum) + m * momentum
    x = update.to(ortho_dtype)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.02 + 1e-6)
    tall = x.size(-2) > x.size(-1)
    if tall:
        x = x.mT
    for a, b, c in POLAR_COEFFICIENTS[:MUON_ITERATIONS]:
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    if tall:
        x = x.mT
    update = x.to(p.dtype)
    # Each neuron's update is brought to the same size, the whole keeps its norm.
    mean_square = update.square().mean(dim=-1 if v.size(-1) == 1 else -2, keepdim=True)
    v.lerp_(mean_square, 1 - MUON_BETA2)
    scaled = update * v.clamp_min(1e-10).rsqrt()
    before, after = (u.norm(dim=(-2, -1), keepdim=True) for u in (update, scaled))
    update = scaled * (before / after.clamp_min(1e-10))
    agrees = (update * p) >= 0
    p.sub_(lr * update + lr * decay * p * agrees)


class MuonAdamW(torch.optim.Optimizer):
    """Both optimizers in one; groups carry ``kind``, ``lr`` and ``weight_decay``."""

    def __init__(self, groups: list[dict[str, Any]], *, compiled: bool) -> None:
        super().__init__(groups, {"lr": 0.0, "weight_decay": 0.0, "momentum": MUON_MOMENTUM})
        for group in self.param_groups:
            group["initial_lr"], group["initial_decay"] = group["lr"], group["weight_decay"]
        fuse: Callable[..., Any] = (
            (lambda f: torch.compile(f, dynamic=False, fullgraph=True)) if compiled else lambda f: f
        )
        self._adamw, self._muon = fuse(adamw_update), fuse(muon_update)
        self._steps = 0

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Apply one update; gradients are left as they are."""
        del closure
        self._steps += 1
        for group in self.param_groups:
            # 0-D tensors: a new value must not compile a new kernel.
            lr, decay = torch.tensor(group["lr"]), torch.tensor(group["weight_decay"])
            if group["kind"] == "adamw":
                self._step_adamw(group["params"], lr, decay)
            else:
                self._step_muon(group["params"], torch.tensor(group["momentum"]), lr, decay)

    def _step_adamw(self, params: list[Tensor], lr: Tensor, decay: Tensor) -> None:
        step = torch.tensor(float(self._steps))
        for p in params:
            state = self.state[p]
            if not state:
                state["m"] = torch.zeros_like(p, dtype=torch.float32)
                state["v"] = torch.zeros_like(p, dtype=torch.float32)
            self._adamw(p, p.grad, state["m"], state["v"], step, lr, decay)

    def _step_muon(self, params: list[Tensor], momentum: Tensor, lr: Tensor, decay: Tensor) -> None:
        state = self.state[params[0]]
        weights = torch.stack([p.detach() for p in params])  # (K, rows, columns)
        rows, columns = weights.shape[-2:]
        if not state:
            state["m"] = torch.zeros_like(weights)
            shape = (len(params), rows, 1) if rows >= columns else (len(params), 1, columns)
            state["v"] = weights.new_zeros(shape)
        gradients = torch.stack([p.grad for p in params if p.grad is not None])
        lr = lr * max(1.0, rows / columns) ** 0.5
        self._muon(weights, gradients, state["m"], state["v"], momentum, lr, decay)
        torch._foreach_copy_(params, list(weights.unbind()))


def build_optimizer(model: GPT, *, compiled: bool) -> MuonAdamW:
    """Return the optimizer, every parameter in exactly one group."""
    scale = (model.config.width / 768) ** -0.5
    groups: list[dict[str, Any]] = []

    def add(kind: str, params: Iterable[Tensor], lr: float, decay: float) -> None:
        groups.append({"kind": kind, "params": list(params), "lr": lr, "weight_decay": decay})

    value_tables = model.value_embeddings.parameters()
    add("adamw", model.lm_head.parameters(), UNEMBEDDING_LR * scale, UNEMBEDDING_WEIGHT_DECAY)
    add("adamw", model.embedding.parameters(), EMBEDDING_LR * scale, EMBEDDING_WEIGHT_DECAY)
    add("adamw", value_tables, VALUE_EMBEDDING_LR * scale, VALUE_EMBEDDING_WEIGHT_DECAY)
    add("adamw", [model.residual_lambdas], SCALAR_LR * 0.01, 0.0)
    add("adamw", [model.x0_lambdas], SCALAR_LR, 0.0)
    by_shape: dict[torch.Size, list[Tensor]] = {}
    for p in model.blocks.parameters():
        by_shape.setdefault(p.shape, []).append(p)
    for params in by_shape.values():
        add("muon", params, MATRIX_LR, MATRIX_WEIGHT_DECAY)
    return MuonAdamW(groups, compiled=compiled)


# ------------------------------------------------------------------------------------------------
# Schedules: driven by the fraction of the time budget that is used up
# ------------------------------------------------------------------------------------------------


def lr_multiplier(fraction: float) -> float:
    """Return the factor on every learning rate: warm-up, plateau, linear warm-down."""
    if fraction < WARMUP_RATIO:
        return fraction / WARMUP_RATIO
    if fraction < 1.0 - WARMDOWN_RATIO:
        return 1.0
    left = (1.0 - fraction) / WARMDOWN_RATIO
    return left + (1.0 - left) * FINAL_LR_FRACTION


def set_schedule(optimizer: MuonAdamW, fraction: float, step: int) -> float:
    """Set every group's rates for this moment; return the learning-rate factor."""
    multiplier = lr_multiplier(fraction)
    warm = min(step / MUON_WARMUP_STEPS, 1.0)
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * multiplier
        if group["kind"] == "muon":
            group["momentum"] = (1 - warm) * 0.85 + warm * MUON_MOMENTUM
            group["weight_decay"] = group["initial_decay"] * (1 - fraction)
    return multiplier


# ------------------------------------------------------------------------------------------------
# Setup
# ------------------------------------------------------------------------------------------------

# Dense bf16 (fp16 where the device has no bf16) operations per second. Source: data sheets.
PEAK_FLOPS = {
    "B200": 2.25e15, "H200": 9.895e14, "H100 NVL": 8.35e14, "H100 PCIe": 7.56e14, "H100": 9.895e14,
    "A100": 3.12e14, "L40S": 3.62e14, "L4": 1.21e14, "A10": 1.25e14, "V100": 1.25e14, "T4": 6.5e13,
    "RTX 5090": 2.095e14, "RTX 4090": 1.652e14, "RTX 3090": 7.1e13, "RTX A6000": 1.55e14,
}  # fmt: skip


def known_peak(name: str) -> float | None:
    """Return the peak of the device of this name: an L40 is no L4, and an H100 NVL no H100."""
    found = (flops for known, flops in PEAK_FLOPS.items() if re.search(rf"\b{known}\b", name))
    return next(found, None)


def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Return the device's peak, measured with a matrix product where no data sheet is known."""
    if device.type == "cuda":
        known = known_peak(torch.cuda.get_device_name(device))
        if known is not None:
            return known
    n = 1024 if device.type == "cpu" else 8192
    a = torch.randn(n, n, device=device, dtype=dtype)
    best_s = math.inf
    for _ in range(10):
        start = time.perf_counter()
        float((a @ a)[0, 0])  # reading a value waits for the product
        best_s = min(best_s, time.perf_counter() - start)
    return 2 * n**3 / best_s


def choose_dtype(device: torch.device) -> torch.dtype:
    """Return bf16 where the device computes in it, fp16 on older GPUs, fp32 elsewhere."""
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


started_at = time.perf_counter()
torch.set_float32_matmul_precision("high")
tokenizer = Tokenizer.from_directory()
vocab_size = tokenizer.get_vocab_size()
if torch.cuda.is_available():
    device = torch.device("cuda")
else:
    device = torch.device("mps" if torch.backends.mps.is_available() else "cpu")
dtype = choose_dtype(device)
ortho_dtype = torch.bfloat16 if dtype == torch.bfloat16 else torch.float32
compiled = COMPILE and device.type == "cuda"
autocast = torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)
attention_name, make_attend = choose_attention(device, compiled)

config = GPTConfig(
    vocab_size=vocab_size,
    depth=DEPTH,
    heads=max(1, math.ceil(DEPTH * ASPECT_RATIO / HEAD_DIM)),
    head_dim=HEAD_DIM,
    context=MAX_SEQ_LEN,
    window_pattern=WINDOW_PATTERN,
)
attends = {w: make_attend(w, config.context, device) for w in set(config.windows())}
model = GPT(config, attends)
model.initialise()
model.to(device)
if device.type == "cuda":  # halves the traffic of the tables; their AdamW state stays fp32
    model.embedding.to(torch.bfloat16 if dtype == torch.bfloat16 else torch.float32)
    model.value_embeddings.to(torch.bfloat16 if dtype == torch.bfloat16 else torch.float32)
num_params = sum(p.numel() for p in model.parameters())
optimizer = build_optimizer(model, compiled=compiled)
scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
network: Callable[..., Tensor] = torch.compile(model, dynamic=False) if compiled else model
peak = peak_flops(device, dtype)
print(f"device: {device}, {dtype}, attention: {attention_name}, compiled: {compiled}")
print(f"model: depth {config.depth}, width {config.width}, {num_params / 1e6:.1f} M parameters")


def fit_device_batch(rows: int) -> int:
    """Return the largest batch, halving from rows, whose step fits into memory.

    Compiles the model on the way, before the first batch is asked for.
    """
    while True:
        try:
            x, y = torch.randint(vocab_size, (2, rows, MAX_SEQ_LEN), device=device).unbind()
            with autocast:
                loss = network(x, y)
            loss.backward()
            with autocast, torch.no_grad():
                network(x)  # the graph of the examination, so that its kernels are at hand
            synchronize(device)
        except torch.OutOfMemoryError:
            if rows == 1:
                raise
            rows //= 2
            print(f"out of memory: device batch halved to {rows}")
        else:
            return rows
        finally:
            model.zero_grad(set_to_none=True)
            if device.type == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()


device_batch = min(DEVICE_BATCH_SIZE, max(1, TOTAL_BATCH_SIZE // MAX_SEQ_LEN))
if device.type == "cuda":
    device_batch = fit_device_batch(device_batch)
accumulation, remainder = divmod(TOTAL_BATCH_SIZE, device_batch * MAX_SEQ_LEN)
if remainder:
    sys.exit("TOTAL_BATCH_SIZE must be a multiple of the device batch in tokens.")
loader = make_dataloader(tokenizer, device_batch, MAX_SEQ_LEN, "train")
x, y, epoch = next(loader)

# ------------------------------------------------------------------------------------------------
# Loop
# ------------------------------------------------------------------------------------------------

step = 0
training_s = 0.0  # counted from the 11th step: compilation and warm-up are free
smooth_loss = 0.0
while True:
    synchronize(device)
    step_started = time.perf_counter()
    for _ in range(accumulation):
        with autocast:
            loss = network(x, y)
        scaler.scale(loss / accumulation).backward()
        train_loss = loss.detach()
        x, y, epoch = next(loader)  # the copy runs beside the backward pass
    fraction = min(training_s / TIME_BUDGET, 1.0)
    multiplier = set_schedule(optimizer, fraction, step)
    scaler.step(optimizer)
    scaler.update()
    model.zero_grad(set_to_none=True)
    loss_now = float(train_loss)  # waits for the device
    if not math.isfinite(loss_now) or loss_now > 100:
        sys.exit(f"FAIL: the loss is {loss_now}")
    synchronize(device)
    step_s = time.perf_counter() - step_started
    if step > 10:
        training_s += step_s
    smooth_loss = 0.9 * smooth_loss + 0.1 * loss_now
    tokens_per_s = TOTAL_BATCH_SIZE / step_s
    mfu = 100 * model.flops_per_token() * tokens_per_s / peak
    shown_loss = smooth_loss / (1 - 0.9 ** (step + 1))  # without the bias of the start at 0
    print(
        f"step {step:05d} ({100 * fraction:.1f}%) | loss: {shown_loss:.6f}"
        f" | lrm: {multiplier:.2f} | dt: {1000 * step_s:.0f}ms | tok/sec: {tokens_per_s:,.0f}"
        f" | mfu: {mfu:.1f}% | epoch: {epoch} | remaining: {TIME_BUDGET - training_s:.0f}s",
        flush=True,
    )
    if step == 0:  # collections take hundreds of milliseconds, and nothing here makes cycles
        gc.collect()
        gc.freeze()
        gc.disable()
    step += 1
    if step > 10 and training_s >= TIME_BUDGET:
        break

# ------------------------------------------------------------------------------------------------
# Evaluation and summary
# ------------------------------------------------------------------------------------------------

model.eval()
with autocast:
    val_bpb = evaluate_bpb(network, tokenizer, device_batch)
counted_steps = max(step - 11, 1)
mean_rate = TOTAL_BATCH_SIZE * counted_steps / max(training_s, 1e-9)
peak_vram_mb = torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else 0.0
print("---")
print(f"val_bpb:          {val_bpb:.6f}")
print(f"training_seconds: {training_s:.1f}")
print(f"total_seconds:    {time.perf_counter() - started_at:.1f}")
print(f"peak_vram_mb:     {peak_vram_mb:.1f}")
print(f"mfu_percent:      {100 * model.flops_per_token() * mean_rate / peak:.2f}")
print(f"total_tokens_M:   {step * TOTAL_BATCH_SIZE / 1e6:.1f}")
print(f"num_steps:        {step}")
print(f"num_params_M:     {num_params / 1e6:.1f}")
print(f"depth:            {config.depth}")
