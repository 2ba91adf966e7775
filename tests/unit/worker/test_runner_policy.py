"""What the static check refuses, and what it lets pass."""

from pathlib import Path

import pytest

from worker.runner.policy import check_policy

REFUSED = {
    "import socket": "socket",
    "import urllib.request": "urllib.request",
    "from subprocess import run": "subprocess",
    "import ctypes.util": "ctypes",
    "import pickle": "pickle",
    "import multiprocessing as mp": "multiprocessing",
    "from prepare import EXAMINER": "prepare.EXAMINER",
    "from prepare import *": "prepare.*",
    "import prepare\nprepare.LAB": "prepare.LAB",
    "import prepare as p\np._obey_lab()": "prepare._obey_lab",
    "import prepare\nprepare.evaluate_bpb = None": "prepare.evaluate_bpb",
    "import torch\ntorch.manual_seed = None": "torch.manual_seed",
    "import torch.nn.functional as F\nF.cross_entropy = None": "torch.nn.functional.cross_entropy",
    "import torch\ndel torch.isfinite": "torch.isfinite",
    "import time\nsetattr(time, 'time', None)": "setattr(time",
    "import torch\ngetattr(torch, 'lo' + 'ad')": "getattr(torch",
    "import os\ngetattr(os, 'system')": "os.system",
    "import torch\ntorch.load('x')": "torch.load",
    "from torch.utils import cpp_extension": "torch.utils.cpp_extension",
    "import torch\ntorch.utils.cpp_extension.load": "torch.utils.cpp_extension",
    "import os\nos.fork()": "os.fork",
    "import os\nos.environ['KEY']": "os.environ",
    "import os\nos.environ.get('KEY')": "os.environ",
    "import os\nos.environ['KEY'] = open('x').read()": "os.environ",
    "from os import system": "os.system",
    "import sys\nsys.modules['prepare']": "sys.modules",
    "import importlib\nimportlib.import_module('socket')": "importlib.import_module",
    "eval('1')": "eval()",
    "exec('1')": "exec()",
    "globals()['x']": "globals()",
    "__import__('socket')": "__import__()",
    "f = print\nf.__globals__": ".__globals__",
    "__builtins__": "__builtins__",
    "import gc\ngc.get_objects()": "gc.get_objects",
    "open('lab.json')": "'lab.json'",
    "open('/proc/self/maps')": "'/proc/'",
    "from prepare import make_dataloader\nmake_dataloader(t, 1, 1, 'val')": "make_dataloader",
    "from prepare import make_dataloader\nmake_dataloader(t, 1, 1, split=s)": "make_dataloader",
    "import torch.utils.cpp_extension as e": "torch.utils.cpp_extension",
    "from torch.utils.cpp_extension import load": "torch.utils.cpp_extension",
    "import torch.multiprocessing as mp": "torch.multiprocessing",
    "from torch.hub import load": "torch.hub",
    "f.__doc__": ".__doc__",
    "__doc__": "__doc__",
    f"answers = {'x' * 8_193!r}": "8,193 characters",
    f"answers = {b'x' * 8_193!r}": "8,193 characters",
    f"answers = [{', '.join(['255'] * 3_000)}]": "9,000 characters",
    f"answers = 1 << 1 | 0x{'f' * 7_000}": "characters of texts and numbers",
    f"answers = [{', '.join(['0.5'] * 1_025)}]": "8,200 characters",
    "it is (not Python": "unreadable program",
}

PASSED = (
    "import os\nos.environ['PYTORCH_ALLOC_CONF'] = 'expandable_segments:True'",
    "import torch\ntorch.backends.cudnn.benchmark = True",
    "import torch\ntorch._dynamo.config.cache_size_limit = 9",
    "from prepare import make_dataloader\nmake_dataloader(t, 1, 1, 'train')",
    "import gc\ngc.collect()\ngc.freeze()\ngc.disable()",
    "import importlib.util\nimportlib.util.find_spec('flash_attn_interface')",
    f"def f():\n    {'long docstring ' * 1_000!r}\n    return {'x' * 8_000!r}",
    "import os.path, torch.nn.functional as F",
    "import math, time, sys\nsys.exit(1)",
    "class A:\n    def __init__(self):\n        super().__init__()\n        self.x = 1",
    "import torch\nmodel = torch.nn.Linear(1, 1)\nmodel.weight = None",
    "import torch\nmodel = torch.nn.Linear(1, 1)\nsetattr(model, 'bias', None)",
    "from kernels import get_kernel\nget_kernel('a/b').flash_attn_interface",
)


@pytest.mark.parametrize("source", REFUSED)
def test_what_a_run_must_not_do_is_named(source: str) -> None:
    refusals = check_policy(source)
    assert REFUSED[source] in " ".join(refusal.what for refusal in refusals)


@pytest.mark.parametrize("source", PASSED)
def test_what_research_needs_is_let_through(source: str) -> None:
    assert check_policy(source) == []


def test_the_starting_program_is_let_through() -> None:
    campaign = Path(__file__).parents[3] / "campaigns" / "nanochat"
    assert check_policy((campaign / "train.py").read_text()) == []


def test_a_refusal_says_where_and_why() -> None:
    (refusal,) = check_policy("x = 1\nimport socket")
    assert str(refusal) == "line 2: import socket: a run has no network"
