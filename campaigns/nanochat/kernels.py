"""FlashAttention for programs that fetch it from the hub: a run has no network.

``get_kernel(name).flash_attn_interface.flash_attn_func``, as karpathy/autoresearch calls it, is
FlashAttention 3 where its package is installed and PyTorch's own attention elsewhere. Both map
q, k, v (B, T, H, D) to (B, T, H, D), and take queries and keys in the precision of the values:
under autocast, norms come out in single precision. k and v may have fewer heads, by a whole factor.
"""

import importlib.util
from types import SimpleNamespace

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
    # Chosen here and not in the call, where it would end a compiled graph.
    attend = attend_with_flash3 if _has_flash3() else attend_with_pytorch
    return SimpleNamespace(flash_attn_interface=SimpleNamespace(flash_attn_func=attend))


def attend_with_flash3(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    causal: bool = False,
    window_size: tuple[int, int] = (NO_BOUND, NO_BOUND),
) -> Tensor:
    """Attend with FlashAttention 3; positions see ``window_size`` tokens back and ahead."""
    from flash_attn_interface import flash_attn_func  # noqa: PLC0415 - Hopper only

    q, k = q.to(v.dtype), k.to(v.dtype)
    y = flash_attn_func(q, k, v, causal=causal, window_size=window_size)
    return y[0] if isinstance(y, tuple) else y


def attend_with_pytorch(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    causal: bool = False,
    window_size: tuple[int, int] = (NO_BOUND, NO_BOUND),
) -> Tensor:
    """Attend with PyTorch's own kernels; positions see ``window_size`` tokens back and ahead."""
    seen = _seen(q.size(1), causal, window_size, q.device)
    y = F.scaled_dot_product_attention(
        q.to(v.dtype).transpose(1, 2),
        k.to(v.dtype).transpose(1, 2),
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


def _has_flash3() -> bool:
    is_hopper = torch.cuda.is_available() and torch.cuda.get_device_capability()[0] == 9
    return is_hopper and importlib.util.find_spec("flash_attn_interface") is not None
