import sqlite3
from uuid import uuid4

import pytest

from shared.ids import new_id
from shared.problems import Problem
from shared.states import Outcome
from shared.wire.results import ResultPut, ResultRead
from worker.outbox import Outbox, ResultChangedError

ANSWER = ResultRead(experiment_id=new_id(), outcome=Outcome.KEEP, is_best=False, late=False)
PROBLEM = Problem(type="x#unknown-base", title="t", status=422, detail="d")


def make_result(**overrides) -> ResultPut:
    return ResultPut.model_validate(
        {
            "hypothesis": "raise it",
            "source": "A = 1\r\n# ünï\n",
            "metrics": {"val_bpb": 1.5},
            "platform": "gpu",
            "started_at": "2026-01-01T00:00:00.123456Z",
            "finished_at": "2026-01-01T00:05:00Z",
            **overrides,
        }
    )


def add(outbox: Outbox, count: int = 1):
    ids = [uuid4() for _ in range(count)]  # random ids: the order is not theirs
    for number, result_id in enumerate(ids):
        outbox.add(result_id, "tiny", make_result(hypothesis=f"{number}"), outcome=Outcome.DISCARD)
    return ids


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.sqlite"


def test_a_result_is_there_after_the_process_is_gone(path):
    result_id = new_id()
    outbox = Outbox(path)
    result = make_result()
    outbox.add(result_id, "tiny", result, outcome=Outcome.KEEP, base_val_bpb=1.6)
    # Not closed: as a killed process leaves it.
    with Outbox(path) as again:
        entry = again.get(result_id)
        assert entry.result == result
        assert entry.result.source == "A = 1\r\n# ünï\n"
        assert (entry.campaign, entry.outcome, entry.base_val_bpb) == ("tiny", "keep", 1.6)
    outbox.close()


def test_every_write_waits_for_the_disk(path):
    with Outbox(path) as outbox:
        assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert outbox._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_results_wait_in_the_order_of_their_making(path):
    with Outbox(path) as outbox:
        ids = add(outbox, 10)
        assert [entry.result_id for entry in outbox.waiting()] == ids
        assert [entry.result_id for entry in outbox.recent(3)] == ids[:-4:-1]


def test_what_is_sent_waits_no_more_and_is_still_known(path):
    with Outbox(path) as outbox:
        first, second = add(outbox, 2)
        outbox.mark_sent(first, ANSWER)
        assert [entry.result_id for entry in outbox.waiting()] == [second]
        assert outbox.get(first).answer == ANSWER
        assert (outbox.count(), outbox.count("sent")) == (1, 1)


def test_what_is_refused_is_kept_but_not_sent_again(path):
    with Outbox(path) as outbox:
        [result_id] = add(outbox)
        outbox.mark_refused(result_id, PROBLEM)
        assert outbox.waiting() == []
        assert outbox.count("refused") == 1
        assert outbox.get(result_id).answer is None


def test_the_first_answer_stands(path):
    with Outbox(path) as outbox:
        [result_id] = add(outbox)
        outbox.mark_sent(result_id, ANSWER)
        outbox.mark_refused(result_id, PROBLEM)
        assert outbox.get(result_id).state == "sent"


def test_adding_a_result_again_changes_nothing(path):
    with Outbox(path) as outbox:
        result_id = new_id()
        for _ in range(2):
            outbox.add(result_id, "tiny", make_result(), outcome=Outcome.KEEP)
        assert outbox.count() == 1


def test_another_body_under_the_same_id_is_an_error(path):
    with Outbox(path) as outbox:
        result_id = new_id()
        outbox.add(result_id, "tiny", make_result(), outcome=Outcome.KEEP)
        with pytest.raises(ResultChangedError):
            outbox.add(result_id, "tiny", make_result(hypothesis="other"), outcome=Outcome.KEEP)
        assert outbox.get(result_id).result.hypothesis == "raise it"


def test_the_file_itself_refuses_nonsense(path):
    with Outbox(path) as outbox:
        [result_id] = add(outbox)
        for nonsense in ("outcome = 'great'", "state = 'sent'", "state = 'lost', answer = ''"):
            with pytest.raises(sqlite3.IntegrityError):
                outbox._db.execute(
                    f"UPDATE results SET {nonsense} WHERE result_id = ?", (str(result_id),)
                )
