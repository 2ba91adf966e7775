"""The loop against a real coordinator; only the training takes no time."""

import errno
import os
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import uuid4

import git
import httpx
import pytest
from structlog.testing import capture_logs

from shared.states import Outcome, Scope
from shared.wire.results import ResultPut
from tests.conftest import until
from tests.factories import BASELINE, AgentClient, make_program, result_body
from tests.integration.worker_bench import CAMPAIGN, PLATFORM, Events, make_runner, researcher_at
from worker.errors import CoordinatorUnreachableError, SetupError, UnauthorizedError
from worker.loop import MAX_FAILURES, work
from worker.proposers import Proposal
from worker.proposers.tpe import TpeProposer
from worker.runner import LabError, RunAbandonedError
from worker.schedule import Schedule
from worker.steps.think import choose_base, think


def history(url: str) -> list[dict]:
    answer = httpx.get(f"{url}/v1/campaigns/{CAMPAIGN}/experiments", params={"limit": 500})
    return answer.json()["items"]


def done(url: str) -> list[dict]:
    return [experiment for experiment in history(url) if experiment["status"] == "done"]


def cut(client) -> None:
    """Make the coordinator unreachable for this client, at once and without back-off."""

    def refuse(*_args, **_options):
        raise httpx.ConnectError("refused")

    client._http.stream, client.mended = refuse, client._http.stream


def mend(client) -> None:
    client._http.stream = client.mended
    client.breaker.record_success()


def test_the_first_experiment_is_the_unchanged_baseline(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        assert researcher.reporter.names() == ["claimed", "run_started", "judged", "published"]
    [experiment] = history(coordinator_url)
    assert experiment["outcome"] == "keep"
    assert experiment["base_sha256"] is None
    source = httpx.get(f"{coordinator_url}/v1/experiments/{experiment['experiment_id']}/source")
    assert source.text == BASELINE


def test_the_history_the_notebook_and_the_results_file_tell_the_same(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=8)
        rows = researcher.notebook.rows()
        tip = researcher.notebook.tip()
        best = researcher.client.best(CAMPAIGN, Scope.PLATFORM, PLATFORM)
        kept = [page for page in researcher.notebook.log() if page.status == "keep"]
    published = sorted(done(coordinator_url), key=lambda each: each["experiment_id"])
    assert len(published) == 8
    assert [row[3] for row in rows] == [each["outcome"] for each in published]
    assert [row[4] for row in rows] == [each["hypothesis"] for each in published]
    assert len(kept) == sum(each["outcome"] == "keep" for each in published)
    assert best.source_sha256 == tip.source_sha256
    assert best.val_bpb == tip.val_bpb


def test_the_number_of_experiments_is_exact_and_all_are_published(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=3)
        assert researcher.experiments == 3
        assert researcher.outbox.count() == 0
        assert len(researcher.reporter.of("published")) == 3
    assert len(done(coordinator_url)) == 3


def test_nobody_trains_on_a_base_that_nobody_measured(coordinator_url, tmp_path):
    other = AgentClient(coordinator_url)
    claim = other.claimed(hypothesis="Baseline", source=BASELINE)

    class Finishing(Events):
        """The other agent finishes as soon as we wait for it."""

        def emit(self, event, **fields):
            super().emit(event, **fields)
            if event == "waiting":
                body = result_body(
                    claim, hypothesis="Baseline", source=BASELINE, metrics={"val_bpb": 1.7}
                )
                assert other.put(body).status_code == 201

    with researcher_at(coordinator_url, tmp_path, reporter=Finishing()) as researcher:
        work(researcher, experiments=1)
        events = researcher.reporter
        assert events.names()[:3] == ["waiting", "adopted", "claimed"]
        assert other.name in events.of("waiting")[0]["reason"]
        [claimed] = events.of("claimed")
        assert claimed["base_val_bpb"] == 1.7
    other.close()
    sources = [each for each in history(coordinator_url) if each["base_sha256"] is None]
    assert len(sources) == 1


def test_a_released_baseline_is_taken_over(coordinator_url, tmp_path):
    other = AgentClient(coordinator_url)
    claim = other.claimed(hypothesis="Baseline", source=BASELINE)

    class Releasing(Events):
        def emit(self, event, **fields):
            super().emit(event, **fields)
            if event == "waiting":
                assert other.release(claim).status_code == 204

    with researcher_at(coordinator_url, tmp_path, reporter=Releasing()) as researcher:
        work(researcher, experiments=1)
        assert researcher.notebook.tip().source == BASELINE
    other.close()


def test_a_better_best_of_somebody_else_is_adopted(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        other = AgentClient(coordinator_url)
        better = make_program(matrix_lr=0.069, depth=6)
        claim = other.claimed(source=better, hypothesis="Leap")
        body = result_body(claim, hypothesis="Leap", source=better, metrics={"val_bpb": 1.4})
        assert other.put(body).json()["is_best"]
        other.close()
        work(researcher, experiments=2)
        [adopted] = researcher.reporter.of("adopted")
        assert adopted["val_bpb"] == 1.4
        page = next(page for page in researcher.notebook.log() if page.status == "adopt")
        assert page.source == better
        assert page.hypothesis.startswith(f"adopt {other.name}'s best: 1.400000")
        assert researcher.reporter.of("claimed")[-1]["base_val_bpb"] == 1.4


def test_a_worse_best_is_not_adopted(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=4)
        assert researcher.reporter.of("adopted") == []


def test_what_was_adopted_on_another_platform_gives_way_to_this_ones_record(
    coordinator_url, tmp_path
):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        researcher.notebook.open(researcher.campaign.files)
        fast = make_program(depth=6)
        researcher.notebook.adopt(fast, hypothesis="Leap", agent="raven", val_bpb=0.9)
    other = AgentClient(coordinator_url)
    claim = other.claimed(hypothesis="Baseline", source=BASELINE)
    body = result_body(claim, hypothesis="Baseline", source=BASELINE, metrics={"val_bpb": 1.7})
    assert other.put(body).status_code == 201
    other.close()
    with researcher_at(coordinator_url, tmp_path) as researcher:  # its GPU was replaced
        base = choose_base(researcher)
        assert base is not None
        assert (base.source, base.val_bpb) == (BASELINE, 1.7)


def test_a_claim_of_what_is_running_is_thought_over(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path / "a", name="first", seed=3) as first:
        work(first, experiments=1)
        # The same thoughts in the same order: the second has to come up with others.
        with researcher_at(coordinator_url, tmp_path / "b", name="second", seed=3) as second:

            def meanwhile(_request) -> None:
                work(second, experiments=1)

            first.runner = make_runner(before=meanwhile)
            first.outcomes.clear()
            first.proposer = type(first.proposer)(seed=9)
            second.proposer = type(second.proposer)(seed=9)
            work(first, experiments=1)
            refused = second.reporter.of("refused")
            assert refused[0]["reason"] == "same-program"
            assert refused[0]["matches"][0]["agent"] == "first"
    sources = [each["source_sha256"] for each in done(coordinator_url)]
    assert len(sources) == len(set(sources)) == 3


def test_a_lost_lease_does_not_stop_the_run_and_the_result_is_late(
    coordinator_url, tmp_path, monkeypatch
):
    monkeypatch.setattr("worker.steps.run.beat_pause_s", lambda *_: 0.01)
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        lost = threading.Event()
        heartbeat = researcher.client.heartbeat

        def watched(experiment_id, request):
            try:
                return heartbeat(experiment_id, request)
            except Exception:
                lost.set()
                raise

        researcher.client.heartbeat = watched

        def give_away(_request) -> None:
            [running] = [each for each in history(coordinator_url) if each["status"] == "claimed"]
            researcher.client.release(running["experiment_id"], running["epoch"])
            assert lost.wait(timeout=20)

        researcher.runner = make_runner(before=give_away)
        work(researcher, experiments=2)
        assert researcher.experiments == 2
        assert researcher.reporter.of("published")[-1]["late"]
    assert len(done(coordinator_url)) == 2


def test_the_lease_is_kept_alive_while_the_run_goes_on(coordinator_url, tmp_path, monkeypatch):
    monkeypatch.setattr("worker.steps.run.beat_pause_s", lambda *_: 0.01)
    beats = threading.Semaphore(0)
    with researcher_at(coordinator_url, tmp_path) as researcher:
        heartbeat = researcher.client.heartbeat

        def counted(experiment_id, request):
            lease = heartbeat(experiment_id, request)
            beats.release()
            return lease

        researcher.client.heartbeat = counted

        def wait_for_beats(_request) -> None:
            for _ in range(3):
                assert beats.acquire(timeout=20)

        researcher.runner = make_runner(before=wait_for_beats)
        work(researcher, experiments=1)
    assert len(done(coordinator_url)) == 1


@pytest.mark.parametrize("off_s", [-600, 600])
def test_the_lease_is_kept_by_the_coordinators_clock(coordinator_url, tmp_path, monkeypatch, off_s):
    """Seen from the coordinator the volunteer's clock is off: every time it tells is too."""
    left_s = []

    def note(expires_at, now):
        left_s.append((expires_at - now).total_seconds())
        return 60.0

    monkeypatch.setattr("worker.steps.run.beat_pause_s", note)
    with researcher_at(coordinator_url, tmp_path) as researcher:
        claim = researcher.client.claim

        def shift_date(response) -> None:
            date = datetime.now(UTC) + timedelta(seconds=off_s)
            response.headers["date"] = format_datetime(date, usegmt=True)

        def shifted(campaign, request):
            lease = claim(campaign, request)
            expires_at = lease.lease_expires_at + timedelta(seconds=off_s)
            return lease.model_copy(update={"lease_expires_at": expires_at})

        researcher.client._http.event_hooks["response"].insert(0, shift_date)
        researcher.client.claim = shifted
        researcher.runner = make_runner(before=lambda _request: until(lambda: left_s))
        work(researcher, experiments=1)
    [seen_s] = left_s
    assert 0 < seen_s <= 300


def test_alone_the_worker_goes_on_and_hands_everything_in_later(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        cut(researcher.client)
        researcher.outcomes.clear()
        runs = []

        def mend_after_four(request) -> None:
            runs.append(request)
            if len(runs) == 5:
                mend(researcher.client)

        researcher.runner = make_runner(before=mend_after_four)
        work(researcher, experiments=6)
        events = researcher.reporter
        assert len(events.of("solo")) == 1
        assert len(events.of("rejoined")) == 1
        assert researcher.outbox.count() == 0
        assert len({request.seed for request in runs}) == len(runs)
        kept = {entry.result_id: entry for entry in researcher.outbox.recent(100)}
    published = sorted(done(coordinator_url), key=lambda each: each["created_at"])
    assert len(published) == 7
    sources = [each["source_sha256"] for each in published]
    assert len(set(sources)) == 7, "alone, it repeats itself"
    for entry in kept.values():
        stored = next(
            each for each in published if each["experiment_id"] == str(entry.answer.experiment_id)
        )
        assert stored["hypothesis"] == entry.result.hypothesis
        assert stored["outcome"] == entry.outcome


class Stubborn:
    """A proposer with one idea, which it writes differently until somebody objects."""

    def __init__(self) -> None:
        self.calls = 0

    def propose(self, briefing):
        self.calls += 1
        depth = 5 + len(briefing.refusals)
        source = f"{make_program(depth=depth)}# thought {self.calls}\n"
        return Proposal(hypothesis=f"DEPTH to {depth}", source=source)


def test_alone_the_worker_repeats_neither_itself_nor_what_it_knew(coordinator_url, tmp_path):
    other = AgentClient(coordinator_url)
    other.run_baseline(val_bpb=2.0)
    known = make_program(depth=5)
    claim = other.claimed(source=known, hypothesis="DEPTH to 5")
    body = result_body(claim, hypothesis="DEPTH to 5", source=known, metrics={"val_bpb": 2.5})
    assert other.put(body).status_code == 201
    other.close()
    with researcher_at(coordinator_url, tmp_path, proposer=Stubborn()) as researcher:
        work(researcher, experiments=1)
        cut(researcher.client)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("worker.loop.LAST_DELIVERY_S", 0.0)
            work(researcher, experiments=3)
        hypotheses = [entry.result.hypothesis for entry in researcher.outbox.recent(10)][::-1]
    assert hypotheses == ["DEPTH to 6", "DEPTH to 7", "DEPTH to 8"]


def test_alone_the_worker_judges_against_its_own_best(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        cut(researcher.client)
        scores = iter([1.5, 1.6, 1.4])
        researcher.runner = make_runner(score=lambda _source: next(scores))
        researcher.outcomes.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("worker.loop.LAST_DELIVERY_S", 0.0)
            work(researcher, experiments=3)
        outcomes = [row[3] for row in researcher.notebook.rows()]
        assert outcomes == ["keep", "keep", "discard", "keep"]
        assert researcher.notebook.tip().val_bpb == 1.4
        assert researcher.outbox.count() == 3


def test_a_claim_that_errors_is_not_a_claim(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        claim = researcher.client.claim

        def fail(*_arguments):
            researcher.client.claim = claim
            raise CoordinatorUnreachableError("half an answer")

        researcher.client.claim = fail
        work(researcher, experiments=2)
        entry = researcher.outbox.recent(1)[0]
        assert entry.result.experiment_id is None
        assert len(researcher.reporter.of("solo")) == 1
    assert len(done(coordinator_url)) == 2


def test_a_worker_asked_to_stop_gives_its_claim_back(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)

        def abandon(_request, *, should_stop, **_):
            researcher.stop.set()
            assert not should_stop()
            researcher.abandon.set()
            assert should_stop()
            raise RunAbandonedError

        researcher.runner = abandon
        work(researcher)
        assert researcher.notebook.tip().status == "keep"
        assert researcher.workbench.get() is None
        assert not list(researcher.runs_dir.glob("*"))
    statuses = sorted(each["status"] for each in history(coordinator_url))
    assert statuses == ["done", "released"]


def test_a_worker_asked_to_finish_publishes_the_run_and_starts_no_other(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        researcher.runner = make_runner(before=lambda _request: researcher.stop.set())
        work(researcher)
        assert researcher.experiments == 1
    assert [each["status"] for each in history(coordinator_url)] == ["done"]


class Thoughtful:
    """A proposer that says when and about what it was asked."""

    def __init__(self) -> None:
        self.proposer = TpeProposer(seed=2)
        self.briefings = []
        self.asked = threading.Event()

    def propose(self, briefing):
        self.briefings.append(briefing)
        self.asked.set()
        return self.proposer.propose(briefing)


def test_the_next_experiment_is_thought_of_while_this_one_trains(coordinator_url, tmp_path):
    thinker = Thoughtful()
    with researcher_at(coordinator_url, tmp_path, proposer=thinker) as researcher:
        work(researcher, experiments=1)

        def wait_for_thought(_request) -> None:
            if researcher.is_at_last:
                return
            assert thinker.asked.wait(timeout=20)
            thinker.asked.clear()

        work(researcher, experiments=2)
        thinker.asked.clear()
        researcher.runner = make_runner(before=wait_for_thought, score=lambda _source: 9.0)
        work(researcher, experiments=5)
        running = [refusal.reason for each in thinker.briefings for refusal in each.refusals[:1]]
        assert "running right now" in running
    assert len(done(coordinator_url)) == 5


def test_of_two_crashes_in_a_row_the_second_is_not_shown_to_be_repaired(coordinator_url, tmp_path):
    shown = []

    class Watching(TpeProposer):
        def propose(self, briefing):
            shown.append(briefing.crash)
            return super().propose(briefing)

    with researcher_at(coordinator_url, tmp_path, proposer=Watching(seed=1)) as researcher:
        work(researcher, experiments=1)
        for hypothesis in ("deeper", "deeper, repaired"):
            body = result_body(hypothesis=hypothesis, metrics=None, crash_reason="error")
            result = ResultPut.model_validate(body)
            researcher.outbox.add(uuid4(), CAMPAIGN, result, outcome=Outcome.CRASH)
            think(researcher, researcher.notebook.base(), [])
    first, second = shown[-2:]
    assert first.hypothesis == "deeper"
    assert second is None


def test_nobody_thinks_of_what_will_not_be_run(coordinator_url, tmp_path):
    thinker = Thoughtful()
    with researcher_at(coordinator_url, tmp_path, proposer=thinker) as researcher:
        work(researcher, experiments=2)
        researcher.preparation = None
    assert len(thinker.briefings) == 1


def test_a_thought_about_an_old_base_is_carried_over_to_the_new_one(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        scores = iter([1.5, 1.4, 1.3, 1.2, 1.1])
        researcher.runner = make_runner(score=lambda _source: next(scores))
        work(researcher, experiments=6)
        pages = [page for page in researcher.notebook.log() if page.status == "keep"]
        assert [page.val_bpb for page in pages][:5] == [1.1, 1.2, 1.3, 1.4, 1.5]
    for each in done(coordinator_url):
        if each["base_sha256"] is not None:
            assert each["base_val_bpb"] > each["metrics"]["val_bpb"]


def test_a_hiccup_at_night_does_not_end_the_work(coordinator_url, tmp_path, monkeypatch):
    monkeypatch.setattr("worker.loop.FAILURE_PAUSE_S", 0.0)
    run = make_runner()
    hiccups = iter([OSError("disk full"), KeyError("?")])

    def hiccuping(request, **options):
        for error in hiccups:
            raise error
        return run(request, **options)

    with researcher_at(coordinator_url, tmp_path, runner=hiccuping) as researcher:
        work(researcher, experiments=2)
        assert researcher.experiments == 2
        assert len(researcher.reporter.of("waiting")) == 2
    assert [each["status"] for each in history(coordinator_url)] == ["done", "done"]


def test_what_fails_every_time_ends_the_work(coordinator_url, tmp_path, monkeypatch):
    monkeypatch.setattr("worker.loop.FAILURE_PAUSE_S", 0.0)
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        researcher.notebook.write = None
        with pytest.raises(TypeError):
            work(researcher, experiments=2)


def test_what_fails_whenever_an_experiment_begins_ends_the_work_too(
    coordinator_url, tmp_path, monkeypatch
):
    """In between there is nothing on the bench, and to go on with nothing always succeeds."""
    monkeypatch.setattr("worker.loop.FAILURE_PAUSE_S", 0.0)
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        tries = []

        def fail(_experiment):
            tries.append(1)
            if len(tries) > MAX_FAILURES:
                pytest.fail("It would go on for ever.")
            raise TypeError

        researcher.workbench.put = fail
        with pytest.raises(TypeError):
            work(researcher, experiments=2)
        assert len(tries) == MAX_FAILURES


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        sqlite3.OperationalError("database or disk is full"),
        git.GitCommandError("git write-tree", 128, b"error: write: No space left on device"),
    ],
)
def test_a_full_disk_is_said_in_a_sentence(coordinator_url, tmp_path, monkeypatch, error):
    monkeypatch.setattr("worker.loop.FAILURE_PAUSE_S", 0.0)

    def fail(_experiment):
        raise error

    with researcher_at(coordinator_url, tmp_path) as researcher, capture_logs() as logs:
        researcher.workbench.put = fail
        with pytest.raises(SetupError, match=r"^The disk is full: make room where .*otter/tiny is"):
            work(researcher)
        [waiting] = researcher.reporter.of("waiting")
    assert waiting["reason"].startswith("The disk is full: make room where")
    assert logs == []


def test_no_run_starts_against_the_owners_schedule(coordinator_url, tmp_path, monkeypatch):
    monkeypatch.setattr("worker.loop.REST_S", 0.0)
    loads = iter([90.0, 90.0, 0.0])
    schedule = Schedule(load_percent=lambda: next(loads))
    with researcher_at(coordinator_url, tmp_path, schedule=schedule) as researcher:
        work(researcher, experiments=1)
        assert researcher.reporter.names()[:2] == ["waiting", "claimed"]


def test_a_night_that_ends_during_a_run_ends_with_that_run(coordinator_url, tmp_path):
    loads = [0.0]
    schedule = Schedule(load_percent=lambda: loads[-1])
    events = Events()

    def somebody_sits_down(_request) -> None:
        loads.append(90.0)

    with researcher_at(
        *(coordinator_url, tmp_path),
        schedule=schedule,
        reporter=events,
        runner=make_runner(before=somebody_sits_down),
    ) as researcher:
        emit = events.emit

        def stop_at_rest(event, **fields):
            emit(event, **fields)
            if event == "waiting":
                researcher.stop.set()

        events.emit = stop_at_rest
        work(researcher)
        assert researcher.outcomes == {"keep": 1}
        assert researcher.workbench.get() is None
        assert researcher.outbox.count() == 0
        assert events.names()[-2:] == ["published", "waiting"]
    assert [each["status"] for each in history(coordinator_url)] == ["done"]


def test_an_examiner_that_does_not_start_ends_the_work_and_frees_the_claim(
    coordinator_url, tmp_path
):
    def fail(_request, **_):
        raise LabError("no sandbox here")

    with researcher_at(coordinator_url, tmp_path, runner=fail) as researcher:
        with pytest.raises(LabError):
            work(researcher)
        assert researcher.workbench.get() is None
        assert researcher.notebook.tip().status == "baseline"
    assert [each["status"] for each in history(coordinator_url)] == ["released"]


def test_a_baseline_that_does_not_run_here_is_said_and_not_tried_for_ever(
    coordinator_url, tmp_path
):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        researcher.runner = make_runner(score=lambda _source: None)
        with pytest.raises(SetupError, match="out of depth"):
            work(researcher)
        assert researcher.outcomes == {Outcome.CRASH: 2}


def test_a_revoked_key_ends_the_work_and_keeps_the_results(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)

        def revoke(_request) -> None:
            researcher.client._http.headers["authorization"] = "Bearer sl_nobody"

        researcher.runner = make_runner(before=revoke)
        with pytest.raises(UnauthorizedError):
            work(researcher, experiments=2)
        assert researcher.outbox.count() == 1


def test_a_result_that_is_refused_does_not_hold_up_the_others(coordinator_url, tmp_path):
    with researcher_at(coordinator_url, tmp_path) as researcher:
        work(researcher, experiments=1)
        good = researcher.outbox.recent(1)[0].result
        bad = good.model_copy(update={"harness_sha256": "f" * 64, "source": make_program(depth=3)})
        researcher.outbox.add(uuid4(), CAMPAIGN, bad, outcome=Outcome.DISCARD)
        work(researcher, experiments=2)
        assert researcher.outbox.count("refused") == 1
        assert researcher.outbox.count("waiting") == 0
    assert len(done(coordinator_url)) == 2
