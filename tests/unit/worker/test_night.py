from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.ids import new_id
from shared.states import Outcome
from shared.wire.results import ResultPut
from worker.errors import SetupError
from worker.identity import Identity
from worker.night import night_lines, sparkline
from worker.outbox import Entry
from worker.status import Desk

NOW = datetime(2026, 1, 2, 8, tzinfo=UTC)


def make_entry(outcome: Outcome, *, val_bpb=None, base=None, hours_ago=1.0, **overrides) -> Entry:
    ended = NOW - timedelta(hours=hours_ago)
    score = {"crash_reason": "nan"} if val_bpb is None else {"metrics": {"val_bpb": val_bpb}}
    body = {
        "hypothesis": f"idea {val_bpb}",
        "source": "A = 1\n",
        "platform": "gpu",
        "started_at": ended - timedelta(minutes=5),
        "finished_at": ended,
        **score,
    }
    return Entry(
        sequence=1,
        result_id=new_id(),
        campaign="tiny",
        result=ResultPut.model_validate(body | overrides),
        outcome=outcome,
        base_val_bpb=base,
        usd=0.25,
        tokens=1000,
        state="waiting",
        answer=None,
    )


def make_desk(*entries: Entry) -> Desk:
    identity = Identity(name="otter", agent_id="1", api_key="sl_x", coordinator_url="http://x")
    return Desk(
        identity=identity,
        campaign="tiny",
        is_running=True,
        tip=None,
        at_hand=None,
        entries=list(entries),
        notebook_path=Path("notebook"),
    )


def report(*entries: Entry) -> str:
    return "\n".join(night_lines(make_desk(*entries), hours=12, now=NOW))


def test_the_night_tells_counts_best_cost_and_what_was_learned():
    text = report(
        make_entry(Outcome.KEEP, val_bpb=1.0),
        make_entry(Outcome.DISCARD, val_bpb=1.2, base=1.0),
        make_entry(Outcome.KEEP, val_bpb=0.9, base=1.0),
        make_entry(Outcome.CRASH, base=0.9),
    )
    assert "experiments 4: 2 keep, 1 discard, 1 crash; 0.3 hours of runs" in text
    assert "val_bpb 0.900000 (from 1.000000)" in text
    assert "1.00 USD, 4,000 tokens" in text
    assert "what helped\n    -0.100000  idea 0.9" in text
    assert "what did not\n    +0.200000  idea 1.2" in text
    assert "what broke\n          nan" in text
    assert "4 results wait" in text


def test_what_was_before_the_night_is_left_out():
    assert "no experiment" in report(make_entry(Outcome.KEEP, val_bpb=1.0, hours_ago=13))


def test_a_night_without_a_score_is_told_too():
    assert "no score" in report(make_entry(Outcome.CRASH))


def test_the_words_of_a_hypothesis_do_not_steer_the_terminal():
    entry = make_entry(Outcome.KEEP, val_bpb=0.9, base=1.0, hypothesis="\x1b[2J" + "long " * 100)
    assert "\x1b" not in report(entry)


def test_the_curve_goes_from_the_highest_bar_to_the_lowest():
    assert sparkline([3.0, 2.0, 1.0]) == "█▅▁ 3.0000 → 1.0000"


def test_a_long_curve_fits_on_the_line():
    assert len(sparkline([1 / n for n in range(1, 1000)]).split()[0]) <= 60


def test_a_flat_curve_is_a_flat_line():
    assert sparkline([1.0, 1.0]).startswith("▁▁ ")
    assert sparkline([]) == ""


@pytest.mark.parametrize("hours", [1e300, float("inf"), float("nan")])
def test_a_night_beyond_the_calendar_is_said(hours):
    with pytest.raises(SetupError, match="--hours"):
        night_lines(make_desk(), hours=hours, now=NOW)
