"""What a person sees of a laptop's swarm: a live table on a terminal, plain lines elsewhere."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.terminal import in_one_line

OUTCOME_STYLE = {"keep": "bold green", "discard": "dim", "crash": "red"}
RECENT = 10


@dataclass(kw_only=True)
class WorkerRow:
    """What one worker is at."""

    state: str = "starting"
    hypothesis: str = ""
    progress: dict[str, Any] = field(default_factory=dict)


class SwarmDisplay:
    """Shows events as they come; the same events as lines where there is no terminal."""

    def __init__(self, console: Console, *, url: str, campaign: str) -> None:
        self._console = console
        self._title = f"swarmlab · {campaign} · {url}"
        self._rows: dict[str, WorkerRow] = {}
        self._results: deque[tuple[str, dict[str, Any]]] = deque(maxlen=RECENT)
        self._best: float | None = None
        self._started = time.monotonic()
        self._live = (
            Live(console=console, get_renderable=self._render, refresh_per_second=4)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        """Start to draw."""
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last picture on the screen."""
        if self._live:
            self._live.stop()

    def say(self, message: str) -> None:
        """Show a sentence of our own."""
        self._console.print(message, highlight=False, soft_wrap=True)

    def show(self, worker: str, event: dict[str, Any]) -> None:
        """Take in one event of a worker."""
        row = self._rows.setdefault(worker, WorkerRow())
        kind = str(event.get("event", ""))
        if kind == "progress":
            row.state = str(event.get("phase", "running"))
            row.progress = event
            return
        row.state = kind.replace("_", " ")
        row.progress = {}
        told = (event.get(key) for key in ("hypothesis", "reason", "line"))
        said = next(filter(None, told), "" if kind == "ready" else row.hypothesis)
        row.hypothesis = in_one_line(str(said))
        val_bpb = event.get("val_bpb")
        if kind == "judged":
            self._results.appendleft((worker, {"hypothesis": row.hypothesis, **event}))
        is_record = kind in {"ready", "adopted"} or event.get("outcome") == "keep"
        if is_record and isinstance(val_bpb, float):
            self._best = min(val_bpb, self._best or val_bpb)
        if self._live is None:
            self.say(_line(worker, kind, event))

    def _render(self) -> RenderableType:
        elapsed = time.strftime("%H:%M:%S", time.gmtime(time.monotonic() - self._started))
        best = f"best {self._best:.6f}" if self._best else "no best yet"
        head = Text.assemble((self._title, "bold"), f" · {elapsed} · ", (best, "green"))
        recent: list[RenderableType] = [Text(), self._recent()] if self._results else []
        return Group(head, Text(), self._workers(), *recent, Text("\nCtrl-C stops.", "dim"))

    def _workers(self) -> Table:
        table = Table(expand=True, box=None, pad_edge=False)
        for name in ("worker", "state", "", "loss"):
            table.add_column(name, no_wrap=True)
        table.add_column("tok/s", justify="right", no_wrap=True)
        table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis")
        for worker, row in sorted(self._rows.items()):
            loss = row.progress.get("loss")
            speed = row.progress.get("tokens_per_s")
            table.add_row(
                worker,
                row.state,
                ProgressBar(total=1, completed=row.progress.get("fraction") or 0, width=20),
                f"{loss:.3f}" if isinstance(loss, float) else "",
                f"{speed:,.0f}" if isinstance(speed, int | float) else "",
                Text(row.hypothesis),
            )
        return table

    def _recent(self) -> Table:
        table = Table(expand=True, box=None, pad_edge=False)
        for name in ("result", "val_bpb", "delta", "by"):
            table.add_column(name, no_wrap=True)
        table.add_column("hypothesis", ratio=1, no_wrap=True, overflow="ellipsis")
        for worker, event in self._results:
            outcome = str(event.get("outcome"))
            table.add_row(
                Text(outcome, OUTCOME_STYLE.get(outcome, "")),
                _number(event.get("val_bpb"), "{:.6f}"),
                _number(_delta(event), "{:+.6f}"),
                worker,
                Text(in_one_line(str(event.get("hypothesis", "")))),
            )
        return table


def _delta(event: dict[str, Any]) -> float | None:
    val_bpb, base = event.get("val_bpb"), event.get("base_val_bpb")
    return val_bpb - base if val_bpb is not None and base is not None else None


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _line(worker: str, kind: str, event: dict[str, Any]) -> str:
    hidden = {"event", "at", "agent"}
    details = " ".join(f"{key}={value}" for key, value in event.items() if key not in hidden)
    return in_one_line(f"{worker} {kind} {details}")
