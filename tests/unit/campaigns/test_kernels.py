"""The attention that programs fetch from the hub elsewhere."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

CAMPAIGN = Path(__file__).parents[3] / "campaigns" / "nanochat"


@pytest.fixture(scope="module")
def kernels() -> Iterator[ModuleType]:
    sys.path.insert(0, str(CAMPAIGN))
    import kernels

    yield kernels
    sys.path.remove(str(CAMPAIGN))


def attended(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, sees: object) -> torch.Tensor:
    """Attention written out, position by position: (T, H, D)."""
    T, heads, width = q.shape  # noqa: N806 - the field's own name
    y = torch.zeros_like(q)
    for head in range(heads):
        other = head * k.size(1) // heads
        for query in range(T):
            keys = [key for key in range(T) if sees(query, key)]  # type: ignore[operator]
            scores = (k[keys, other] @ q[query, head]) / width**0.5
            y[query, head] = scores.softmax(0) @ v[keys, other]
    return y


@pytest.mark.parametrize(
    ("causal", "window", "sees"),
    [
        (True, (-1, -1), lambda query, key: key <= query),
        (True, (20, 0), lambda query, key: key <= query),
        (True, (3, 0), lambda query, key: query - 3 <= key <= query),
        (True, (3, -1), lambda query, key: query - 3 <= key <= query),
        (False, (-1, -1), lambda _query, _key: True),
        (False, (2, 1), lambda query, key: query - 2 <= key <= query + 1),
    ],
)
@pytest.mark.parametrize("kv_heads", [1, 4])
def test_it_attends_as_flash_attention_does(
    kernels: ModuleType,
    causal: bool,
    window: tuple[int, int],
    sees: object,
    kv_heads: int,
) -> None:
    torch.manual_seed(0)
    q = torch.randn(1, 12, 4, 8)
    k, v = torch.randn(2, 1, 12, kv_heads, 8).unbind()
    attend = kernels.get_kernel("varunneal/flash-attention-3").flash_attn_interface.flash_attn_func
    y = attend(q, k, v, causal=causal, window_size=window)
    torch.testing.assert_close(y[0], attended(q[0], k[0], v[0], sees=sees))


def test_queries_and_keys_are_taken_in_the_precision_of_the_values(kernels: ModuleType) -> None:
    q = torch.randn(1, 12, 2, 8)
    y = kernels.flash_attn_func(q, q, q.bfloat16(), causal=True, window_size=(4, 0))
    assert y.dtype == torch.bfloat16


def test_it_stays_within_one_compiled_graph(kernels: ModuleType) -> None:
    attend = kernels.get_kernel("kernels-community/flash-attn3").flash_attn_interface
    q = torch.randn(1, 12, 2, 8)

    def attended_twice(q: torch.Tensor) -> torch.Tensor:
        wide: torch.Tensor = attend.flash_attn_func(q, q, q, causal=True, window_size=(12, 0))
        near: torch.Tensor = attend.flash_attn_func(wide, q, q, causal=True, window_size=(4, 0))
        return near

    compiled = torch.compile(attended_twice, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(q), attended_twice(q))


def test_nothing_else_is_fetched(kernels: ModuleType) -> None:
    with pytest.raises(ImportError, match="no network"):
        kernels.get_kernel("somebody/rotary")
