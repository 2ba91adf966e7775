"""Tell: hand in what waits in the outbox, oldest first; put on the board what was learned."""

import structlog

from shared.wire.insights import InsightCreate
from worker.errors import CoordinatorUnreachableError, RefusedError, UnauthorizedError
from worker.proposers import Proposal
from worker.researcher import Researcher

log = structlog.get_logger()


def deliver(researcher: Researcher) -> bool:
    """Send every waiting result in order; return whether none is left.

    Raises:
        UnauthorizedError: the key is no longer good; the results wait.
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
    return True


def share_thoughts(researcher: Researcher, proposal: Proposal) -> None:
    """Publish the insight and the idea that came with a proposal, where there are any.

    They are worth a try, not a queue: alone, or where the board has the like, they are let go.
    """
    campaign, client = researcher.campaign.name, researcher.client
    try:
        if proposal.insight and proposal.evidence:
            insight = InsightCreate(text=proposal.insight, evidence=list(proposal.evidence))
            client.publish_insight(campaign, insight)
        if proposal.idea is not None:
            client.publish_idea(campaign, proposal.idea)
    except CoordinatorUnreachableError as error:
        researcher.lose_swarm(error)
    except UnauthorizedError:
        raise
    except RefusedError as error:
        log.info("thought_refused", reason=str(error))
