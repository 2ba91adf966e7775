"""Tell: hand in what waits in the outbox, oldest first: results, then what was learned.

A coordinator that is away answers nothing, and all waits. One that answers another result and fails
at this one may fail at it for ever: then only this one waits, and is tried again where the
coordinator has just answered, so that its failure is not taken for that of the line.
"""

import structlog

from shared.sources import source_sha256
from shared.wire.insights import InsightCreate
from worker.errors import (
    CoordinatorBusyError,
    CoordinatorUnreachableError,
    RefusedError,
    UnauthorizedError,
)
from worker.outbox import Entry, Thought
from worker.proposers import Proposal
from worker.researcher import Researcher

log = structlog.get_logger()


def deliver(researcher: Researcher) -> bool:
    """Send every waiting result in order, then every thought; return whether nothing is left.

    The results come first, because insights name them.

    Raises:
        UnauthorizedError: the key is no longer good; what is left waits.
    """
    outbox, breaker = researcher.outbox, researcher.client.breaker
    is_heard = False  # the coordinator has just answered
    for entry in outbox.waiting():
        if breaker.seconds_left:
            return False
        if outbox.fails_alone(entry.result_id) and not is_heard:
            continue
        try:
            answer = researcher.client.put_result(entry.campaign, entry.result_id, entry.result)
        except CoordinatorUnreachableError as error:
            is_alone = is_heard and not (
                isinstance(error, CoordinatorBusyError) and error.retry_after_s
            )
            outbox.put_off(entry.result_id, is_alone=is_alone)
            if not is_alone:
                researcher.lose_swarm(error)
                return False
            log.warning("result_unanswered", result_id=str(entry.result_id), reason=str(error))
            breaker.record_success()
            is_heard = False
            continue
        except UnauthorizedError:
            raise
        except RefusedError as error:
            is_heard = True
            if error.problem.slug == "unknown-base" and _starts_from_another(researcher, entry):
                continue
            # Sending it again would be refused again: keep it, and let the others through.
            outbox.mark_refused(entry.result_id, error.problem)
            researcher.emit("refused", hypothesis=entry.result.hypothesis, reason=str(error))
            continue
        is_heard = True
        researcher.find_swarm()
        outbox.mark_sent(entry.result_id, answer)
        researcher.emit(
            "published",
            experiment_id=answer.experiment_id,
            outcome=answer.outcome,
            is_best=answer.is_best,
            late=answer.late,
        )
    return _deliver_thoughts(researcher) and not outbox.count()


def _starts_from_another(researcher: Researcher, entry: Entry) -> bool:
    """Return whether the program that this result starts from waits too."""
    others = (each for each in researcher.outbox.waiting() if each.result_id != entry.result_id)
    return any(source_sha256(each.result.source) == entry.result.base for each in others)


def share_thoughts(researcher: Researcher, proposal: Proposal) -> None:
    """Publish the insight and the idea that came with a proposal, where there are any.

    They are durable first: what is thought alone is sent when the swarm is back.

    Raises:
        UnauthorizedError: the key is no longer good; the thoughts wait.
    """
    campaign, outbox = researcher.campaign.name, researcher.outbox
    if proposal.insight and proposal.evidence:
        insight = InsightCreate(text=proposal.insight, evidence=list(proposal.evidence))
        outbox.add_thought(campaign, insight)
    if proposal.idea is not None:
        outbox.add_thought(campaign, proposal.idea)
    deliver(researcher)


def _deliver_thoughts(researcher: Researcher) -> bool:
    """Send every waiting thought in order; return whether none is left that could be sent."""
    for waiting in researcher.outbox.waiting_thoughts():
        if researcher.client.breaker.seconds_left:
            return False
        if _waits_for_a_result(researcher, waiting):
            continue
        try:
            _publish(researcher, waiting)
        except CoordinatorUnreachableError as error:
            researcher.lose_swarm(error)
            return False
        except UnauthorizedError:
            raise
        except RefusedError as error:
            # The board has the like, or what shows it was refused.
            log.info("thought_refused", reason=str(error))
            researcher.outbox.close_thought(waiting.sequence, is_refused=True)
            continue
        researcher.find_swarm()
        researcher.outbox.close_thought(waiting.sequence)
    return True


def _waits_for_a_result(researcher: Researcher, waiting: Thought) -> bool:
    """Return whether a result that the thought names has no other name than our own yet."""
    thought = waiting.thought
    if not isinstance(thought, InsightCreate):
        return False
    entries = [researcher.outbox.get(each) for each in thought.evidence]
    return any(each is not None and each.state == "waiting" for each in entries)


def _publish(researcher: Researcher, waiting: Thought) -> None:
    thought = waiting.thought
    if isinstance(thought, InsightCreate):
        entries = [researcher.outbox.get(each) for each in thought.evidence]
        shown = [each.answer.experiment_id for each in entries if each and each.answer]
        # Refused by the coordinator, like an unknown experiment, where nothing is left of it.
        evidence = shown or thought.evidence
        insight = thought.model_copy(update={"evidence": evidence})
        researcher.client.publish_insight(waiting.campaign, insight)
    else:
        researcher.client.publish_idea(waiting.campaign, thought)
