"""Tell: hand in what waits in the outbox, oldest first."""

from worker.errors import CoordinatorUnreachableError, RefusedError, UnauthorizedError
from worker.researcher import Researcher


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
