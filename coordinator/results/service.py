"""Taking in results: each is stored, whatever happened to its claim."""

import hashlib
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.agents.models import Agent
from coordinator.bests.repository import find_best, mean_val_bpb
from coordinator.bests.service import advance_bests
from coordinator.campaigns.models import Campaign
from coordinator.claims.repository import find_lease, lock_experiment
from coordinator.claims.rules import decide_completion
from coordinator.claims.service import dedup_key_of, state_of
from coordinator.db import free_connection, lock_until_commit
from coordinator.dedup.description import campaign_vocabulary, describe
from coordinator.errors import (
    HarnessMismatchError,
    InvalidRequestError,
    NotYourClaimError,
    ResultConflictError,
    SeedMismatchError,
    UnknownBaseError,
    UnknownEpochError,
    UnknownExperimentError,
)
from coordinator.events.repository import add_event
from coordinator.experiments.models import Experiment
from coordinator.programs.repository import find_source, store_program
from coordinator.programs.service import read_program
from coordinator.results.filing import Claimed, Submission, file_result
from coordinator.results.models import Result
from coordinator.results.repository import find_result
from coordinator.search.embedder import Embedder
from shared.dedup import standing_of
from shared.judging import judge
from shared.states import ExperimentStatus, Outcome, Scope
from shared.wire.results import ResultPut, ResultRead


async def record_result(
    session: AsyncSession,
    embedder: Embedder,
    campaign: Campaign,
    agent: Agent,
    result_id: UUID,
    body: ResultPut,
) -> tuple[ResultRead, bool]:
    """Store a result and return what it came to, and whether it was new.

    Raises:
        ResultConflictError: The id is taken by another body.
        HarnessMismatchError: The result was measured with another harness.
        InvalidRequestError: The run ended before it began.
        InvalidSourceError: The source is not a program.
        UnknownBaseError: The base is not a stored program.
        UnknownExperimentError: There is no such experiment in this campaign.
        UnknownEpochError: The epoch was never given out.
        NotYourClaimError: Another agent got this epoch.
        SeedMismatchError: The claim gave out another seed.
    """
    if body.harness_sha256 not in (None, campaign.harness_sha256):
        raise HarnessMismatchError
    _check_times(body)
    # What is read before the computation never changes: programs, and who sends.
    vocabulary = await campaign_vocabulary(session, campaign)
    base = await find_source(session, body.base) if body.base else None
    if body.base is not None and base is None:
        raise UnknownBaseError
    await free_connection(session)
    program = await read_program(body.source)
    description = await describe(
        embedder, body.hypothesis, vocabulary=vocabulary, base=base, source=body.source
    )
    body_sha256 = body_digest(body)
    # Two sendings of one result wait for each other here: the second finds the first one's row.
    await lock_until_commit(session, f"result:{result_id}")
    stored = await find_result(session, result_id)
    if stored is not None:
        if (stored.body_sha256, stored.agent_id, stored.campaign_id) != (
            *(body_sha256, agent.id, campaign.id),
        ):
            raise ResultConflictError
        return await _answer(session, stored), False
    # The program before the experiment, as a claim does it: in one order nobody waits in a circle.
    await store_program(session, program)
    dedup_key = await dedup_key_of(session, campaign, program, body.platform)
    claimed = await _claimed(session, campaign, agent, body, dedup_key)
    seed = claimed.seed if claimed else body.seed
    base_val_bpb = await _base_val_bpb(session, campaign, body)
    val_bpb = body.metrics.val_bpb if body.metrics else None
    outcome = judge(val_bpb=val_bpb, base_val_bpb=base_val_bpb, crash_reason=body.crash_reason)
    # Out of memory or of time: the machine was at fault, and another may run the same program.
    is_free = standing_of(ExperimentStatus.DONE, outcome, body.crash_reason) == "free"
    submission = Submission(
        campaign=campaign,
        agent=agent,
        body=body,
        source_sha256=program.source_sha256,
        seed=seed,
        dedup_key=None if is_free else dedup_key,
        description=description,
    )
    filed = await file_result(session, submission, claimed)
    result = Result(
        id=result_id,
        campaign_id=campaign.id,
        experiment_id=filed.experiment_id,
        agent_id=agent.id,
        body_sha256=body_sha256,
        outcome=outcome,
        crash_reason=body.crash_reason,
        val_bpb=val_bpb,
        base_val_bpb=base_val_bpb,
        metrics=body.metrics.model_dump(exclude_none=True) if body.metrics else None,
        cost=body.cost.model_dump() if body.cost else None,
        platform=body.platform,
        tier=body.tier,
        seed=seed,
        log_tail=body.log_tail,
        is_late=filed.is_late,
        is_best=False,
        started_at=body.started_at,
        finished_at=body.finished_at,
    )
    session.add(result)
    await session.flush()
    advanced = await advance_bests(
        session, campaign, result, agent=agent.name, source_sha256=program.source_sha256
    )
    result.is_best = Scope.GLOBAL in advanced
    await add_event(
        session,
        "result",
        campaign_id=campaign.id,
        agent_id=agent.id,
        experiment_id=filed.experiment_id,
        agent=agent.name,
        outcome=outcome,
        val_bpb=val_bpb,
        late=filed.is_late,
    )
    return _read(result, filed.repeat_of), True


def body_digest(body: ResultPut) -> str:
    """Return what tells a replay from another body.

    A field that came later counts only where it is set: a result from before, sent again after an
    upgrade, is still the same.
    """
    later = {"cost"} if body.cost is None else None
    return hashlib.sha256(body.model_dump_json(exclude=later).encode()).hexdigest()


def _check_times(body: ResultPut) -> None:
    # Not a rule of the wire model: a worker whose clock was set back must still be able to read
    # its own outbox.
    if body.finished_at is not None and body.finished_at < body.started_at:
        why = "is before started_at: send the times of one run, by one clock"
        raise InvalidRequestError(
            f"body.finished_at: {why}.", errors=[{"where": "body.finished_at", "why": why}]
        )


async def _claimed(
    session: AsyncSession, campaign: Campaign, agent: Agent, body: ResultPut, dedup_key: str
) -> Claimed | None:
    if body.experiment_id is None or body.epoch is None:
        return None
    # Whoever ran another program than was claimed will point to the experiment that stands for it.
    beside = (campaign.id, dedup_key)
    locked = await lock_experiment(session, body.experiment_id, beside=beside)
    if locked is None or locked[0].campaign_id != campaign.id:
        raise UnknownExperimentError
    experiment, now = locked
    lease = await find_lease(session, experiment.id, body.epoch)
    if lease is None:
        raise UnknownEpochError
    if lease.agent_id != agent.id:
        raise NotYourClaimError
    if body.seed not in (None, lease.seed):
        raise SeedMismatchError
    completion = decide_completion(state_of(experiment), epoch=body.epoch, now=now)
    return Claimed(experiment=experiment, completion=completion, seed=lease.seed)


async def _base_val_bpb(session: AsyncSession, campaign: Campaign, body: ResultPut) -> float | None:
    """Return the score to beat: the base's own, else the platform's best, else none."""
    if body.base is not None:
        base = await mean_val_bpb(
            session, campaign.id, source_sha256=body.base, platform=body.platform
        )
        if base is not None:
            return base
    best = await find_best(session, campaign.id, Scope.PLATFORM, body.platform)
    return None if best is None else best.val_bpb


async def _answer(session: AsyncSession, result: Result) -> ResultRead:
    experiment = await session.get_one(Experiment, result.experiment_id)
    return _read(result, experiment.repeat_of)


def _read(result: Result, repeat_of: UUID | None) -> ResultRead:
    return ResultRead(
        experiment_id=result.experiment_id,
        outcome=Outcome(result.outcome),
        is_best=result.is_best,
        late=result.is_late,
        repeat_of=repeat_of,
    )
