"""What a worker reports while it works, and the two plain ways to print it.

With `--json`, standard output carries one JSON object per line and nothing else:
`{"event": ..., "at": ..., "agent": ..., **fields}`.

"Scores" are `val_bpb` and `base_val_bpb`.

| event | fields |
| --- | --- |
| `registered` | `agent_id` |
| `waiting` | `reason` |
| `preparing` | `line`: whose data, then what the campaign's `prepare.py` says |
| `ready` | `campaign`, `val_bpb` of what it builds on (null: not measured), `waiting_results` |
| `claimed` | `experiment_id`, `hypothesis`, `seed`, `base_val_bpb` |
| `refused` | `hypothesis`, `reason`, `matches` |
| `run_started` | `experiment_id`, `hypothesis` |
| `progress` | `phase`, `fraction`, `step`, `loss`, `tokens_per_s`, `mfu_percent`, `seconds_left` |
| `judged` | `experiment_id`, `hypothesis`, `outcome`, scores, `crash_reason`, `usd` |
| `published` | `experiment_id`, `outcome`, `is_best`, `late` |
| `adopted` | `experiment_id`, `from_agent`, `val_bpb` |
| `online` | `agents`: how many, each time that it changes |
| `solo` | `reason` |
| `rejoined` | `waiting_results` |
| `stopped` | `experiments`, `outcomes`, `waiting_results` |
"""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from shared.terminal import in_one_line


class Reporter(Protocol):
    """Takes the events of one worker; called from several threads."""

    agent: str

    def emit(self, event: str, **fields: Any) -> None:
        """Report one event."""

    def close(self) -> None:
        """Give the terminal back."""


class JsonReporter:
    """One JSON object per line."""

    def __init__(self, stream: TextIO, *, agent: str) -> None:
        self._stream = stream
        self.agent = agent
        self._lock = threading.Lock()

    def emit(self, event: str, **fields: Any) -> None:
        """Print the event."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        record = {"event": event, "at": at, "agent": self.agent, **fields}
        with self._lock:
            self._stream.write(f"{json.dumps(record, default=str)}\n")
            self._stream.flush()

    def close(self) -> None:
        """Nothing to give back."""


class LineReporter:
    """One line of words per event; progress is left out."""

    def __init__(self, stream: TextIO, *, agent: str) -> None:
        self._stream = stream
        self.agent = agent
        self._lock = threading.Lock()

    def emit(self, event: str, **fields: Any) -> None:
        """Print the event unless it is mere progress."""
        if event == "progress":
            return
        at = datetime.now(UTC).strftime("%H:%M:%S")
        with self._lock:
            self._stream.write(f"{at} {self.agent} {event}: {in_words(event, fields)}\n")
            self._stream.flush()

    def close(self) -> None:
        """Nothing to give back."""


def in_words(event: str, fields: dict[str, Any]) -> str:
    """Return what an event says to a person, on one line."""
    say = _SENTENCES.get(event)
    if say is None:
        return in_one_line(" ".join(f"{key}={value}" for key, value in fields.items()))
    return in_one_line(say(fields))


def _published(fields: dict[str, Any]) -> str:
    best = ", the new best" if fields["is_best"] else ""
    late = ", late" if fields["late"] else ""
    return f"{fields['outcome']}{best}{late} ({fields['experiment_id']})"


def _builds_on(val_bpb: float | None) -> str:
    return "nothing measured yet" if val_bpb is None else f"building on val_bpb {val_bpb:.6f}"


def _counts(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())


_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "judged": lambda f: f"{f['outcome']} {score_in_words(f)}; {f['hypothesis']}",
    "published": _published,
    "adopted": lambda f: f"{f['from_agent']}'s program with val_bpb {f['val_bpb']:.6f}",
    "refused": lambda f: f"{f['reason']}; {f['hypothesis']}",
    "claimed": lambda f: str(f["hypothesis"]),
    "run_started": lambda f: str(f["hypothesis"]),
    "online": lambda f: f"{f['agents']} agents online",
    "solo": lambda f: str(f["reason"]),
    "preparing": lambda f: str(f["line"]),
    "ready": lambda f: (
        f"in campaign {f['campaign']}, {_builds_on(f['val_bpb'])}; "
        f"{f['waiting_results']} results to hand in"
    ),
    "waiting": lambda f: str(f["reason"]),
    "rejoined": lambda f: f"the swarm is back; {f['waiting_results']} results to hand in",
    "stopped": lambda f: f"{f['experiments']} experiments finished {_counts(f['outcomes'])}",
}


def score_in_words(fields: dict[str, Any]) -> str:
    """Return the score with its difference to the base, or why there is none."""
    val_bpb, base_val_bpb = fields.get("val_bpb"), fields.get("base_val_bpb")
    if val_bpb is None:
        return f"({fields.get('crash_reason')})"
    if base_val_bpb is None:
        return f"{val_bpb:.6f}"
    return f"{val_bpb:.6f} ({val_bpb - base_val_bpb:+.6f})"
