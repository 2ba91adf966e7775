import io
import json

import pytest

from worker.events import JsonReporter, LineReporter, in_words

EVENTS = [
    ("registered", {"agent_id": "1"}),
    ("waiting", {"reason": "somebody measures"}),
    ("preparing", {"line": "downloading shard 3/14"}),
    ("ready", {"campaign": "tiny", "val_bpb": 0.9, "waiting_results": 2}),
    ("ready", {"campaign": "tiny", "val_bpb": None, "waiting_results": 0}),
    ("claimed", {"experiment_id": "1", "hypothesis": "raise it", "seed": 1, "base_val_bpb": 1.0}),
    ("refused", {"hypothesis": "raise it", "reason": "same-program", "matches": []}),
    ("run_started", {"experiment_id": "1", "hypothesis": "raise it"}),
    (
        "judged",
        {"hypothesis": "raise it", "outcome": "keep", "val_bpb": 0.9, "base_val_bpb": 1.0},
    ),
    ("published", {"experiment_id": "1", "outcome": "keep", "is_best": True, "late": False}),
    ("adopted", {"experiment_id": "1", "from_agent": "otter", "val_bpb": 0.8}),
    ("solo", {"reason": "nobody answers"}),
    ("rejoined", {"waiting_results": 3}),
    ("stopped", {"experiments": 2, "outcomes": {"keep": 2}}),
]


@pytest.mark.parametrize(("event", "fields"), EVENTS)
def test_every_event_is_one_json_line_with_its_fields(event, fields):
    stream = io.StringIO()
    JsonReporter(stream, agent="otter").emit(event, **fields)
    assert stream.getvalue().count("\n") == 1
    record = json.loads(stream.getvalue())
    assert record.pop("at").endswith("+00:00")
    assert record == {"event": event, "agent": "otter", **fields}


@pytest.mark.parametrize(("event", "fields"), EVENTS)
def test_every_event_is_one_line_of_words(event, fields):
    stream = io.StringIO()
    LineReporter(stream, agent="otter").emit(event, **fields)
    assert stream.getvalue().count("\n") == 1
    assert f"otter {event}: " in stream.getvalue()


def test_mere_progress_is_no_line():
    stream = io.StringIO()
    LineReporter(stream, agent="otter").emit("progress", phase="training")
    assert stream.getvalue() == ""


def test_the_words_of_strangers_do_not_steer_the_terminal():
    assert in_words("claimed", {"hypothesis": "raise\nit\x1b[2J\x07now"}) == "raise it [2J now"


def test_a_judgement_shows_the_difference_to_the_base():
    words = in_words("judged", dict(EVENTS)["judged"])
    assert words == "keep 0.900000 (-0.100000); raise it"


def test_a_crash_shows_its_reason():
    fields = {"hypothesis": "h", "outcome": "crash", "crash_reason": "nan", "val_bpb": None}
    assert in_words("judged", fields) == "crash (nan); h"
