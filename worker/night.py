"""What happened last night, for a person with a cup of coffee."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.states import Outcome
from shared.terminal import in_one_line
from worker.errors import SetupError
from worker.outbox import Entry
from worker.status import Desk

_BARS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH = 60
SHOWN = 10


def night_lines(desk: Desk, *, hours: float, now: datetime) -> list[str]:
    """Return the report of the last ``hours``: counts, curve, what was learned, what failed.

    Raises:
        SetupError: the calendar does not go back so far.
    """
    try:
        since = now - timedelta(hours=hours)
    except (OverflowError, ValueError) as error:
        raise SetupError(f"{hours:g} hours are no time to look back: say fewer --hours.") from error
    entries = [entry for entry in desk.entries if _ended_at(entry) >= since]
    head = f"{desk.identity.name} in {desk.campaign}, the last {hours:g} hours"
    if not entries:
        return [head, "  no experiment was finished"]
    counts = {each: [e for e in entries if e.outcome is each] for each in Outcome}
    trained_s = sum((_ended_at(e) - e.result.started_at).total_seconds() for e in entries)
    outcomes = ", ".join(f"{len(counts[each])} {each}" for each in Outcome)
    usd, tokens = sum(e.usd for e in entries), sum(e.tokens for e in entries)
    lines = [
        head,
        f"  experiments {len(entries)}: {outcomes}; {trained_s / 3600:.1f} hours of runs",
        f"  best        {_best_words(entries)}",
        f"  cost        {usd:.2f} USD, {tokens:,} tokens",
        f"  curve       {sparkline(_records(entries))}",
    ]
    if unsent := desk.in_state("waiting"):
        lines.append(f"  outbox      {unsent} results wait for the coordinator")
    kept = [e for e in counts[Outcome.KEEP] if e.base_val_bpb is not None]
    lines += _section("what helped", sorted(kept, key=_delta))
    lines += _section("what did not", sorted(counts[Outcome.DISCARD], key=_delta, reverse=True))
    lines += _section("what broke", counts[Outcome.CRASH])
    return [*lines, f"  notebook    git -C {desk.notebook_path} log"]


def sparkline(values: Sequence[float], width: int = CURVE_WIDTH) -> str:
    """Return the values as bars, at most ``width`` of them; the lowest value is the lowest bar."""
    if not values:
        return ""
    step = max(1, -(-len(values) // width))
    points = [min(values[start : start + step]) for start in range(0, len(values), step)]
    low, high = min(points), max(points)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    bars = "".join(_BARS[round((value - low) * scale)] for value in points)
    return f"{bars} {values[0]:.4f} → {values[-1]:.4f}"


def _records(entries: Sequence[Entry]) -> list[float]:
    """Return the best score so far after each scored experiment."""
    records: list[float] = []
    for entry in entries:
        if entry.result.metrics is not None:
            val_bpb = entry.result.metrics.val_bpb
            records.append(min(val_bpb, records[-1]) if records else val_bpb)
    return records


def _best_words(entries: Sequence[Entry]) -> str:
    records = _records(entries)
    if not records:
        return "no score"
    first = next(e.base_val_bpb for e in entries if e.result.metrics is not None)
    started = records[0] if first is None else first
    return f"val_bpb {min(started, records[-1]):.6f} (from {started:.6f})"


def _section(title: str, entries: Sequence[Entry]) -> list[str]:
    if not entries:
        return []
    shown = [f"    {_score_words(entry)}  {_subject(entry)}" for entry in entries[:SHOWN]]
    more = [f"    … and {len(entries) - SHOWN} more"] if len(entries) > SHOWN else []
    return [f"  {title}", *shown, *more]


def _score_words(entry: Entry) -> str:
    if entry.result.metrics is None:
        return f"{entry.result.crash_reason:>9}"
    return f"{_delta(entry):+.6f}"


def _subject(entry: Entry) -> str:
    return in_one_line(entry.result.hypothesis)[:100]


def _delta(entry: Entry) -> float:
    metrics, base = entry.result.metrics, entry.base_val_bpb
    return 0.0 if metrics is None or base is None else metrics.val_bpb - base


def _ended_at(entry: Entry) -> datetime:
    return entry.result.finished_at or entry.result.started_at.astimezone(UTC)
