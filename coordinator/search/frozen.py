"""A transformer as one compiled graph for the processor: half the time of the model itself.

It is in bfloat16 where the processor multiplies that, with weights in the order in which it reads
them, and holds no lock of the interpreter while it runs. A product of a new shape costs 10 ms to
prepare, so texts are padded to few shapes, and all of them are made ready at once.
"""

import itertools
import os
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
THREADS = max(1, (len(CORES) or os.cpu_count() or 2) // 2)
PAD_TO = 8  # tokens

Text = TypeVar("Text")
Numbers = npt.NDArray[np.float32]


def frozen(
    model: "Module",
    tokenize: Callable[[list[Text]], Mapping[str, Any]],
    call: Callable[[Any, Mapping[str, Any]], "Tensor"],
    *,
    example: list[Text],
    max_tokens: int,
) -> Callable[[list[Text]], Numbers]:
    """The model from texts to numbers, ready for texts of every length.

    Args:
        model: what ``call`` runs.
        tokenize: gives tensors by name, of shape (texts, tokens); not called by two threads at
            once.
        call: runs the model on what ``tokenize`` gives; one row for a text.
        example: texts of different lengths, so that the trace is one of padding too.
        max_tokens: how long a text can be.
    """
    import torch  # noqa: PLC0415 seconds of import: only who needs a model pays for it

    def features(texts: list[Text]) -> "dict[str, Tensor]":
        return {
            # The mask is padded with the rest, so that nothing attends to what is added.
            name: torch.nn.functional.pad(each, (0, -each.shape[-1] % PAD_TO))
            for name, each in tokenize(texts).items()
            if isinstance(each, torch.Tensor)
        }

    named = features(example)

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *values: "Tensor") -> "Tensor":
            return call(self.model, dict(zip(named, values, strict=True)))

    has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # noqa: SLF001
    graph = Graph().eval().to(torch.bfloat16 if has_bf16 else torch.float32)
    if has_bf16:
        _pack(graph)
    with torch.inference_mode(), warnings.catch_warnings():
        # What the trace takes for constant, that there is no cache and no mask of the future, is.
        warnings.simplefilter("ignore")
        traced = torch.jit.freeze(
            torch.jit.trace(graph, tuple(named.values()), check_trace=False)  # type: ignore[no-untyped-call]
        )
        for tokens in range(PAD_TO, max_tokens + 1, PAD_TO):
            # The first run of a shape prepares it.
            traced(*(each[:1, :1].expand(1, tokens).contiguous() for each in named.values()))

    one_at_a_time = Lock()

    def run(texts: list[Text]) -> Numbers:
        with one_at_a_time:  # a tokenizer keeps its padding in itself
            values = features(texts)
        with torch.inference_mode():
            found: Numbers = traced(*(values[name] for name in named)).numpy()
        return found

    return run


def _pack(model: "Module") -> None:
    """Put the weights of every linear layer in the order of the processor's tiles, once.

    Left as they are, each product would do so anew: half of a text's time.
    """
    import torch  # noqa: PLC0415

    # A script, because a trace cannot write its list of no arguments down.
    script = torch.jit.CompilationUnit(
        """
        def product(x, weight, bias: Optional[Tensor]):
            return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], None)
        """
    )

    class Packed(torch.nn.Module):
        def __init__(self, layer: torch.nn.Linear) -> None:
            super().__init__()
            weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), None)  # noqa: SLF001
            self.register_buffer("weight", weight)
            self.bias = layer.bias

        def forward(self, x: "Tensor") -> "Tensor":
            product: Tensor = script.product(x, self.weight, self.bias)
            return product

    for name, layer in list(model.named_modules()):
        if isinstance(layer, torch.nn.Linear):
            above, _, last = name.rpartition(".")
            setattr(model.get_submodule(above), last, Packed(layer))


def model_threads(name: str) -> ThreadPoolExecutor:
    """Threads for half of the cores, each of which computes alone, on cores of its own.

    Two threads on one text would take nearly as long as one. And two that wake at once are often
    put on the same core, and stay there for longer than a text takes.
    """
    numbers = itertools.count()

    def begin() -> None:
        import torch  # noqa: PLC0415

        torch.set_num_threads(1)
        own = CORES[next(numbers) :: THREADS]
        if own:
            os.sched_setaffinity(0, own)

    return ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix=name, initializer=begin)


def be_quiet() -> None:
    """Have the library that loads models report errors alone."""
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
