"""No program gets a better score than its model deserves."""

from collections.abc import Callable

import pytest

from tests.attacks.cheats import CHEATS, NEED_SANDBOX, WITHOUT_EFFECT
from worker.runner import RunReport
from worker.runner.policy import check_policy
from worker.runner.sandbox import find_bubblewrap

# The order of sums changes the last digits, and with them a step or two.
NOISE_BPB = 0.01


@pytest.mark.parametrize("name", CHEATS)
def test_cheating_gains_nothing_even_past_the_policy_check(
    name: str, report_of: Callable[[str], RunReport]
) -> None:
    if name in NEED_SANDBOX and find_bubblewrap() is None:
        pytest.skip("bubblewrap is not installed here")
    honest = report_of("")
    assert honest.metrics is not None, honest.log_tail
    report = report_of(name)
    if name in WITHOUT_EFFECT and report.metrics is not None:
        assert report.metrics.val_bpb > honest.metrics.val_bpb - NOISE_BPB, report.log_tail
    else:
        assert report.metrics is None
        assert report.crash_reason is not None
        assert report.log_tail


def test_there_are_at_least_fifty_cheats() -> None:
    assert len(CHEATS) >= 50


# What must be refused by name, before a process is started.
BEFORE_THE_RUN = {
    "patches evaluate_bpb in the harness": "prepare.evaluate_bpb",
    "patches the examiner's client": "prepare.EXAMINER",
    "finds the client among all objects": "gc.get_objects",
    "replaces the harness module": "sys.modules",
    "patches math.log": "math.log",
    "patches cross_entropy": "torch.nn.functional.cross_entropy",
    "stops perf_counter": "time.perf_counter",
    "writes into the shared logits meanwhile": "import mmap",
    "asks for validation batches": "make_dataloader",
    "asks the examiner for validation rows": "import socket",
    "forks and goes on": "os.fork",
    "runs another program": "import subprocess",
    "reads the validation text from disk": "val.bin",
    "calls home": "import socket",
}


@pytest.mark.parametrize("name", BEFORE_THE_RUN)
def test_the_policy_check_names_what_it_refuses(name: str) -> None:
    refusals = check_policy(CHEATS[name])
    assert BEFORE_THE_RUN[name] in " ".join(refusal.what for refusal in refusals)
    assert all(refusal.why and refusal.line >= 1 for refusal in refusals)
