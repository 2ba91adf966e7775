import sqlite3
from contextlib import nullcontext
from uuid import UUID, uuid4

import httpx
import pytest

from shared.ids import new_id
from shared.problems import Problem
from shared.sources import source_sha256
from shared.states import Outcome
from shared.wire.insights import InsightCreate
from shared.wire.results import ResultPut, ResultRead
from tests.factories import BASELINE, make_program
from tests.integration.worker_bench import CAMPAIGN, PLATFORM, researcher_at
from worker.outbox import Outbox, ResultChangedError
from worker.steps.tell import deliver

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


def at_fault(
    client, *fails: UUID, status: int = 500, headers: dict[str, str] | None = None
) -> list:
    """Make the coordinator of this client fail at these results; return what it was asked."""
    asked = []
    stream = client._http.stream

    def answer(method, path, **options):
        result_id = UUID(path.rpartition("/")[2]) if "/results/" in path else None
        asked.append(result_id)
        if result_id in fails:
            return nullcontext(httpx.Response(status, headers=headers))
        return stream(method, path, **options)

    client._http.stream = answer
    return asked


def hand_in(researcher, depth: int, *, base: str = BASELINE) -> UUID:
    """Put a program of this depth into the outbox."""
    result_id = new_id()
    result = make_result(
        hypothesis=f"DEPTH {depth}",
        source=make_program(depth=depth),
        base=source_sha256(base),
        platform=PLATFORM,
    )
    researcher.outbox.add(result_id, CAMPAIGN, result, outcome=Outcome.DISCARD)
    return result_id


def left(researcher) -> list[UUID]:
    return [entry.result_id for entry in researcher.outbox.waiting()]


def test_a_result_that_the_coordinator_fails_at_holds_up_nothing_else(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        outbox, client = researcher.outbox, researcher.client
        bad, *good = (hand_in(researcher, depth) for depth in (5, 6, 7))
        outbox.add_thought(CAMPAIGN, InsightCreate(text="Six layers do", evidence=[good[0]]))
        outbox.add_thought(CAMPAIGN, InsightCreate(text="Five do not", evidence=[bad]))
        asked = at_fault(client, bad)
        assert not deliver(researcher)  # nobody knows yet that it is only this one
        assert len(left(researcher)) == 3
        client.breaker.record_success()
        assert not deliver(researcher)
        assert left(researcher) == [bad]
        assert [each.text for each in client.insights(CAMPAIGN, limit=9)] == ["Six layers do"]
        assert not client.breaker.is_open
        # From now on it is tried where another was taken, and takes the swarm from nobody.
        hand_in(researcher, 8)
        assert not deliver(researcher)
        asked.clear()
        assert not deliver(researcher)
        assert bad not in asked
        assert not researcher.is_alone
    with researcher_at(coordinator_url, tmp_path) as again:
        assert deliver(again)
        texts = [each.text for each in again.client.insights(CAMPAIGN, limit=9)]
        assert texts == ["Five do not", "Six layers do"]


def test_after_an_outage_everything_is_handed_in(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        results = [hand_in(researcher, depth) for depth in (5, 6, 7)]
        stream = researcher.client._http.stream
        at_fault(researcher.client, *results)
        for _ in range(5):
            assert not deliver(researcher)
            researcher.client.breaker._retry_at = 0.0
        researcher.client._http.stream = stream
        assert deliver(researcher)


def test_a_result_waits_for_the_program_that_it_starts_from(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        first = hand_in(researcher, 5)
        second = hand_in(researcher, 6, base=make_program(depth=5))
        stream = researcher.client._http.stream
        at_fault(researcher.client, first)
        for _ in range(2):
            assert not deliver(researcher)
            researcher.client.breaker.record_success()
        assert set(left(researcher)) == {first, second}
        researcher.client._http.stream = stream
        while not deliver(researcher):
            assert not researcher.client.breaker.is_open
        assert researcher.outbox.count("sent") == 2


def test_a_coordinator_that_asks_for_patience_is_left_alone(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        first, second, third = (hand_in(researcher, depth) for depth in (5, 6, 7))
        asked = at_fault(researcher.client, second, status=429, headers={"Retry-After": "60"})
        assert not deliver(researcher)
        assert asked == [first, second]
        assert researcher.client.breaker.seconds_left > 50
        assert set(left(researcher)) == {second, third}
