"""The parts of train.py, without training: its definitions are taken out of the file."""

import ast
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

TRAIN = Path(__file__).parents[3] / "campaigns" / "nanochat" / "train.py"
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other over tiny tensors take minutes on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def parts() -> SimpleNamespace:
    """Constants, functions and classes of train.py; nothing of it runs."""
    tree = ast.parse(TRAIN.read_text())
    kept = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import)
        or (isinstance(node, ast.ImportFrom) and node.module != "prepare")
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).strip("()").isupper())
    ]
    namespace: dict[str, Any] = {
        "__name__": "training_parts",
        "ortho_dtype": torch.float32,
        "Attend": Any,
        "MakeAttend": Any,
    }
    import sys
    from types import ModuleType

    module = ModuleType("training_parts")
    sys.modules["training_parts"] = module  # dataclasses look their module up
    module.__dict__.update(namespace)
    exec(compile(ast.Module(body=kept, type_ignores=[]), str(TRAIN), "exec"), module.__dict__)
    return SimpleNamespace(**module.__dict__)


def build(parts: SimpleNamespace, *, pattern: str = "SSL", depth: int = 3) -> Any:
    torch.manual_seed(0)
    config = parts.GPTConfig(
        vocab_size=50, depth=depth, heads=2, head_dim=8, context=32, window_pattern=pattern
    )
    windows = set(config.windows())
    model = parts.GPT(config, {w: parts.make_sdpa(w, 32, CPU) for w in windows})
    model.initialise()
    return model


def stir(model: Any) -> Any:
    """Give the weights that start at zero a value, so that everything takes part."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return model


@pytest.mark.parametrize("pattern", ["L", "S", "SSL", "LS"])
def test_no_prediction_depends_on_a_later_token(parts: SimpleNamespace, pattern: str) -> None:
    model = stir(build(parts, pattern=pattern))
    x = torch.randint(50, (2, 32))
    changed = x.clone()
    changed[:, 20:] = (changed[:, 20:] + 1) % 50
    moved = (model(x) - model(changed)).abs().amax((0, 2)).detach()
    assert float(moved[:20].max()) < 1e-4
    assert float(moved[20:].min()) > 1e-3


def test_a_short_window_ends_where_it_should(parts: SimpleNamespace) -> None:
    attend = parts.make_sdpa(4, 32, CPU)
    q, k, v = (torch.randn(1, 32, 2, 8) for _ in range(3))
    changed = v.clone()
    changed[:, 10] += 1.0
    moved = (attend(q, k, v) - attend(q, k, changed)).abs().amax((0, 2, 3))
    assert (moved > 1e-6).nonzero().flatten().tolist() == [10, 11, 12, 13, 14]


def test_the_last_layer_sees_the_whole_context(parts: SimpleNamespace) -> None:
    assert build(parts, pattern="S").config.windows() == [4, 4, 32]


def test_an_untrained_model_guesses_evenly(parts: SimpleNamespace) -> None:
    x = torch.randint(50, (4, 32))
    assert float(build(parts)(x, x).detach()) == pytest.approx(math.log(50), abs=0.02)


def test_losses_per_token_average_to_the_loss(parts: SimpleNamespace) -> None:
    model, x = stir(build(parts)), torch.randint(50, (4, 32))
    losses = model(x, x, reduction="none")
    assert losses.shape == (128,)
    assert float(losses.mean().detach()) == pytest.approx(float(model(x, x).detach()), abs=1e-5)


def test_every_parameter_is_in_one_group_of_the_optimizer(parts: SimpleNamespace) -> None:
    model = build(parts)
    groups = parts.build_optimizer(model, compiled=False).param_groups
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    assert all(p.ndim == 2 for g in groups if g["kind"] == "muon" for p in g["params"])


def test_a_few_steps_lower_the_loss(parts: SimpleNamespace) -> None:
    model = build(parts)
    optimizer = parts.build_optimizer(model, compiled=False)
    x = torch.randint(50, (4, 32))
    first = float(model(x, x.roll(-1, 1)).detach())
    for step in range(20):
        parts.set_schedule(optimizer, step / 20, step)
        model(x, x.roll(-1, 1)).backward()
        optimizer.step()
        model.zero_grad(set_to_none=True)
    assert float(model(x, x.roll(-1, 1)).detach()) < first - 1


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 48, 16), (2, 16, 48)])
def test_muon_moves_every_direction_equally(
    parts: SimpleNamespace, shape: tuple[int, int, int]
) -> None:
    torch.manual_seed(0)
    p, gradient = torch.zeros(shape), torch.randn(shape) * torch.logspace(0, -2, shape[-1])
    second = torch.full(
        (shape[0], shape[1], 1) if shape[1] >= shape[2] else (shape[0], 1, shape[2]), 1.0
    )
    rate, zero = torch.tensor(1.0), torch.tensor(0.0)
    parts.muon_update(p, gradient, torch.zeros(shape), second, torch.tensor(0.9), rate, zero)
    values = torch.linalg.svdvals(p)
    before = torch.linalg.svdvals(gradient)
    spread = [float((s.amax(-1) / s.median(-1).values).max()) for s in (before, values)]
    assert spread[0] > 3
    assert spread[1] < 1.5


def test_adamw_is_pytorchs(parts: SimpleNamespace) -> None:
    torch.manual_seed(0)
    ours, theirs = torch.randn(5, 3), torch.nn.Parameter(torch.zeros(5, 3))
    theirs.data.copy_(ours)
    m, v = torch.zeros(5, 3), torch.zeros(5, 3)
    betas = (parts.ADAM_BETA1, parts.ADAM_BETA2)
    optimizer = torch.optim.AdamW([theirs], lr=0.1, betas=betas, eps=1e-10, weight_decay=0.3)
    for step in range(1, 4):
        gradient = torch.randn(5, 3)
        theirs.grad = gradient.clone()
        optimizer.step()
        now, rate, decay = (torch.tensor(float(value)) for value in (step, 0.1, 0.3))
        parts.adamw_update(ours, gradient, m, v, now, rate, decay)
    assert torch.allclose(ours, theirs.detach(), atol=1e-5)


def test_the_learning_rate_falls_to_its_final_fraction(parts: SimpleNamespace) -> None:
    assert parts.lr_multiplier(0.0) == 1.0
    assert parts.lr_multiplier(1.0) == pytest.approx(parts.FINAL_LR_FRACTION)
    rates = [parts.lr_multiplier(fraction / 100) for fraction in range(101)]
    assert rates == sorted(rates, reverse=True)


def test_a_norm_keeps_the_precision_that_cudas_autocast_would_widen(
    parts: SimpleNamespace,
) -> None:
    torch.set_autocast_enabled("cuda", True)
    try:
        with FakeTensorMode():  # a type, a shape, and no values: no GPU is needed
            x = torch.empty(2, 32, 16, device="cuda", dtype=torch.bfloat16)
            assert parts.norm(x).dtype == torch.bfloat16
            assert torch.nn.functional.rms_norm(x, (16,)).dtype == torch.float32
    finally:
        torch.set_autocast_enabled("cuda", False)


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 9.895e14),
        ("NVIDIA H100 PCIe", 7.56e14),
        ("NVIDIA A100-SXM4-80GB", 3.12e14),
        ("NVIDIA L40S", 3.62e14),
        ("NVIDIA L40", None),
        ("NVIDIA A10G", None),
    ],
)
def test_a_peak_is_that_of_the_device_and_not_of_one_named_alike(
    name: str, peak: float | None, parts: SimpleNamespace
) -> None:
    assert parts.known_peak(name) == peak
