"""Optuna's tree-structured Parzen estimator over the constants of the base.

The swarm's measured programs are the study: each is a finished trial, so a worker that joins late
starts with what everybody has learned. Only one to three constants move in one experiment: a
hypothesis that changes everything teaches nothing.

Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011.
"""

import random
from collections.abc import Iterable, Mapping

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from shared.constants import override_constants, read_constants
from shared.folding import ConstantValue
from shared.sources import SourceError
from shared.wire.claims import ConstantChange
from worker.errors import NoProposalError
from worker.proposers import Briefing, Measured, Proposal
from worker.proposers.space import Knob, Value, is_within, search_space, written

STARTUP_TRIALS = 8  # measured programs before the estimator is believed
MAX_TRIES = 50
# How many constants move at once, and how often.
MOVES, WEIGHTS = (1, 2, 3), (7, 2, 1)
# A crash counts as this much worse than the worst score: its neighbourhood is avoided.
CRASH_PENALTY = 1.1

optuna.logging.set_verbosity(optuna.logging.WARNING)


class TpeProposer:
    """Suggests constants; ``seed`` makes the suggestions repeatable."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def propose(self, briefing: Briefing) -> Proposal:
        """Return the base with one to three constants changed."""
        space = search_space(briefing.base_source)
        if not space:
            raise NoProposalError("The program has no constants that may be tuned.")
        distributions = {name: _distribution(knob) for name, knob in space.items()}
        texts = {c.name: c.text for c in read_constants(briefing.base_source).values()}
        refused = {refusal.proposal.source for refusal in briefing.refusals}
        study, count = self._study(space, distributions, briefing.history)
        for _ in range(MAX_TRIES):
            number = min(len(space), self._random.choices(MOVES, WEIGHTS)[0])
            names = self._random.sample(sorted(space), number)
            trial = study.ask(fixed_distributions={name: distributions[name] for name in names})
            moved = {
                name: written(space[name], trial.params[name], texts[name])
                for name in names
                if trial.params[name] != space[name].value
            }
            proposal = _proposal(briefing.base_source, space, moved, count)
            if proposal.changes and proposal.source not in refused:
                return proposal
        raise NoProposalError("Every change of the constants at hand was already tried.")

    def _study(
        self,
        space: Mapping[str, Knob],
        distributions: Mapping[str, BaseDistribution],
        history: Iterable[Measured],
    ) -> tuple[optuna.Study, int]:
        """Return a study that knows the history, and how many trials it has."""
        sampler = optuna.samplers.TPESampler(
            seed=self._random.randrange(2**32), n_startup_trials=STARTUP_TRIALS
        )
        study = optuna.create_study(direction="minimize", sampler=sampler)
        history = list(history)
        scores = [measured.val_bpb for measured in history if measured.val_bpb is not None]
        if not scores:
            return study, 0
        crashed = max(scores) * CRASH_PENALTY
        for measured in history:
            params = _params(measured, space)
            if not params:
                continue
            value = crashed if measured.val_bpb is None else measured.val_bpb
            study.add_trial(
                optuna.trial.create_trial(
                    params=params,
                    distributions={name: distributions[name] for name in params},
                    value=value,
                )
            )
        return study, len(study.trials)


def _params(measured: Measured, space: Mapping[str, Knob]) -> dict[str, Value]:
    """Return those constants of a measured program that lie in the space."""
    if measured.source is None:
        return {}
    try:
        constants = read_constants(measured.source)
    except SourceError:
        return {}
    return {
        name: constants[name].value  # type: ignore[misc]
        for name, knob in space.items()
        if name in constants and is_within(knob, constants[name].value)
    }


def _distribution(knob: Knob) -> BaseDistribution:
    if knob.choices:
        return CategoricalDistribution(knob.choices)
    return FloatDistribution(knob.low, knob.high, log=knob.is_log)


def _proposal(
    source: str, space: Mapping[str, Knob], moved: Mapping[str, Value], count: int
) -> Proposal:
    constants = read_constants(source)
    candidate = override_constants(source, dict(moved))
    after = read_constants(candidate)
    names = [name for name in space if after[name].value != constants[name].value]
    changes = tuple(
        ConstantChange(name=name, old=constants[name].text, new=after[name].text) for name in names
    )
    words = "; ".join(
        f"{change.name} {change.old} -> {change.new}: "
        f"{in_words(space[change.name].value, after[change.name].value)}"
        for change in changes
    )
    rationale = (
        f"TPE over {count} measured programs of this platform."
        if count >= STARTUP_TRIALS
        else f"Random search near the base: only {count} programs of this platform are measured."
    )
    return Proposal(hypothesis=words, source=candidate, changes=changes, rationale=rationale)


def in_words(old: Value, new: ConstantValue) -> str:
    """What becomes of a constant, for people to read."""
    if isinstance(old, bool):
        return "switch it on" if new else "switch it off"
    if isinstance(old, str) or not isinstance(new, int | float):
        return "try the other kind"
    direction = "raise" if new > old else "lower"
    if not old:
        return f"{direction} it from zero"
    percent = 100 * abs(new / old - 1)
    return f"{direction} it by {percent:.0f}%" if percent >= 1 else f"{direction} it a little"
