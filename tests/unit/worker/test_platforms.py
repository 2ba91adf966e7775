"""Which accelerator a worker takes."""

import pytest
import torch

from worker.errors import SetupError
from worker.runner import detect_platform


@pytest.mark.parametrize(
    ("count", "gpu_index", "remedy"),
    [(0, 0, "leave --gpu away"), (2, 2, "choose from 0 to 1")],
)
def test_a_gpu_that_is_not_there_is_not_replaced_by_another_or_by_the_cpu(
    monkeypatch, count, gpu_index, remedy
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(SetupError, match=f"no GPU {gpu_index} here, PyTorch finds {count}") as seen:
        detect_platform(gpu_index)
    assert remedy in str(seen.value)
