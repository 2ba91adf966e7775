"""The names under which an index finds the like of an experiment.

Two ways of saying one change often differ in what else was read of them, seldom in what is changed
and what it becomes: so each is known by its main parameter and the value of that.
"""

import hashlib

from shared.words import ParsedHypothesis
from shared.words.likeness import family_of

# Read in one of two texts that say the same more often than in both.
_IN_PASSING = frozenset(
    {"accumulation", "attention_scale", "aux_loss", "checkpointing", "compile", "depth", "epochs"}
    | {"final_norm", "freeze", "gate", "grad_noise", "init", "logit_scale", "loss_weight"}
    | {"mlp_ratio", "n_head", "norm", "norm_gain", "norm_type", "optimizer", "packing", "position"}
    | {"recurrence", "rope", "schedule", "share", "tie", "token_shift", "top_k", "width"}
)
_EVERYBODYS = frozenset({"batch", "lr", "weight_decay"})


def is_baseline_key(dedup_key: str | None) -> bool:
    """Return whether this is the name of a baseline, which no words can repeat."""
    return dedup_key is not None and "@" in dedup_key


def parameters_key(parsed: ParsedHypothesis) -> str:
    """Return the name of what is changed; claims of one name wait for each other."""
    if parsed.atoms:
        return _digest("parameters", _main_parameter(parsed))
    return _digest("numbers", *(f"{number:g}" for number in sorted(parsed.numbers)))


def values_key(parsed: ParsedHypothesis) -> str:
    """Return the name of what becomes of it: of one name, and near in words, many repeat."""
    return _digest("values", _main_parameter(parsed), _main_value(parsed))


def _main_parameter(parsed: ParsedHypothesis) -> str:
    return min(parsed.parameters, key=lambda name: (_weight_of(name), name), default="")


def _weight_of(parameter: str) -> int:
    # What is read in passing comes last, what everybody changes after the others.
    return 2 if parameter in _IN_PASSING else int(parameter in _EVERYBODYS)


def _main_value(parsed: ParsedHypothesis) -> str:
    """Return the largest number to two digits, else the step, else the choice."""
    parameter = _main_parameter(parsed)
    main = [atom for atom in parsed.atoms if family_of(atom) == parameter]
    numbers = [number.value for atom in main for number in atom.new]
    if numbers:
        return f"{max(numbers):.1e}"
    steps = [f"{atom.change.kind}{atom.change.value:.1e}" for atom in main if atom.change]
    return max(steps or [atom.value or atom.state for atom in main], default="")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
