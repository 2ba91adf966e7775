"""The parent's clock of one run. Pure: events and moments in, verdicts out.

::

    start ──► first batch ──► 11th step ──────────► examination ──► score
      startup_s     window         budget + grace        exam
      (imports,     (warm-up,     (training: what        (bounded by the
       compilation)  free)         is compared)           pace of training)

The moments come from the examiner, which hands out the batches: nothing is learned from them before
the first. Where the window ends is the program's word (its optimizer's steps), so it is capped:
in tokens, and in seconds by the pace of the steps that follow. A slow machine has slow steps
everywhere; a program that stretches its first steps alone starts its clock with them. The steps are
the program's word too, so what their pace allows is a share of the budget at most: a machine on
which eleven steps take longer than that is too slow for the campaign, and is told so.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FREE_STEPS = 11  # the clock starts behind these, as in the reference
MUTE_BATCHES = 64  # without a step noted: 11 steps of a program that accumulates a few batches
WINDOW_TOKENS = 2**23  # 16 steps of 2**19 tokens
EXAM_PACE = 1.5  # times the pace of training: a forward pass is a third of it
SLOW_START = 3  # times the later pace: what the free steps may take
# Of the budget, whatever the pace: what the free steps may take, what the last step may overrun,
# and what answering the examiner may take beside its fixed part.
WINDOW_SHARE, OVERRUN_SHARE, EXAM_SHARE = 1 / 4, 1 / 10, 2.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long each part of a run may take, in seconds, beside what its pace allows."""

    startup_s: float
    window_s: float
    grace_s: float
    answer_s: float  # the first answer: a program that trains on does it before, or is inconsistent
    exam_s: float


def limits_for(budget_s: float, *, has_gpu: bool) -> Limits:
    """Return the limits of a machine; compilation takes minutes on a GPU, nothing on a CPU."""
    grace_s = max(2.0, 0.02 * budget_s)
    if has_gpu:
        return Limits(startup_s=300, window_s=120, grace_s=grace_s, answer_s=60, exam_s=90)
    return Limits(
        startup_s=120, window_s=2 + 0.1 * budget_s, grace_s=grace_s, answer_s=4, exam_s=12
    )


class Clock:
    """Follows one run; moments are of the machine's monotonic clock, in seconds."""

    def __init__(self, budget_s: float, limits: Limits, started: float) -> None:
        self.budget_s, self.limits, self.started = budget_s, limits, started
        self.batches = self.tokens = 0
        self.first_batch: float | None = None
        self.exam_began: float | None = None
        self.answered: float | None = None
        self.scored: float | None = None
        self.val_bpb: float | None = None
        self._eleventh: float | None = None
        self._tokens_before = 0
        self._steps: list[float] = []
        self._exam_tokens = 0

    def take(self, name: str, at: float, details: Mapping[str, Any]) -> None:
        """Follow one event of the examiner."""
        if name == "batch":
            self.first_batch = at if self.first_batch is None else self.first_batch
            self.batches += 1
            self.tokens += int(details["tokens"])
        elif name == "step":
            self._steps.append(at)
        elif name == "exam":
            self.exam_began = at
            self._exam_tokens = int(details["tokens"])
        elif name == "answer":
            self.answered = at
        elif name == "score":
            self.val_bpb, self.scored = float(details["val_bpb"]), at
        is_mute = not self._steps and self.batches >= MUTE_BATCHES
        is_full = self.tokens > WINDOW_TOKENS
        if self._eleventh is None and (len(self._steps) >= FREE_STEPS or is_mute or is_full):
            self._eleventh, self._tokens_before = at, self.tokens

    def step_s(self) -> float:
        """Return the pace: the median seconds of a step, the free ones left out."""
        first = FREE_STEPS - 1 if len(self._steps) > FREE_STEPS else 0
        stride = 1 + (len(self._steps) - first) // 100  # a sample is enough, and asked for often
        pairs = range(first, len(self._steps) - 1, stride)
        gaps = [self._steps[i + 1] - self._steps[i] for i in pairs]
        return statistics.median(gaps) if gaps else 0.0

    def training_began(self, now: float) -> float | None:
        """Return when the clock of the budget started, ``None`` before."""
        if self.first_batch is None:
            return None
        by_pace = min(SLOW_START * FREE_STEPS * self.step_s(), WINDOW_SHARE * self.budget_s)
        window_s = max(self.limits.window_s, by_pace)
        capped = self.first_batch + window_s
        began = capped if self._eleventh is None else min(self._eleventh, capped)
        return began if began <= now else None

    def phase(self, now: float) -> str:
        """Return ``starting``, ``training`` or ``examining``."""
        if self.exam_began is not None:
            return "examining"
        return "starting" if self.training_began(now) is None else "training"

    def trained_s(self, now: float) -> float:
        """Return the seconds of training so far."""
        until = now if self.exam_began is None else self.exam_began
        began = self.training_began(until)
        return 0.0 if began is None else until - began

    def parts(self, now: float) -> dict[str, float]:
        """Return the seconds of each part of a run that has its score."""
        if self.first_batch is None or self.exam_began is None or self.scored is None:
            return {}
        began = self.training_began(self.exam_began) or self.exam_began
        return {
            "startup": self.first_batch - self.started,
            "window": began - self.first_batch,
            "training": self.exam_began - began,
            "examination": self.scored - self.exam_began,
            "total": now - self.started,
        }

    def exam_limit_s(self, now: float) -> float:
        """Return how long the examination may take: answering costs less than training did."""
        # A program may ask for its batches early and train on them later.
        trained = max(self.tokens - self._tokens_before, self.tokens / 2)
        pace = self.trained_s(now) / trained if trained else 0.0
        by_pace = min(EXAM_PACE * pace * self._exam_tokens, EXAM_SHARE * self.budget_s)
        return self.limits.exam_s + by_pace

    def overdue(self, now: float) -> str | None:
        """Return what has taken too long, if anything has."""
        if self.val_bpb is not None:
            return None
        if self.first_batch is None and self.exam_began is None:
            limit_s = self.limits.startup_s
            late = now - self.started > limit_s
            return f"asked for no training batch within {limit_s:.0f} s" if late else None
        overrun_s = min(2 * self.step_s(), OVERRUN_SHARE * self.budget_s)
        grace_s = self.limits.grace_s + overrun_s
        if self.trained_s(now) > self.budget_s + grace_s:
            return (
                f"was not ready for its examination {self.budget_s:g} s after its 11th step "
                f"(allowance: {grace_s:.1f} s)"
            )
        if self.exam_began is not None:
            limit_s = self.exam_limit_s(now)
            if self.answered is None:
                limit_s = self.limits.answer_s + overrun_s
            late = now - self.exam_began > limit_s
            return f"did not answer the examiner within {limit_s:.1f} s" if late else None
        return None
