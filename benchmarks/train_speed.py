"""How fast a run is: training, loader, and what the run costs around them.

    python benchmarks/train_speed.py --profile cpu-demo [--json]
    python benchmarks/train_speed.py --profile h100 --runs 2     # cold, then warm; needs CUDA

Runs the campaign's own program under the runner, sandbox and examiner included. The reference's
figures (one H100, depth 8, batch of 2**19 tokens) stand beside those of the h100 profile.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from shared.constants import override_constants, read_constants
from worker.runner import RunReport, RunRequest, detect_platform, prepare_data, run_program
from worker.runner.sandbox import find_bubblewrap

CAMPAIGN = Path(__file__).parents[1] / "campaigns" / "nanochat"
LOADER_S = 3.0
# Source: karpathy/autoresearch, its published run.
REFERENCE = {
    "tokens_per_s": 1_660_000.0,
    "mfu_percent": 39.8,
    "peak_vram_mb": 45_060.0,
    "training_s": 300.1,
    "total_s": 325.9,
    "training_fraction": 0.921,
    "val_bpb": 0.9979,
    "num_steps": 953.0,
}
# The shape that the reference's speed was measured at.
REFERENCE_SHAPE = {"DEPTH": 8, "ASPECT_RATIO": 64, "TOTAL_BATCH_SIZE": "2**19", "WINDOW_PATTERN": "SSSL", "SHORT_WINDOW": 0.5}  # fmt: skip  # noqa: E501


def loader_tokens_per_s(harness: Path, data_dir: Path, rows: int, context: int) -> float:
    """Return how fast one thread packs training batches of the campaign's shape."""
    spec = importlib.util.spec_from_file_location("harness", harness)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    packer = module.Packer(module.prepared_dir(data_dir), "train", context, seed=0)
    batch = np.empty((rows, context + 1), dtype=np.int32)
    packer.fill(batch)
    tokens, started = 0, time.perf_counter()
    while time.perf_counter() - started < LOADER_S:
        packer.fill(batch)
        tokens += rows * context
    return tokens / (time.perf_counter() - started)


def figures(report: RunReport, loader: float) -> dict[str, Any]:
    """Return the figures of one run."""
    assert report.metrics is not None
    metrics, seconds = report.metrics, report.seconds
    steps = metrics.num_steps or 0
    tokens = (metrics.total_tokens_M or 0) * 1e6 * max(steps - 11, 0) / max(steps, 1)
    return {
        "tokens_per_s": round(tokens / seconds["training"]),
        "mfu_percent": metrics.mfu_percent,
        "loader_tokens_per_s": round(loader),
        "peak_vram_mb": metrics.peak_vram_mb,
        "startup_s": round(seconds["startup"], 2),
        "window_s": round(seconds["window"], 2),
        "training_s": round(seconds["training"], 2),
        "examination_s": round(seconds["examination"], 2),
        "total_s": round(seconds["total"], 2),
        "training_fraction": round(seconds["training"] / seconds["total"], 3),
        "num_steps": steps,
        "num_params_M": metrics.num_params_M,
        "val_bpb": round(metrics.val_bpb, 6),
    }


def main() -> None:
    """Run, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", choices=["cpu-demo", "h100"], default="cpu-demo")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the program")
    parser.add_argument("--reference-shape", action="store_true")
    parser.add_argument("--data", help="a folder of text or parquet files instead of the profile's")
    parser.add_argument("--data-dir", type=Path, default=Path.home() / ".cache/swarmlab/data")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    platform = detect_platform()
    if arguments.profile == "h100" and not platform.vram_gb:
        sys.exit("The h100 profile needs a CUDA device: not measured.")
    campaign = tomllib.loads((CAMPAIGN / f"{arguments.profile}.toml").read_text())
    knobs = campaign["train"] | (REFERENCE_SHAPE if arguments.reference_shape else {})
    files = {
        name: override_constants((CAMPAIGN / f"{name}.py").read_text(), changes)
        for name, changes in (
            ("prepare", campaign["prepare"] | ({"DATA": arguments.data} if arguments.data else {})),
            ("train", knobs),
            ("kernels", {}),
        )
    }
    prepare_data({"prepare.py": files["prepare"]}, arguments.data_dir)
    runs = []
    with tempfile.TemporaryDirectory(prefix="swarmlab-speed-") as home:
        harness = Path(home) / "prepare.py"
        harness.write_text(files["prepare"])
        rows = read_constants(files["train"])["DEVICE_BATCH_SIZE"].value
        context = read_constants(files["prepare"])["MAX_SEQ_LEN"].value
        assert isinstance(rows, int)
        assert isinstance(context, int)
        loader = loader_tokens_per_s(harness, arguments.data_dir, rows, context)
        for number in range(arguments.runs):
            report = run_program(
                RunRequest(
                    source=files["train"],
                    harness_files={f"{name}.py": files[name] for name in ("prepare", "kernels")},
                    seed=number,
                    run_dir=Path(home) / f"run{number}",
                    data_dir=arguments.data_dir,
                    cache_dir=Path(home) / "cache",
                    baseline=files["train"],
                    time_budget_s=campaign["time_budget_s"],
                    num_threads=None if platform.vram_gb else arguments.threads,
                )
            )
            if report.metrics is None:
                sys.exit(f"{report.crash_reason}:\n{report.log_tail}")
            runs.append(figures(report, loader))
    document = {
        "profile": arguments.profile,
        "platform": platform.name,
        "sandbox": find_bubblewrap() is not None,
        "runs": runs,
        "reference_h100": REFERENCE,
    }
    if arguments.json:
        print(json.dumps(document))
        return
    print(f"{arguments.profile} on {platform.name}, sandbox: {document['sandbox']}")
    head = "".join(f"{f'run {number + 1}':>14}" for number in range(len(runs)))
    print(f"{'':<22}{head}{'reference H100':>18}")
    for name in runs[0]:
        values = "".join(f"{_words(run[name]):>14}" for run in runs)
        print(f"{name:<22}{values}{_words(REFERENCE.get(name)):>18}")


def _words(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


if __name__ == "__main__":
    main()
