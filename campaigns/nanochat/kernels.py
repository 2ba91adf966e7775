"""FlashAttention for programs that fetch it from the hub: a run has no network.

``get_kernel(name).flash_attn_interface.flash_attn_func``, as karpathy/autoresearch calls it, is
FlashAttention 3 where its package is installed and PyTorch's own attention elsewhere. It maps
q, k, v (B, T, H, D) to (B, T, H, D), and takes queries and keys in the precision of the values:
under autocast, norms come out in single precision. k and v may have fewer heads, by a whole factor.
"""

import importlib.util
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the field's own name
from torch import Tensor

NO_BOUND = -1


def get_kernel(name: str, *_: object, **__: object) -> SimpleNamespace:
    """Return the attention of this machine for any kernel of that kind.

    Raises:
        ImportError: another kernel is asked for.
    """
    if "flash-attn" not in name and "flash-attention" not in name:
        raise ImportError(f"{name} cannot be fetched: a run has no network.")
    return SimpleNamespace(flash_attn_interface=SimpleNamespace(flash_attn_func=flash_attn_func))


def flash_attn_func(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    causal: bool = False,
    window_size: tuple[int, int] = (NO_BOUND, NO_BOUND),
) -> Tensor:
    """Attend; positions see ``window_size`` tokens back and ahead."""
    q, k = q.to(v.dtype), k.to(v.dtype)
    if FLASH3 is not None:
        y = FLASH3(q, k, v, causal=causal, window_size=window_size)
        return y[0] if isinstance(y, tuple) else y
    seen = _seen(q.size(1), causal, window_size, q.device)
    y = F.scaled_dot_product_attention(
        q.transpose(1, 2),
        k.transpose(1, 2),
        v.transpose(1, 2),
        attn_mask=seen,
        is_causal=causal and seen is None,
        enable_gqa=q.size(2) != k.size(2),
    )
    return y.transpose(1, 2)


def _seen(
    T: int, causal: bool, window_size: tuple[int, int], device: torch.device
) -> Tensor | None:
    """Return the mask (T, T), or nothing where no window cuts anything off."""
    back, ahead = (T if bound == NO_BOUND else bound for bound in window_size)
    if back >= T - 1 and (causal or ahead >= T - 1):
        return None
    position = torch.arange(T, device=device)
    distance = position[:, None] - position[None, :]
    return (distance <= back) & (distance >= (0 if causal else -ahead))


def _find_flash3() -> Any | None:
    is_hopper = torch.cuda.is_available() and torch.cuda.get_device_capability()[0] == 9
    if not is_hopper or importlib.util.find_spec("flash_attn_interface") is None:
        return None
    from flash_attn_interface import flash_attn_func as flash3  # noqa: PLC0415 - Hopper only

    return flash3


FLASH3 = _find_flash3()  # once: in the call, looking for it would end a compiled graph
