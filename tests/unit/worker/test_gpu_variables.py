"""What of the worker's environment its programs get to find the GPU."""

import pytest

from worker.errors import SetupError
from worker.settings import gpu_variables


@pytest.mark.parametrize(
    ("ours", "gpu_index", "theirs"),
    [
        ({}, None, {}),
        ({"HOME": "/root", "SECRET": "x"}, None, {}),
        ({}, 1, {"CUDA_VISIBLE_DEVICES": "1"}),
        ({"CUDA_VISIBLE_DEVICES": "3"}, None, {"CUDA_VISIBLE_DEVICES": "3"}),
        ({"CUDA_VISIBLE_DEVICES": "2,3"}, 1, {"CUDA_VISIBLE_DEVICES": "3"}),
        ({"CUDA_VISIBLE_DEVICES": "MIG-a, MIG-b"}, 1, {"CUDA_VISIBLE_DEVICES": "MIG-b"}),
        (
            {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib64", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            None,
            {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib64", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
    ],
)
def test_a_program_gets_the_gpu_that_the_worker_was_given(
    ours: dict[str, str], gpu_index: int | None, theirs: dict[str, str]
) -> None:
    assert gpu_variables(gpu_index, ours) == theirs


def test_a_gpu_that_is_not_shown_to_the_worker_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SetupError, match="choose from 0 to 1"):
        gpu_variables(2, {"CUDA_VISIBLE_DEVICES": "2,3"})
