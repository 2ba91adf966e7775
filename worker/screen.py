"""The live view of a worker on a terminal."""

import threading
import time
from collections import deque
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.terminal import in_one_line
from worker.events import JsonReporter, LineReporter, Reporter, in_words, score_in_words

OUTCOME_STYLE = {"keep": "bold green", "discard": "dim", "crash": "red"}
RECENT = 10
# Events that only a coordinator's answer brings about.
ANSWERED = {"registered", "claimed", "refused", "published", "adopted", "online", "rejoined"}


def make_reporter(stream: TextIO, *, is_json: bool, agent: str) -> Reporter:
    """Return what fits: JSON if asked for, a live view on a terminal, else lines."""
    if is_json:
        return JsonReporter(stream, agent=agent)
    console = Console(file=stream)
    if console.is_terminal:
        return LiveReporter(console, agent=agent)
    return LineReporter(stream, agent=agent)


class LiveReporter:
    """Draws what the worker is at, and its last ten results."""

    def __init__(self, console: Console, *, agent: str) -> None:
        self.agent = agent
        self._lock = threading.Lock()
        self._state = "starting"
        self._hypothesis = ""
        self._progress: dict[str, Any] = {}
        self._results: deque[dict[str, Any]] = deque(maxlen=RECENT)
        self._best: float | None = None
        self._unsent = 0
        self._usd = 0.0
        self._is_alone: bool | None = None  # nobody was asked yet
        self._has_campaign = False
        self._is_ready = False  # the notebook and the outbox were looked into
        self._online: int | None = None
        self._started = time.monotonic()
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4)
        self._live.start()

    def emit(self, event: str, **fields: Any) -> None:
        """Take in an event."""
        with self._lock:
            self._take_in(event, fields)

    def close(self) -> None:
        """Leave the last picture on the screen."""
        self._live.stop()

    def _take_in(self, event: str, fields: dict[str, Any]) -> None:
        if event == "progress":
            self._progress = fields
            self._state = str(fields["phase"])
            return
        self._note_company(event)
        if event == "online":
            self._online = int(fields["agents"])
            return
        self._progress = {}
        self._state = _state(event, fields)
        if event in {"solo", "rejoined"}:
            self._live.console.print(Text(in_words(event, fields), "yellow"))
        elif event in {"claimed", "run_started"}:
            self._hypothesis = in_one_line(str(fields["hypothesis"]))
        else:
            self._note_result(event, fields)

    def _note_result(self, event: str, fields: dict[str, Any]) -> None:
        if event == "ready":
            self._is_ready = True
            self._unsent = int(fields["waiting_results"])
            self._note_best(fields["val_bpb"])
        elif event == "judged":
            self._results.appendleft(fields)
            self._unsent += 1
            self._usd += fields.get("usd", 0.0)
            if fields["outcome"] == "keep":
                self._note_best(fields["val_bpb"])
        elif event == "published":
            self._unsent = max(0, self._unsent - 1)
        elif event == "adopted":
            self._note_best(fields["val_bpb"])

    def _note_company(self, event: str) -> None:
        """Note whether the coordinator answers, as far as an event tells."""
        if event == "preparing" and not self._has_campaign:
            self._has_campaign = True
            if self._is_alone:  # the coordinator was waited for, and came
                self._is_alone = False
        elif event in ANSWERED:
            self._is_alone = False
        elif event == "solo" or (event == "waiting" and not self._has_campaign):
            # Without a campaign, a worker waits for nothing but its coordinator.
            self._is_alone = True

    def _note_best(self, val_bpb: float | None) -> None:
        if val_bpb is not None:
            self._best = val_bpb if self._best is None else min(self._best, val_bpb)

    def _render(self) -> RenderableType:
        with self._lock:
            return Group(self._head(), self._now(), self._table())

    def _head(self) -> Text:
        company: list[str | tuple[str, str]] = []
        if self._is_alone:
            company = [("alone", "yellow"), " · "]
        elif self._is_alone is not None:
            online = f" · {self._online} online" if self._online else ""
            company = [("with the swarm", "green"), f"{online} · "]
        elapsed_s = int(time.monotonic() - self._started)
        results: list[str | tuple[str, str]] = []
        if self._is_ready:
            best = "no best yet" if self._best is None else f"best {self._best:.6f}"
            results = [(best, "bold green"), f" · outbox {self._unsent} · "]
        parts: list[str | tuple[str, str]] = [
            (f"swarmlab · {self.agent}", "bold"),
            f" · {elapsed_s // 3600}:{elapsed_s // 60 % 60:02}:{elapsed_s % 60:02} · ",
            *company,
            *results,
            f"{self._usd:.2f} USD · " if self._usd else "",
            "Ctrl-C stops",
        ]
        return Text.assemble(*parts)

    def _now(self) -> RenderableType:
        progress = self._progress
        numbers = [
            ("loss", "{:.4f}", progress.get("loss")),
            ("tok/s", "{:,.0f}", progress.get("tokens_per_s")),
            ("MFU %", "{:.1f}", progress.get("mfu_percent")),
            ("left s", "{:.0f}", progress.get("seconds_left")),
        ]
        words = "  ".join(f"{name} {form.format(x)}" for name, form, x in numbers if x is not None)
        grid = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=1, completed=progress.get("fraction") or 0, width=30)
        grid.add_row(Text(self._state, "cyan"), bar if progress else "", words)
        return Group(grid, Text(self._hypothesis, overflow="ellipsis", no_wrap=True))

    def _table(self) -> Table:
        table = Table(expand=True, box=None, pad_edge=False)
        table.add_column("result", no_wrap=True)
        table.add_column("val_bpb", no_wrap=True)
        table.add_column("hypothesis", ratio=1, no_wrap=True, overflow="ellipsis")
        for fields in self._results:
            outcome = str(fields["outcome"])
            table.add_row(
                Text(outcome, OUTCOME_STYLE.get(outcome, "")),
                Text(score_in_words(fields)),
                Text(in_one_line(str(fields["hypothesis"]))),
            )
        return table


def _state(event: str, fields: dict[str, Any]) -> str:
    """Return what the worker is at since the event, in words."""
    if event == "waiting":
        return in_words(event, fields)
    if event == "preparing":
        return f"preparing: {in_words(event, fields)}"
    return event.replace("_", " ")
