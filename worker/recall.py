"""What failed before and resembles what is thought of: the swarm's search, or our own memory."""

import re
from collections.abc import Sequence

from shared.states import Outcome
from shared.wire.search import SearchKind
from worker.client import Client
from worker.errors import CoordinatorUnreachableError, RefusedError
from worker.proposers import Failure, Measured

MAX_FAILURES = 10
SEARCHED = 50  # hits to look through: most of what is near may have been kept
FAILED = {Outcome.DISCARD, Outcome.CRASH}


def similar_failures(
    client: Client, campaign: str, history: Sequence[Measured], words: str
) -> list[Failure]:
    """Return failed experiments like ``words``, the most similar first.

    The coordinator searches by meaning among all; out of its reach, words in common decide among
    what is known here.
    """
    try:
        hits = client.search(campaign, words, kind=SearchKind.EXPERIMENT, limit=SEARCHED)
    except (CoordinatorUnreachableError, RefusedError):
        return _remembered(history, words)[:MAX_FAILURES]
    failed = [
        Failure(agent=hit.agent, hypothesis=hit.text, outcome=hit.outcome)
        for hit in hits
        if hit.outcome in FAILED
    ]
    return failed[:MAX_FAILURES]


def _remembered(history: Sequence[Measured], words: str) -> list[Failure]:
    wanted = _terms(words)
    ranked = sorted(
        ((len(wanted & _terms(each.hypothesis)), each) for each in history),
        key=lambda pair: pair[0],
        reverse=True,
    )
    return [
        Failure(agent=each.agent, hypothesis=each.hypothesis, outcome=each.outcome)
        for shared, each in ranked
        if shared and each.outcome in FAILED
    ]


def _terms(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}", text.lower()))
