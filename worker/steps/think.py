"""Think: choose the program to build on and the change to try.

```
                      ┌─ better than ours ──────▶ adopt it
best of the platform ─┤
                      ├─ not better ────────────▶ our own tip
                      └─ none, or out of reach ─▶ our own tip if it is measured, else no base
```
Nobody trains on a base that nobody measured: without a base, the next experiment is the baseline.
"""

from uuid import UUID

from shared.states import CrashReason, Scope
from shared.wire.bests import BestRead
from worker.campaign import GUIDE
from worker.errors import CoordinatorUnreachableError, NoProposalError
from worker.notebook import Page
from worker.proposers import Briefing, Crash, Proposal, Refusal
from worker.recall import similar_failures
from worker.researcher import Researcher
from worker.steps.prepare import Preparation, as_running
from worker.workbench import Experiment

MAX_ROUNDS = 20
BASELINE_HYPOTHESIS = "Baseline: the campaign's train.py as it is"


def choose_base(researcher: Researcher) -> Page | None:
    """Return the page to build on, ``None`` where nothing is measured on this platform."""
    try:
        adopt_best(researcher)
    except CoordinatorUnreachableError as error:
        researcher.lose_swarm(error)
    tip = researcher.notebook.tip()
    return None if tip.val_bpb is None else tip


def adopt_best(researcher: Researcher) -> None:
    """Build on the platform's best program if it is better than our own.

    Raises:
        CoordinatorUnreachableError: nobody tells.
    """
    client, notebook = researcher.client, researcher.notebook
    best = client.best(researcher.campaign.name, Scope.PLATFORM, researcher.platform)
    researcher.find_swarm()
    tip = notebook.tip()
    if best is None or not _is_worth_adopting(best, tip):
        return
    source = researcher.history.program(best.source_sha256)
    if source is None:
        source = client.experiment_source(best.experiment_id, best.source_sha256)
        researcher.history.keep_program(best.source_sha256, source)
    notebook.adopt(source, hypothesis=best.hypothesis, agent=best.agent, val_bpb=best.val_bpb)
    researcher.emit(
        "adopted", experiment_id=best.experiment_id, from_agent=best.agent, val_bpb=best.val_bpb
    )


def think_ahead(researcher: Researcher, experiment: Experiment) -> Preparation:
    """Start to think of what comes after the experiment that is about to run."""
    base = researcher.notebook.base()
    running = as_running(experiment.hypothesis, experiment.source)
    return Preparation(base, lambda: think(researcher, base, [running]))


def take_thought(researcher: Researcher, base: Page, refusals: list[Refusal]) -> Proposal:
    """Return the proposal prepared during the last run if it still fits, else a new one.

    Raises:
        NoProposalError: the proposer found nothing new in this round.
    """
    preparation, researcher.preparation = researcher.preparation, None
    if preparation is not None:
        proposal = preparation.take(base)
        measured = researcher.history.measured(researcher.outbox)
        tried = [each.source for each in measured if each.source is not None]
        if proposal is not None and not researcher.history.is_repeat(proposal.source, tried):
            return proposal
    return think(researcher, base, refusals)


def think(researcher: Researcher, base: Page, refusals: list[Refusal]) -> Proposal:
    """Return a proposal that nobody is known to have tried.

    What is refused on the way is added to ``refusals``.

    Raises:
        NoProposalError: the proposer found nothing new in this round.
    """
    assert base.val_bpb is not None
    measured = researcher.history.measured(researcher.outbox)
    tried = [each.source for each in measured if each.source is not None]
    for _ in range(MAX_ROUNDS):
        proposal = researcher.proposer.propose(
            Briefing(
                campaign=researcher.campaign.name,
                program_md=researcher.campaign.files.get(GUIDE, ""),
                base_source=base.source,
                base_sha256=base.source_sha256,
                base_val_bpb=base.val_bpb,
                history=measured,
                refusals=tuple(refusals),
                ideas=tuple(researcher.board.ideas),
                insights=tuple(researcher.board.insights),
                crash=_crash_to_repair(researcher),
                latest=_latest(researcher),
                find_failures=lambda words: similar_failures(
                    researcher.client, researcher.campaign.name, measured, words
                ),
            )
        )
        refused = [refusal.proposal.source for refusal in refusals]
        if not researcher.history.is_repeat(proposal.source, [*tried, *refused]):
            return proposal
        refusals.append(Refusal(proposal=proposal, reason="already measured"))
    raise NoProposalError("Every proposal of this round was already measured.")


def _crash_to_repair(researcher: Researcher) -> Crash | None:
    """Return the last experiment if it broke: once, for the one before it must not have."""
    recent = researcher.outbox.recent(2)
    if not recent or recent[0].result.crash_reason is not CrashReason.ERROR:
        return None
    if len(recent) > 1 and recent[1].result.crash_reason is CrashReason.ERROR:
        return None
    return Crash(hypothesis=recent[0].result.hypothesis, log_tail=recent[0].result.log_tail)


def _latest(researcher: Researcher) -> tuple[UUID, ...]:
    """Return the id of our newest result that the swarm has or will have."""
    recent = researcher.outbox.recent(5)
    return tuple(entry.result_id for entry in recent if entry.state != "refused")[:1]


def _is_worth_adopting(best: BestRead, tip: Page) -> bool:
    if tip.val_bpb is None:
        return True
    if best.source_sha256 == tip.source_sha256:
        return False
    # What was adopted scored so on this machine's former GPU, or in a history that a restored
    # backup lacks: what this platform has measured is the record.
    return best.val_bpb < tip.val_bpb or tip.status == "adopt"
