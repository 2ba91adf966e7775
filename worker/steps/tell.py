"""Tell: hand in what waits in the outbox, oldest first: results, then what was learned."""

import structlog

from shared.wire.insights import InsightCreate
from worker.errors import CoordinatorUnreachableError, RefusedError, UnauthorizedError
from worker.outbox import Thought
from worker.proposers import Proposal
from worker.researcher import Researcher

log = structlog.get_logger()


def deliver(researcher: Researcher) -> bool:
    """Send every waiting result in order, then every thought; return whether nothing is left.

    The results come first, because insights name them.

    Raises:
        UnauthorizedError: the key is no longer good; what is left waits.
    """
    for entry in researcher.outbox.waiting():
        if researcher.client.breaker.seconds_left:
            return False
        try:
            answer = researcher.client.put_result(entry.campaign, entry.result_id, entry.result)
        except CoordinatorUnreachableError as error:
            researcher.lose_swarm(error)
            return False
        except UnauthorizedError:
            raise
        except RefusedError as error:
            # Sending it again would be refused again: keep it, and let the others through.
            researcher.outbox.mark_refused(entry.result_id, error.problem)
            researcher.emit("refused", hypothesis=entry.result.hypothesis, reason=str(error))
            continue
        researcher.find_swarm()
        researcher.outbox.mark_sent(entry.result_id, answer)
        researcher.emit(
            "published",
            experiment_id=answer.experiment_id,
            outcome=answer.outcome,
            is_best=answer.is_best,
            late=answer.late,
        )
    return _deliver_thoughts(researcher)


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
    """Send every waiting thought in order; return whether none is left."""
    for waiting in researcher.outbox.waiting_thoughts():
        if researcher.client.breaker.seconds_left:
            return False
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
