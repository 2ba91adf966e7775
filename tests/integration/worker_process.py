"""Workers as processes that can be killed at a named place.

Started once, it imports everything and then forks a worker for each line of JSON on standard input:
`{"url", "home", "experiments", "kill_at", "kill_after_s", "ledger"}`. It answers with one line: how
the worker ended, as `os.waitstatus_to_exitcode` says it.

`kill_at` is `<Class>.<method>:<before|after>:<n>`: SIGKILL at the n-th call. The ledger gets one
line for every experiment that the worker has seen through.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

import worker.breaker
import worker.client
import worker.loop
import worker.proposers.tpe
import worker.steps.run
from tests.integration.worker_bench import Events, make_runner, researcher_at
from worker.client import Client
from worker.notebook import Notebook
from worker.outbox import Outbox
from worker.workbench import Workbench

# Standard output is for how workers end.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


class Runner:
    """The run as a class, so that its end can be a place to die."""

    run = staticmethod(make_runner())


CLASSES = {each.__name__: each for each in (Client, Notebook, Outbox, Workbench, Runner)}


class Ledger(Events):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("a")

    def emit(self, event: str, **fields: Any) -> None:
        if event == "judged":
            self._file.write(json.dumps(fields, default=str) + "\n")
            self._file.flush()
        super().emit(event, **fields)


def die_at(place: str) -> None:
    """Arrange for SIGKILL at the place."""
    name, when, nth = place.split(":")
    owner, method = CLASSES[name.partition(".")[0]], name.partition(".")[2]
    original, calls = getattr(owner, method), []

    def deadly(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        is_now = len(calls) == int(nth)
        if is_now and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = original(*arguments, **options)
        if is_now:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, method, staticmethod(deadly) if owner is Runner else deadly)


def be_worker(order: dict[str, Any]) -> None:
    home = Path(order["home"])
    worker.client.ANSWER_TIMEOUT_S = order.get("patience_s", 20.0)
    if order.get("kill_at"):
        die_at(order["kill_at"])
    if order.get("kill_after_s"):
        signal.setitimer(signal.ITIMER_REAL, order["kill_after_s"])
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    ledger = Ledger(home / "ledger.jsonl")
    seed = order.get("seed", 1)
    with researcher_at(
        order["url"], home, seed=seed, reporter=ledger, runner=Runner.run
    ) as researcher:
        worker.loop.work(researcher, experiments=order["experiments"])


def main() -> None:
    # Nobody has time to wait for a coordinator that is not there.
    worker.breaker.FIRST_PAUSE_S, worker.breaker.LONGEST_PAUSE_S = 0.01, 0.05
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            with suppress(worker.errors.CoordinatorUnreachableError):
                be_worker(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
