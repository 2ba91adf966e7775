"""Real runs of real programs: what they report, how they end, what they leave behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.constants import override_constants
from shared.states import CrashReason
from tests.attacks.honest import steps
from tests.attacks.laboratory import BASE, CAMPAIGN, Laboratory, program
from tests.conftest import until
from worker.runner import LabError, Progress, RunAbandonedError, RunRequest, processes, run_program
from worker.runner.kernels import are_kept
from worker.runner.processes import Pair
from worker.runner.sandbox import find_bubblewrap


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with tempfile.TemporaryDirectory(prefix="swarmlab-lab-") as home:
        yield Laboratory(Path(home))


@pytest.fixture(params=["sandboxed", "bare"])
def confinement(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every mechanism must hold without bubblewrap too."""
    if request.param == "bare":
        monkeypatch.setattr(processes, "confine", lambda command, **_: list(command))
    elif find_bubblewrap() is None:
        pytest.skip("bubblewrap is not installed here")
    return str(request.param)


def processes_of(folder: Path) -> list[int]:
    """The living processes that a run in this folder started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"HOME={folder}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def is_program(pid: int) -> bool:
    """Whether this process runs the program, and not the sandbox around it."""
    try:
        command = (Path("/proc") / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"train.py" in command and not command[0].endswith(b"bwrap")


def request_of(laboratory: Laboratory, source: str, run_dir: Path) -> RunRequest:
    return RunRequest(
        source=source,
        harness_files=laboratory.harness_files,
        seed=1,
        run_dir=run_dir,
        data_dir=laboratory.data_dir,
        cache_dir=laboratory.home / "cache",
        baseline="",
        time_budget_s=0.5,
        num_threads=1,
    )


def test_the_starting_program_runs_and_reports_every_metric(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    small = tomllib.loads((CAMPAIGN / "cpu-demo.toml").read_text())["train"] | {
        "DEPTH": 2,
        "ASPECT_RATIO": 16,
        "WINDOW_PATTERN": "SL",
        "TOTAL_BATCH_SIZE": 1024,
        "DEVICE_BATCH_SIZE": 8,
    }
    source = override_constants((CAMPAIGN / "train.py").read_text(), small)
    seen: list[Progress] = []
    report = run_program(request_of(laboratory, source, tmp_path), on_progress=seen.append)
    assert report.metrics is not None, report.log_tail
    assert report.metrics.depth == 2
    assert report.metrics.num_steps is not None
    assert report.metrics.num_steps > 11
    assert report.metrics.total_tokens_M == pytest.approx(
        (report.metrics.num_steps * 1024 + 8 * 64) / 1e6  # the next batch is fetched ahead
    )
    assert report.metrics.training_seconds == pytest.approx(0.5, abs=2)
    assert all(value is not None for value in report.metrics.model_dump().values())
    assert seen[0].phase == "starting"
    assert report.started_at < report.finished_at


@pytest.mark.usefixtures("confinement")
def test_the_seed_is_the_swarms(laboratory: Laboratory) -> None:
    def score(seed: int, manual: int) -> float:
        source = steps(BASE, 12).replace("manual_seed(42)", f"manual_seed({manual})")
        report = laboratory.run(source, seed=seed)
        assert report.metrics is not None, report.log_tail
        return report.metrics.val_bpb

    assert score(1, manual=5) == pytest.approx(score(1, manual=6), abs=1e-9)
    assert score(1, manual=5) != pytest.approx(score(2, manual=5), abs=1e-6)


def test_no_program_can_shrink_what_it_shares_with_its_examiner(laboratory: Laboratory) -> None:
    shrink = """
for descriptor in range(3, 64):
    try:
        open(descriptor, "r+b", buffering=0, closefd=False).truncate(0)
    except (OSError, ValueError):
        pass
"""
    report = laboratory.run(shrink + steps(BASE, 12))
    assert report.metrics is not None, report.log_tail


def test_no_usual_way_to_seed_chooses_another(laboratory: Laboratory) -> None:
    def draws(seed: int) -> str:
        source = f"""
import random, sys
import numpy as np
import prepare, torch
torch.random.manual_seed({seed})
random.seed({seed})
np.random.seed({seed})
print("DRAWN", torch.rand(3).tolist(), random.random(), np.random.rand())
sys.exit(1)
"""
        [drawn] = [line for line in laboratory.run(source).log_tail.splitlines() if "DRAWN" in line]
        return drawn

    assert draws(1) == draws(2)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise torch.OutOfMemoryError('CUDA out of memory')", CrashReason.OOM),
        ("sys.exit('FAIL: the loss is nan')", CrashReason.NAN),
        ("print('FAIL')\nsys.exit(1)", CrashReason.NAN),  # the reference's words
        # The kernel's own way to end a program that takes too much memory.
        ("import os\nos.kill(os.getpid(), 9)", CrashReason.OOM),
        ("1 / 0", CrashReason.ERROR),
        ("sys.exit(0)", CrashReason.ERROR),
    ],
)
def test_a_crash_has_a_reason(
    code: str, reason: CrashReason, laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.runner.running.check_policy", lambda _: [])
    report = laboratory.run(program(model=code))
    assert report.metrics is None
    assert report.crash_reason is reason


def test_a_traceback_is_in_the_log(laboratory: Laboratory) -> None:
    report = laboratory.run(program(model="print('line\\n' * 200)\nmodel.nothing()"))
    assert "AttributeError" in report.log_tail
    assert len(report.log_tail.splitlines()) <= 52


def test_a_program_that_is_refused_is_never_started(laboratory: Laboratory, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    report = run_program(request_of(laboratory, "import socket\n" + BASE, run_dir))
    assert report.crash_reason is CrashReason.POLICY
    assert "line 1: import socket" in report.log_tail
    assert not run_dir.exists()


@pytest.mark.usefixtures("confinement")
def test_a_run_that_is_abandoned_leaves_no_process(laboratory: Laboratory, tmp_path: Path) -> None:
    source = program(model="while True:\n    time.sleep(1)")
    begun: list[bool] = []

    def should_stop() -> bool:
        begun.append(bool(processes_of(tmp_path)))
        return begun[-1]

    with pytest.raises(RunAbandonedError):
        run_program(request_of(laboratory, source, tmp_path), should_stop=should_stop)
    assert processes_of(tmp_path) == []


@pytest.mark.usefixtures("confinement")
def test_what_a_program_leaves_running_is_killed(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.runner.running.check_policy", lambda _: [])
    source = program(
        model="""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.closerange(0, 99)
    while True:
        time.sleep(1)
"""
    )
    report = run_program(request_of(laboratory, source, tmp_path))
    assert report.metrics is not None, report.log_tail
    assert processes_of(tmp_path) == []


@pytest.mark.skipif(find_bubblewrap() is None, reason="bubblewrap is not installed here")
def test_no_process_outlives_a_worker_that_is_killed(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    (tmp_path / "prepare.py").write_text(laboratory.harness_files["prepare.py"])
    run_dir = tmp_path / "run"
    script = f"""
from pathlib import Path
from worker.runner import RunRequest, run_program
run_program(RunRequest(
    source="import time\\nwhile True:\\n    time.sleep(1)",
    harness_files={{"prepare.py": Path({str(tmp_path / "prepare.py")!r}).read_text()}},
    seed=1, run_dir=Path({str(run_dir)!r}), data_dir=Path({str(laboratory.data_dir)!r}),
    cache_dir=Path({str(tmp_path / "cache")!r}), baseline="", time_budget_s=100, num_threads=1,
))
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment) as parent:
        # Not as soon as bubblewrap itself is there: see worker.runner.sandbox on that instant.
        until(lambda: any(map(is_program, processes_of(run_dir))), limit_s=60)
        os.kill(parent.pid, signal.SIGKILL)
    until(lambda: processes_of(run_dir) == [], limit_s=60)


def test_missing_data_is_not_the_programs_fault(laboratory: Laboratory, tmp_path: Path) -> None:
    request = request_of(laboratory, BASE, tmp_path / "run")
    nowhere = RunRequest(**{**vars(request), "data_dir": tmp_path / "nowhere"})
    with pytest.raises(LabError, match="doctor"):
        run_program(nowhere)


def test_an_examiner_that_is_killed_before_it_serves_is_a_lack_of_memory(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Pair._start_examiner

    def start_and_kill(pair: Pair, *rest: Any) -> None:
        start(pair, *rest)
        pair.examiner.kill()

    monkeypatch.setattr(Pair, "_start_examiner", start_and_kill)
    report = run_program(request_of(laboratory, BASE, tmp_path / "run"))
    assert report.crash_reason is CrashReason.OOM
    assert "the examiner was killed" in report.log_tail


# Says what it finds in its compile cache, and adds to it.
COMPILES = """
import os, pathlib
kernels = pathlib.Path(os.environ["TORCHINDUCTOR_CACHE_DIR"])
kernels.mkdir(parents=True, exist_ok=True)
print("compiled before:", *(path.read_text() for path in kernels.iterdir()))
with (kernels / "kernel").open("a") as kernel:
    kernel.write("1")
"""


@pytest.mark.usefixtures("confinement")
def test_what_a_program_compiles_is_gone_with_its_run_unless_it_is_the_campaigns_own(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.runner.running.check_policy", lambda _: [])

    def compiled_before(source: str) -> list[str]:
        request = request_of(laboratory, source, tmp_path / "run")
        baseline = program(model=COMPILES)
        report = run_program(replace(request, cache_dir=tmp_path / "cache", baseline=baseline))
        shutil.rmtree(tmp_path / "run")
        assert report.metrics is not None, report.log_tail
        return next(
            line.split()[2:]
            for line in report.log_tail.splitlines()
            if line.startswith("compiled before:")
        )

    own, other = program(model=COMPILES), program(model=COMPILES, end="# another program")
    assert compiled_before(other) == []
    assert compiled_before(other) == []  # what the first wrote is not there
    assert compiled_before(own) == []
    assert compiled_before(other) == ["1"]
    assert compiled_before(other) == ["1"]  # and not what the one before made of it
    assert compiled_before(own) == ["1"]


def test_on_a_gpu_the_campaigns_own_program_compiles_before_the_first_candidate(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.runner.running.check_policy", lambda _: [])
    monkeypatch.setattr("worker.runner.running._has_gpu", lambda: True)
    monkeypatch.setattr("worker.runner.kernels.MOMENT_S", 1)
    request = request_of(laboratory, program(model=COMPILES, end="# another"), tmp_path / "run")
    request = replace(request, cache_dir=tmp_path / "cache", baseline=program(model=COMPILES))
    report = run_program(request)
    assert report.metrics is not None, report.log_tail
    assert "compiled before: 1" in report.log_tail
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("run")] == ["run"]


def test_a_campaign_whose_own_program_fails_is_not_compiled_again_and_again(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.runner.running._has_gpu", lambda: True)
    request = request_of(laboratory, BASE, tmp_path / "run")
    request = replace(request, cache_dir=tmp_path / "cache", baseline="raise SystemExit(3)")
    assert run_program(request).metrics is not None
    assert are_kept(request)


@pytest.mark.usefixtures("confinement")
def test_files_without_a_name_count_too(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.runner.running.RUN_DIR_BYTES", 2**20)
    monkeypatch.setattr("worker.runner.running.SIZE_EVERY_S", 0.0)
    source = program(
        model="""
import tempfile
unnamed = tempfile.TemporaryFile(dir=".")
unnamed.write(b"x" * 2**22)
unnamed.flush()
time.sleep(60)
"""
    )
    monkeypatch.setattr("worker.runner.running.check_policy", lambda _: [])
    report = run_program(request_of(laboratory, source, tmp_path / "run"))
    assert report.crash_reason == "policy"
    assert "wrote more than 1 MiB" in report.log_tail


def test_ctrl_c_reaches_neither_program_nor_examiner(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    request = request_of(laboratory, BASE, tmp_path / "run")
    with Pair(request, lambda _: None) as pair:
        sessions = {os.getsid(process.pid) for process in (pair.program, pair.examiner)}
        assert os.getsid(0) not in sessions


REFERENCE_STYLE = """
import os
os.environ["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"

import gc
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

from kernels import get_kernel
fa3 = get_kernel("varunneal/flash-attention-3").flash_attn_interface

from prepare import MAX_SEQ_LEN, TIME_BUDGET, Tokenizer, make_dataloader, evaluate_bpb


class Net(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.wte = nn.Embedding(vocab, 24)
        self.lm_head = nn.Linear(24, vocab, bias=False)

    def forward(self, idx, targets=None, reduction="mean"):
        x = F.rms_norm(self.wte(idx), (24,))
        q = x.view(*idx.shape, 3, 8)
        y = fa3.flash_attn_func(q, q, q, causal=True, window_size=(16, 0))
        logits = self.lm_head(x + y.reshape(x.shape)).float()
        if targets is None:
            return logits
        return F.cross_entropy(
            logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1, reduction=reduction
        )


t_start = time.time()
torch.manual_seed(42)
if torch.cuda.is_available():
    torch.cuda.manual_seed(42)
torch.set_float32_matmul_precision("high")
tokenizer = Tokenizer.from_directory()
vocab_size = tokenizer.get_vocab_size()
model = Net(vocab_size)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
train_loader = make_dataloader(tokenizer, 8, MAX_SEQ_LEN, "train")
x, y, epoch = next(train_loader)
total_training_time, step = 0, 0
while True:
    t0 = time.time()
    for micro_step in range(2):
        loss = model(x, y)
        per_token = model(x, y, reduction="none").view(-1)
        (loss / 2).backward()
        x, y, epoch = next(train_loader)
    optimizer.step()
    model.zero_grad(set_to_none=True)
    dt = time.time() - t0
    if step > 10:
        total_training_time += dt
    if step == 0:
        gc.collect()
        gc.freeze()
        gc.disable()
    step += 1
    if step > 10 and total_training_time >= TIME_BUDGET:
        break
model.eval()
with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
    val_bpb = evaluate_bpb(model, tokenizer, 8)
print("---")
print(f"val_bpb:          {val_bpb:.6f}")
print(f"training_seconds: {total_training_time:.1f}")
print(f"num_steps:        {step}")
"""


@pytest.mark.usefixtures("confinement")
def test_a_program_in_the_calling_style_of_the_reference_runs_as_it_is(
    laboratory: Laboratory,
) -> None:
    report = laboratory.run(REFERENCE_STYLE)
    assert report.metrics is not None, report.log_tail
    assert 1 < report.metrics.val_bpb < 5.2
    assert f"val_bpb:          {report.metrics.val_bpb:.6f}" in report.log_tail
