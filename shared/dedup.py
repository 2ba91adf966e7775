"""The dedup decision: is this candidate an experiment that somebody runs or has run?

Three deciders, in order; the first that recognises the candidate speaks:

| decider | same when | answer |
| --- | --- | --- |
| program | the fingerprints are equal | `same-program` |
| change | the canonical differences to the bases are equal | `same-change`, or a re-test |
| words | parameters, values and directions agree (`shared.words`) | `paraphrase`, or a re-test |

A change that was tried on a base that has since moved on is a *re-test*: granted, and linked. Where
both sides show code and only constants differ, the code outranks the words. What failed for reasons
of its machine, or was given back, never blocks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from shared.changes import ChangeSignature
from shared.states import CrashReason, ExperimentStatus, Outcome
from shared.words import (
    DEFAULT_VOCABULARY,
    ParsedHypothesis,
    Verdict,
    Vocabulary,
    decide,
    parse_hypothesis,
)
from shared.words.hypotheses import parse_changes

Reason = Literal["same-program", "same-change", "paraphrase"]
BaseRelation = Literal["same", "near", "moved", "unknown"]
Standing = Literal["claimed", "done", "failed", "free"]

Id = TypeVar("Id")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What somebody asks to run.

    Attributes:
        parsed: what it changes, from its words or, better, from its constant edits.
        fingerprint: of the program, when it came with one.
        change: the difference to its base, when program and base are known.
    """

    parsed: ParsedHypothesis
    fingerprint: str | None = None
    change: ChangeSignature | None = None


@dataclass(frozen=True, kw_only=True)
class Neighbour(Generic[Id]):
    """An experiment that may be the same.

    Attributes:
        id: how the caller names it.
        standing: see `standing_of`.
        relation: how its base relates to the candidate's, see `base_relation`.
        cosine: similarity of the two hypotheses' embeddings, `None` when not computed.
    """

    id: Id
    standing: Standing
    relation: BaseRelation
    parsed: ParsedHypothesis
    fingerprint: str | None = None
    change: ChangeSignature | None = None
    cosine: float | None = None


@dataclass(frozen=True, kw_only=True)
class Match(Generic[Id]):
    """A neighbour that is the same experiment, and why."""

    id: Id
    reason: Reason
    detail: str
    similarity: float | None = None


@dataclass(frozen=True, kw_only=True)
class Decision(Generic[Id]):
    """Refused for `reason` because of `matches`, or granted; `retest_of` only links."""

    reason: Reason | None = None
    matches: tuple[Match[Id], ...] = ()
    retest_of: Match[Id] | None = None

    @property
    def is_duplicate(self) -> bool:
        """Whether the claim is refused."""
        return self.reason is not None


def candidate_of(
    hypothesis: str,
    *,
    fingerprint: str | None = None,
    change: ChangeSignature | None = None,
    vocabulary: Vocabulary = DEFAULT_VOCABULARY,
) -> Candidate:
    """A candidate from what a claim carries."""
    parsed = parse_experiment(hypothesis, change, vocabulary)
    return Candidate(parsed=parsed, fingerprint=fingerprint, change=change)


def parse_experiment(
    hypothesis: str, change: ChangeSignature | None, vocabulary: Vocabulary = DEFAULT_VOCABULARY
) -> ParsedHypothesis:
    """What an experiment changes: its constant edits where these are all, else its words."""
    if change is not None and change.is_constants_only:
        return parse_changes(change.constants, vocabulary)
    return parse_hypothesis(hypothesis, vocabulary)


def standing_of(
    status: ExperimentStatus, outcome: Outcome | None, crash_reason: CrashReason | None
) -> Standing:
    """How firmly an experiment holds its place.

    `claimed` and `done` block. `failed` (the program itself is at fault) blocks only that very
    program. `free` blocks nothing: the machine was at fault, or the claim was given back.
    """
    if status is ExperimentStatus.CLAIMED:
        return "claimed"
    if outcome in {Outcome.KEEP, Outcome.DISCARD}:
        return "done"
    at_fault = {CrashReason.NAN, CrashReason.ERROR, CrashReason.POLICY}
    if outcome is Outcome.CRASH and crash_reason in at_fault:
        return "failed"
    return "free"


def base_relation(
    base: str | None, other: str | None, parents: Mapping[str, str | None]
) -> BaseRelation:
    """How the base of a candidate relates to the `other` base, that of a neighbour.

    `near` is a base that the candidate has missed by one step: the neighbour made the change on its
    direct successor. In the other direction the base has `moved` on, and the change may be worth
    another run. `parents` says from which base each program was made.
    """
    if base is None or other is None:
        return "unknown"
    if base == other:
        return "same"
    return "near" if parents.get(other) == base else "moved"


def verdicts_of_words(
    candidate: Candidate, neighbours: Iterable[Neighbour[Id]]
) -> list[Verdict | None]:
    """What the words say of each neighbour; `None` where they have no say.

    An open one may be put to a second reader (`shared.words.reconsider`) before the decision.
    """
    return [_verdict_of_words(candidate, neighbour) for neighbour in neighbours]


def decide_claim(
    candidate: Candidate,
    neighbours: Sequence[Neighbour[Id]],
    verdicts: Sequence[Verdict | None] | None = None,
) -> Decision[Id]:
    """The decision on one candidate.

    Args:
        candidate: what somebody asks to run.
        neighbours: in the order in which they should be named.
        verdicts: of the words on each neighbour; the words alone decide where they are not given.
            One that is still open refuses nothing.
    """
    if verdicts is None:
        alone = verdicts_of_words(candidate, neighbours)
        verdicts = [verdict and verdict.settled() for verdict in alone]
    retest: Match[Id] | None = None
    for decider in (_by_program, _by_change, _by_words):
        matches: list[Match[Id]] = []
        for neighbour, verdict in zip(neighbours, verdicts, strict=True):
            match = decider(candidate, neighbour, verdict)
            if match is None:
                continue
            if match.reason != "same-program" and _has_moved_on(candidate, neighbour):
                retest = retest or match
            else:
                matches.append(match)
        if matches:
            return Decision(reason=matches[0].reason, matches=tuple(matches))
    return Decision(retest_of=retest)


def _by_program(
    candidate: Candidate, neighbour: Neighbour[Id], _: Verdict | None
) -> Match[Id] | None:
    if candidate.fingerprint is None or candidate.fingerprint != neighbour.fingerprint:
        return None
    if neighbour.standing == "free":
        return None
    return Match(
        id=neighbour.id,
        reason="same-program",
        detail="a program that behaves the same",
        similarity=neighbour.cosine,
    )


def _by_change(
    candidate: Candidate, neighbour: Neighbour[Id], _: Verdict | None
) -> Match[Id] | None:
    change, other = candidate.change, neighbour.change
    if change is None or other is None or change.is_empty or change.key != other.key:
        return None
    if neighbour.standing in {"free", "failed"}:
        return None
    return Match(
        id=neighbour.id,
        reason="same-change",
        detail=change.describe(),
        similarity=neighbour.cosine,
    )


def _by_words(_: Candidate, neighbour: Neighbour[Id], verdict: Verdict | None) -> Match[Id] | None:
    if verdict is None or not verdict.refuses:
        return None
    return Match(
        id=neighbour.id,
        reason="paraphrase",
        detail=verdict.reason,
        similarity=neighbour.cosine,
    )


def _verdict_of_words(candidate: Candidate, neighbour: Neighbour[Id]) -> Verdict | None:
    change, other = candidate.change, neighbour.change
    if neighbour.standing in {"free", "failed"}:
        return None
    is_told_by_code = any(c is not None and c.is_constants_only for c in (change, other))
    if is_told_by_code and change is not None and other is not None and change.key != other.key:
        return None  # the code says that they differ, and exactly how
    verdict = decide(candidate.parsed, neighbour.parsed)
    # What was read of code is not in the words, so nobody who reads these can say more.
    return verdict.settled() if is_told_by_code else verdict


def _has_moved_on(candidate: Candidate, neighbour: Neighbour[Id]) -> bool:
    """Whether the base has changed enough to try the same again.

    A relative change ("halve", "one more layer") is another one on every other base.
    """
    if neighbour.relation == "near":
        return candidate.parsed.is_relative or neighbour.parsed.is_relative
    return neighbour.relation == "moved"
