"""Prepare: think of the next experiment while this one trains.

Most experiments are discarded, so the thought starts from the same base. Where the base has moved
on, a change of constants is carried over to it; anything else is thought again.
"""

import threading
from collections.abc import Callable

from worker.notebook import Page
from worker.proposers import Proposal, Refusal
from worker.proposers.edits import rebased


class Preparation:
    """A thought that a thread is having; it may take as long as it takes."""

    def __init__(self, base: Page, think: Callable[[], Proposal]) -> None:
        self._base = base
        self._think = think
        self._proposal: Proposal | None = None
        self._error: Exception | None = None
        # A daemon: nobody waits at the end for a thought that is no longer wanted.
        self._thread = threading.Thread(target=self._run, name="thought", daemon=True)
        self._thread.start()

    def take(self, base: Page) -> Proposal | None:
        """Return the thought as a change of ``base``, once it is there.

        Returns:
            ``None`` where it does not carry over to this base.

        Raises:
            Exception: whatever kept the thread from thinking.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._proposal is not None
        if base.source == self._base.source:
            return self._proposal
        return rebased(self._proposal, old_base=self._base.source, new_base=base.source)

    def _run(self) -> None:
        try:
            self._proposal = self._think()
        except Exception as error:  # noqa: BLE001 raised again where the thought is taken
            self._error = error


def as_running(hypothesis: str, source: str) -> Refusal:
    """Return what keeps a proposer from suggesting the experiment that is running."""
    return Refusal(
        proposal=Proposal(hypothesis=hypothesis, source=source), reason="running right now"
    )
