"""The loop: think, claim, run, judge, tell, for ever.

Each step lives in `worker.steps`; this module strings them together and, after a kill, finds the
place where the work was interrupted.
"""

import time
from datetime import UTC, datetime

import structlog

from shared.states import CrashReason, ExperimentStatus, Outcome
from shared.wire.claims import HeartbeatCreate, Match
from worker.errors import (
    CoordinatorUnreachableError,
    DuplicateClaimError,
    LeaseLostError,
    NoProposalError,
    RefusedError,
    SetupError,
    WorkerError,
    is_disk_full,
)
from worker.notebook import Page
from worker.proposers import Proposal, Refusal
from worker.researcher import Researcher
from worker.runner import LabError, RunAbandonedError, RunReport
from worker.runner.folders import remove_folder
from worker.steps.claim import claim, experiment_of, go_unclaimed, send_claim
from worker.steps.judge import conclude, record
from worker.steps.run import run
from worker.steps.tell import deliver, share_thoughts
from worker.steps.think import BASELINE_HYPOTHESIS, choose_base, take_thought, think_ahead
from worker.workbench import MAX_ATTEMPTS, Experiment, Step

log = structlog.get_logger()

MAX_CLAIMS = 8  # proposals per round before the worker rests
MAX_FAILURES = 5  # in a row, of a kind that nobody foresaw
FAILURE_PAUSE_S = 10.0
REST_S = 30.0  # between looks at the owner's schedule
LAST_DELIVERY_S = 60.0  # how long a worker that is done tries to hand in its results


def work(researcher: Researcher, *, experiments: int | None = None) -> None:
    """Research until asked to stop, or until that many experiments are finished.

    Raises:
        SetupError: the campaign's own program does not run here.
        UnauthorizedError: the key is no longer good.
        LabError: the examiner cannot be started here.
    """
    researcher.quota = experiments
    researcher.notebook.open(researcher.campaign.files)
    remove_folder(researcher.runs_dir)
    resume(researcher)
    failures, is_interrupted = 0, False
    while not researcher.stop.is_set() and not researcher.is_done:
        finished = researcher.experiments
        try:
            if is_interrupted:
                resume(researcher)
            else:
                _do_next(researcher)
        except (WorkerError, LabError):
            raise
        except Exception as error:
            # Nobody is there at night: what was a hiccup is over at the next try.
            is_interrupted = True
            failures += 1
            if is_disk_full(error):
                reason = f"The disk is full: make room where {researcher.runs_dir.parent} is"
                if failures == MAX_FAILURES:
                    raise SetupError(f"{reason}, and start the worker again.") from error
            elif failures == MAX_FAILURES:
                raise
            else:
                log.exception("iteration_failed", failures=failures)
                reason = "Something failed; the log has it"
            researcher.wait(f"{reason}. Trying again.", FAILURE_PAUSE_S)
        else:
            is_interrupted = False
            # Only a finished experiment shows that it is over: much else needs less to succeed.
            if researcher.experiments > finished:
                failures = 0
    _deliver_last(researcher)


def _do_next(researcher: Researcher) -> None:
    deliver(researcher)
    reason = researcher.schedule.why_not_now(datetime.now().astimezone())
    if reason is not None:
        researcher.wait(reason, REST_S)
        return
    experiment = obtain(researcher)
    if experiment is not None:
        perform(researcher, experiment)


def resume(researcher: Researcher) -> None:
    """Bring what a killed worker left to an end, or take it back."""
    experiment = researcher.workbench.get()
    if experiment is None:
        researcher.notebook.abandon()
        return
    entry = researcher.outbox.get(experiment.result_id)
    if entry is not None:
        conclude(researcher, entry)
        return
    if experiment.step is Step.CLAIMING:
        try:
            experiment = send_claim(researcher, experiment)
        except (DuplicateClaimError, LeaseLostError):
            return
    elif not _is_still_ours(researcher, experiment):
        _take_back(researcher, experiment)
        return
    perform(researcher, experiment)


def obtain(researcher: Researcher) -> Experiment | None:
    """Return an experiment to run, ``None`` where there is none right now."""
    base = choose_base(researcher)
    if base is None:
        return _obtain_baseline(researcher)
    seen = researcher.board.online
    try:
        researcher.history.refresh(researcher.client)
        researcher.board.refresh(researcher.client)
    except CoordinatorUnreachableError as error:
        researcher.lose_swarm(error)
    if researcher.board.online not in (None, seen):
        researcher.emit("online", agents=researcher.board.online)
    return _obtain_change(researcher, base)


def perform(researcher: Researcher, experiment: Experiment) -> None:
    """Run an experiment and bring it to its end.

    An abandoned run leaves nothing behind: no claim, no page, no files.
    """
    researcher.notebook.write(
        experiment.result_id, experiment.source, experiment.hypothesis, experiment.rationale or ""
    )
    if experiment.attempts >= MAX_ATTEMPTS:
        report = _crash_of_worker()
    else:
        experiment = researcher.workbench.put(
            experiment.model_copy(update={"attempts": experiment.attempts + 1})
        )
        if experiment.base_sha256 is not None and not researcher.is_at_last:
            researcher.preparation = think_ahead(researcher, experiment)
        try:
            report = run(researcher, experiment)
        except RunAbandonedError:
            _give_back(researcher, experiment)
            return
        except LabError:
            _give_back(researcher, experiment)
            raise
    outcome = record(researcher, experiment, report)
    researcher.outcomes[str(outcome)] = researcher.outcomes.get(outcome, 0) + 1
    researcher.emit(
        "judged",
        experiment_id=experiment.experiment_id,
        hypothesis=experiment.hypothesis,
        outcome=outcome,
        val_bpb=report.metrics.val_bpb if report.metrics else None,
        base_val_bpb=experiment.base_val_bpb,
        crash_reason=report.crash_reason,
        usd=experiment.cost.usd if experiment.cost else 0.0,
    )
    entry = researcher.outbox.get(experiment.result_id)
    assert entry is not None
    conclude(researcher, entry)
    deliver(researcher)


def _obtain_baseline(researcher: Researcher) -> Experiment | None:
    """Return the unchanged baseline, ``None`` while somebody else measures it."""
    baseline = researcher.campaign.baseline
    crashes = [
        entry
        for entry in researcher.outbox.recent(10)
        if entry.result.base is None and entry.outcome is Outcome.CRASH
    ]
    if len(crashes) > 1:
        tail = crashes[0].result.log_tail.strip()[-500:]
        raise SetupError(
            f"The campaign's own train.py does not run on this machine "
            f"({crashes[0].result.crash_reason}): `swarmlab doctor` looks for the reason.\n{tail}"
        )
    proposal = Proposal(hypothesis=BASELINE_HYPOTHESIS, source=baseline)
    try:
        return claim(researcher, proposal, None)
    except DuplicateClaimError as error:
        if error.matches and all(m.outcome is Outcome.CRASH for m in error.matches):
            # It ran nowhere yet and cannot be claimed again: try it here without a claim.
            return go_unclaimed(researcher, experiment_of(proposal, None))
        researcher.wait(_who_measures(error.matches), _poll_s(researcher))
        return None


def _obtain_change(researcher: Researcher, base: Page) -> Experiment | None:
    """Return a change of the base that nobody runs or ran."""
    refusals: list[Refusal] = []
    for _ in range(MAX_CLAIMS):
        if researcher.stop.is_set():
            return None
        try:
            proposal = take_thought(researcher, base, refusals)
            share_thoughts(researcher, proposal)
            return claim(researcher, proposal, base)
        except NoProposalError as error:
            researcher.wait(str(error), _poll_s(researcher))
            return None
        except DuplicateClaimError as error:
            refusal = Refusal(proposal=proposal, reason=error.reason, matches=tuple(error.matches))
            refusals.append(refusal)
            researcher.emit(
                "refused",
                hypothesis=proposal.hypothesis,
                reason=error.reason,
                matches=[match.model_dump(mode="json") for match in error.matches],
            )
    researcher.wait(f"{MAX_CLAIMS} proposals were taken", _poll_s(researcher))
    return None


def _is_still_ours(researcher: Researcher, experiment: Experiment) -> bool:
    """Return whether an interrupted run is worth doing again."""
    if experiment.experiment_id is None or experiment.epoch is None:
        return True
    try:
        beat = HeartbeatCreate(epoch=experiment.epoch)
        researcher.client.heartbeat(experiment.experiment_id, beat)
    except CoordinatorUnreachableError as error:
        researcher.lose_swarm(error)
    except RefusedError:
        return False
    return True


def _give_back(researcher: Researcher, experiment: Experiment) -> None:
    """Leave the experiment to others, and nothing of it here."""
    _release(researcher, experiment)
    _take_back(researcher, experiment)


def _release(researcher: Researcher, experiment: Experiment) -> None:
    if experiment.experiment_id is None or experiment.epoch is None:
        return
    try:
        researcher.client.release(experiment.experiment_id, experiment.epoch)
    except CoordinatorUnreachableError as error:
        researcher.lose_swarm(error)  # the lease runs out by itself
    except RefusedError as error:
        researcher.emit("waiting", reason=f"The claim was no longer ours to release: {error}")


def _take_back(researcher: Researcher, experiment: Experiment) -> None:
    researcher.notebook.abandon(experiment.result_id)
    researcher.workbench.clear()
    remove_folder(researcher.runs_dir / str(experiment.result_id))


def _crash_of_worker() -> RunReport:
    """Return the report of a program that took the worker down with it every time."""
    now = datetime.now(UTC)
    return RunReport(
        metrics=None,
        crash_reason=CrashReason.ERROR,
        log_tail=f"The worker did not survive {MAX_ATTEMPTS} runs of this program.",
        started_at=now,
        finished_at=now,
    )


def _deliver_last(researcher: Researcher) -> None:
    """Hand in what is left before the worker ends, with patience for a busy coordinator."""
    deadline = time.monotonic() + LAST_DELIVERY_S
    while not deliver(researcher) and not researcher.stop.is_set():
        if time.monotonic() > deadline:
            return
        researcher.stop.wait(researcher.client.breaker.seconds_left + 0.1)


def _who_measures(matches: list[Match]) -> str:
    running = [match for match in matches if match.status == ExperimentStatus.CLAIMED]
    if running:
        return f"{running[0].agent} is measuring the baseline of this platform."
    return "The baseline of this platform is measured: waiting for its record."


def _poll_s(researcher: Researcher) -> float:
    """Return how often to look whether somebody else is done, in seconds."""
    return min(max(researcher.campaign.read.time_budget_s / 20, 1.0), 15.0)
