import io

import pytest
from rich.console import Console

from coordinator.laptop.display import SwarmDisplay
from worker.events import JsonReporter, LineReporter
from worker.screen import LiveReporter, make_reporter

JUDGED = {"hypothesis": "raise it", "base_val_bpb": 1.0, "crash_reason": None, "usd": 0.25}
WAITS = ("waiting", {"reason": "nobody answers"})
PREPARES = ("preparing", {"line": "[ 1.0 s] downloading shard 3/14"})
READY = ("ready", {"campaign": "tiny", "val_bpb": None, "waiting_results": 0})
REGISTERED = ("registered", {"agent_id": "1"})


def picture(*events) -> str:
    """What is left on the terminal after the events."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    reporter = LiveReporter(console, agent="otter")
    for event, fields in events:
        reporter.emit(event, **fields)
    reporter.close()
    return stream.getvalue()


@pytest.mark.parametrize("steers", ["\x1b]52;c;YQ==\x07", "\x1b]0;title\x07", "\x1b[2J", "\x9b2J"])
def test_words_of_strangers_do_not_steer_the_terminal(steers):
    hypothesis = f"raise {steers} it"
    shown = picture(
        ("claimed", {"hypothesis": hypothesis}),
        ("judged", {**JUDGED, "hypothesis": hypothesis, "outcome": "crash", "val_bpb": None}),
    )
    assert "raise" in shown
    assert steers not in shown
    stream = io.StringIO()
    display = SwarmDisplay(Console(file=stream, force_terminal=True), url="u", campaign="c")
    with display:
        display.show("otter", {"event": "run_started", "hypothesis": hypothesis})
        display.show("otter", {"event": "judged", "outcome": "keep", "hypothesis": hypothesis})
    assert "raise" in stream.getvalue()
    assert steers not in stream.getvalue()


def test_the_view_of_a_laptops_swarm_shows_its_preparation_and_the_best_it_starts_from():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    with SwarmDisplay(console, url="u", campaign="c") as display:
        display.show("otter", {"event": "preparing", **PREPARES[1]})
        console.print(display._render())
        assert "downloading shard 3/14" in stream.getvalue()
        stream.truncate(0)
        display.show("otter", {"event": "ready", **READY[1], "val_bpb": 1.858378})
        console.print(display._render())
    assert "best 1.858378" in stream.getvalue()
    assert "downloading" not in stream.getvalue()


def test_the_view_shows_what_runs_and_how_far_it_is():
    text = picture(
        ("claimed", {"hypothesis": "raise the rate"}),
        (
            "progress",
            {
                "phase": "training",
                "fraction": 0.5,
                "step": 10,
                "loss": 3.25,
                "tokens_per_s": 21000.0,
                "mfu_percent": 40.1,
                "seconds_left": 150.0,
            },
        ),
    )
    for words in ("otter", "training", "loss 3.2500", "21,000", "MFU % 40.1", "left s 150"):
        assert words in text
    assert "raise the rate" in text


def test_the_view_shows_the_last_ten_results_the_best_the_outbox_and_the_money():
    events = [READY]
    events += [
        ("judged", JUDGED | {"outcome": "discard", "val_bpb": 1 + n / 1000, "hypothesis": f"h{n}"})
        for n in range(1, 13)
    ]
    events += [
        ("published", {"is_best": False}),
        ("judged", JUDGED | {"outcome": "keep", "val_bpb": 0.9}),
    ]
    text = picture(*events)
    last = text.rpartition("swarmlab · otter")[2]
    assert "best 0.900000" in last
    assert "0.900000 (-0.100000)" in last
    assert "outbox 12" in last
    assert "3.25 USD" in last
    assert sum(f" h{n} " in last for n in range(1, 13)) == 9


def test_being_alone_is_said_once_and_shown():
    reason = {"reason": "nobody answers"}
    text = picture(("solo", reason))
    assert "nobody answers" in text
    assert "alone" in text
    assert "with the swarm" in picture(("solo", reason), ("rejoined", {"waiting_results": 2}))


def test_the_view_shows_how_many_are_online_while_the_swarm_is_there():
    text = picture(("online", {"agents": 3}), ("online", {"agents": 12}))
    assert "with the swarm · 12 online" in text.rpartition("swarmlab · otter")[2]
    alone = picture(("online", {"agents": 3}), ("solo", {"reason": "nobody answers"}))
    assert "online" not in alone.rpartition("swarmlab · otter")[2]


@pytest.mark.parametrize(
    ("events", "is_alone"),
    [
        ([], None),
        ([WAITS], True),
        ([WAITS, REGISTERED], False),
        ([REGISTERED, WAITS], True),
        ([WAITS, PREPARES], False),
        ([PREPARES, READY], None),
        ([PREPARES, READY, WAITS], None),
        ([PREPARES, READY, WAITS, ("online", {"agents": 3})], False),
        ([PREPARES, READY, ("solo", {"reason": "nobody answers"})], True),
    ],
)
def test_the_head_tells_only_what_is_known_of_the_swarm(events, is_alone):
    head = picture(*events).rpartition("swarmlab · otter")[2].partition("\n")[0]
    assert ("alone" in head, "with the swarm" in head) == (is_alone is True, is_alone is False)


def test_the_view_shows_what_the_preparation_of_the_data_says():
    last = picture(REGISTERED, PREPARES).rpartition("swarmlab · otter")[2]
    assert "preparing: [ 1.0 s] downloading shard 3/14" in last


def test_the_view_starts_from_what_the_notebook_and_the_outbox_hold():
    ready = ("ready", {"campaign": "tiny", "val_bpb": 1.858378, "waiting_results": 2})
    last = picture(PREPARES, ready).rpartition("swarmlab · otter")[2]
    assert "best 1.858378" in last
    assert "outbox 2" in last
    assert "preparing" not in last
    assert "no best yet · outbox 0" in picture(PREPARES, READY)
    assert "best" not in picture(PREPARES)


def test_what_fits_is_chosen():
    assert isinstance(make_reporter(io.StringIO(), is_json=True, agent="a"), JsonReporter)
    assert isinstance(make_reporter(io.StringIO(), is_json=False, agent="a"), LineReporter)
