"""A tiny campaign, real in every part: its text, its tokenizer, its examination."""

import ast
import json
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path

from shared.constants import override_constants
from worker.runner import RunReport, RunRequest, prepare_data, run_program

CAMPAIGN = Path(__file__).parents[2] / "campaigns" / "nanochat"
BUDGET_S = 0.5
SEED = 7

# What every program here is made from; the marks are where cheats and oddities go.
BASE = """\
import math
import sys
import time

import torch
import torch.nn.functional as F
from prepare import MAX_SEQ_LEN, TIME_BUDGET, Tokenizer, evaluate_bpb, make_dataloader
from torch import nn

torch.manual_seed(42)
tokenizer = Tokenizer.from_directory()
V = tokenizer.get_vocab_size()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(V, 32)
        self.head = nn.Linear(32, V)

    def forward(self, x, y=None):
        logits = self.head(torch.relu(self.table(x)))
        return logits if y is None else F.cross_entropy(logits.flatten(0, 1), y.flatten())


model = Model()
#-- model
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-2)
loader = make_dataloader(tokenizer, 16, MAX_SEQ_LEN, "train")
#-- before
spent, step = 0.0, 0
while spent < TIME_BUDGET:
    began = time.perf_counter()
    x, y, _ = next(loader)
    loss = model(x, y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    step += 1
    if step > 10:
        spent += time.perf_counter() - began
    #-- inside
#-- after
model.eval()
#-- exam
val_bpb = evaluate_bpb(model, tokenizer, 16)
#-- end
print("---")
print(f"val_bpb: {val_bpb:.6f}")
print(f"num_steps: {step}")
"""


# Runs programs one after the other, each with a harness of its own.
ALL = """
import runpy, sys
for path in sys.argv[1:]:
    sys.modules.pop("prepare", None)
    runpy.run_path(path)
"""


def program(**parts: str) -> str:
    """The base program with code put in at its marks."""
    source = BASE
    for mark, code in parts.items():
        assert f"#-- {mark}\n" in source, mark
        indent = "    " if mark == "inside" else ""
        lines = "\n".join(indent + line for line in code.strip("\n").split("\n"))
        source = source.replace(f"{indent}#-- {mark}\n", f"{lines}\n")
    ast.parse(source)
    return source


def own(model: str) -> str:
    """The base program with another model class."""
    head, _, rest = BASE.partition("class Model(nn.Module):")
    source = (
        head
        + model.strip("\n")
        + "\n\n\nmodel = Model()\n"
        + rest.partition("model = Model()\n")[2]
    )
    ast.parse(source)
    return source


class Laboratory:
    """The prepared campaign."""

    def __init__(self, home: Path) -> None:
        self.home, self.data_dir = home, home / "data"
        text = home / "text"
        text.mkdir()
        # Real text, a few dozen modules; enough of them that every split has some.
        library = Path(sysconfig.get_paths()["stdlib"])
        for path in sorted(library.glob("[a-h]*.py")):
            (text / path.name).write_bytes(path.read_bytes()[:6000])
        harness = override_constants(
            (CAMPAIGN / "prepare.py").read_text(),
            {
                "MAX_SEQ_LEN": 64,
                "TIME_BUDGET": BUDGET_S,
                "EVAL_TOKENS": 64 * 128,
                "VOCAB_SIZE": 384,
                "DATA": str(text),
                "HELD_OUT_PERCENT": 15,
                "PACK_BUFFER": 50,
            },
        )
        kernels = (CAMPAIGN / "kernels.py").read_text()
        self.harness_files = {"prepare.py": harness, "kernels.py": kernels}
        prepare_data(self.harness_files, self.data_dir)

    def run(self, source: str, *, seed: int = SEED) -> RunReport:
        """Run a program under the runner."""
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            return run_program(
                RunRequest(
                    source=source,
                    harness_files=self.harness_files,
                    seed=seed,
                    run_dir=Path(folder),
                    data_dir=self.data_dir,
                    cache_dir=self.home / "cache",
                    baseline="",
                    time_budget_s=BUDGET_S,
                    num_threads=1,
                )
            )

    def run_in_process(self, sources: Mapping[str, str]) -> dict[str, float]:
        """Run programs with the harness's own evaluation, without runner and examiner.

        One process for all, because importing torch takes longer than these programs do.
        """
        with tempfile.TemporaryDirectory(dir=self.home) as name:
            folder = Path(name)
            lab = {"data_dir": str(self.data_dir), "seed": SEED, "num_threads": 1}
            programs = {f"{number}.py": source for number, source in enumerate(sources.values())}
            files = self.harness_files | programs | {"lab.json": json.dumps(lab), "all.py": ALL}
            for file, text in files.items():
                (folder / file).write_text(text)
            done = subprocess.run(
                [sys.executable, "all.py", *programs],
                cwd=folder,
                env={"OMP_NUM_THREADS": "1"},
                check=True,
                capture_output=True,
                text=True,
            )
        lines = [line for line in done.stdout.splitlines() if line.startswith("val_bpb:")]
        scores = [float(line.split()[1]) for line in lines]
        return dict(zip(sources, scores, strict=True))
