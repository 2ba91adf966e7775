"""Judge: make the result durable, then keep the change or take it back.

The outbox comes first: whatever happens after it, the result is known.
"""

from shared.judging import judge
from shared.states import Outcome
from shared.wire.results import ResultPut
from worker.outbox import Entry
from worker.researcher import Researcher
from worker.runner import RunReport
from worker.workbench import Experiment

MAX_LOG_CHARACTERS = 20_000  # of the wire's LongText


def record(researcher: Researcher, experiment: Experiment, report: RunReport) -> Outcome:
    """Put the result into the outbox and return the worker's own verdict."""
    outcome = judge(
        val_bpb=report.metrics.val_bpb if report.metrics else None,
        base_val_bpb=experiment.base_val_bpb,
        crash_reason=report.crash_reason,
    )
    result = ResultPut(
        experiment_id=experiment.experiment_id,
        epoch=experiment.epoch,
        hypothesis=experiment.hypothesis,
        rationale=experiment.rationale,
        base=experiment.base_sha256,
        source=experiment.source,
        metrics=report.metrics,
        crash_reason=report.crash_reason,
        platform=researcher.platform,
        tier=researcher.tier,
        seed=experiment.seed,
        harness_sha256=researcher.campaign.read.harness_sha256,
        log_tail=storable(report.log_tail),
        cost=experiment.cost,
        started_at=report.started_at,
        finished_at=report.finished_at,
    )
    researcher.outbox.add(
        experiment.result_id,
        researcher.campaign.name,
        result,
        outcome=outcome,
        base_val_bpb=experiment.base_val_bpb,
    )
    return outcome


def conclude(researcher: Researcher, entry: Entry) -> None:
    """Keep or take back the change in the notebook and clear the workbench."""
    metrics = entry.result.metrics
    researcher.notebook.conclude(
        entry.result_id,
        entry.outcome,
        hypothesis=entry.result.hypothesis,
        val_bpb=metrics.val_bpb if metrics else None,
        base_val_bpb=entry.base_val_bpb,
        peak_vram_mb=metrics.peak_vram_mb if metrics else None,
        detail=_detail(entry),
    )
    researcher.workbench.clear()


def storable(log: str) -> str:
    """Return what the wire takes of a log: its end, without what is not text."""
    text = log.replace("\x00", "").encode("utf-8", "replace").decode()
    return text[-MAX_LOG_CHARACTERS:]


def _detail(entry: Entry) -> str:
    if entry.result.crash_reason is None:
        return ""
    last_lines = entry.result.log_tail.strip().splitlines()[-3:]
    return "\n".join([f"crash: {entry.result.crash_reason}", *last_lines])
