"""Which accelerator this machine has: results compare only within one platform."""

import platform
from dataclasses import dataclass
from pathlib import Path

from shared.states import Tier
from worker.errors import SetupError


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The accelerator that runs are made on; ``name`` is its exact model."""

    name: str
    vram_gb: float | None
    tier: Tier


def detect_platform(gpu_index: int | None = None) -> Platform:
    """Return the accelerator that ``run_program`` uses.

    Raises:
        SetupError: a GPU is asked for that PyTorch does not have here.
    """
    import torch  # noqa: PLC0415 - seconds of import that most of the worker does without

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpu_index is not None and gpu_index >= count:
        remedy = f"choose from 0 to {count - 1}" if count else "leave --gpu away"
        raise SetupError(
            f"There is no GPU {gpu_index} here, PyTorch finds {count}: {remedy}; `swarmlab doctor` "
            "looks at what is there."
        )
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(gpu_index or 0)
        vram_gb = round(properties.total_memory / 2**30, 1)
        return Platform(name=properties.name, vram_gb=vram_gb, tier=Tier.of_vram(vram_gb))
    if torch.backends.mps.is_available():
        return Platform(name=f"mps-{platform.processor()}", vram_gb=None, tier=Tier.CPU)
    return Platform(name=f"cpu-{_cpu_model()}", vram_gb=None, tier=Tier.CPU)


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
