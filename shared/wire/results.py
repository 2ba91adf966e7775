"""What a run came to."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.states import CrashReason, Outcome, Tier
from shared.wire.base import (
    Count,
    Hypothesis,
    LongText,
    Moment,
    Number,
    Sha256,
    ShortText,
    Text,
    WireModel,
)

NotNegative = Annotated[Number, Field(ge=0)]


class Metrics(WireModel):
    """The summary of a run, under the reference's names; units are in the names.

    ``val_bpb`` is bits per byte of the validation part: lower is better.
    """

    val_bpb: Annotated[Number, Field(gt=0, lt=1000)]
    training_seconds: NotNegative | None = None
    total_seconds: NotNegative | None = None
    peak_vram_mb: NotNegative | None = None
    mfu_percent: NotNegative | None = None
    total_tokens_M: NotNegative | None = None  # noqa: N815 the reference's name
    num_steps: Count | None = None
    num_params_M: NotNegative | None = None  # noqa: N815 the reference's name
    depth: Count | None = None


class Cost(WireModel):
    """What it took to think of an experiment; ``usd`` is the worker's own estimate.

    The tokens of the prompt are of three kinds, none counted twice: read fresh, written to the
    provider's cache, read from it.
    """

    model: Annotated[ShortText, Field(min_length=1)]
    input_tokens: Count = 0
    cache_write_tokens: Count = 0
    cache_read_tokens: Count = 0
    output_tokens: Count = 0
    usd: NotNegative = 0.0

    @property
    def tokens(self) -> int:
        """Return all tokens, in and out."""
        prompt = self.input_tokens + self.cache_write_tokens + self.cache_read_tokens
        return prompt + self.output_tokens


class ResultPut(WireModel):
    """A finished run with its full source; metrics, or the reason why there are none.

    ``experiment_id`` and ``epoch`` name the claim that it answers; a result of solo work has
    neither. ``base`` is the ``source_sha256`` of the program it started from, ``None`` for the
    campaign's baseline itself. ``cost`` is there where a language model was asked.
    """

    experiment_id: UUID | None = None
    epoch: Count | None = None
    hypothesis: Hypothesis
    rationale: LongText | None = None
    base: Sha256 | None = None
    source: Text
    metrics: Metrics | None = None
    crash_reason: CrashReason | None = None
    platform: Annotated[ShortText, Field(min_length=1)]
    tier: Tier = Tier.CPU
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63)] | None = None
    harness_sha256: Sha256 | None = None
    log_tail: LongText = ""
    cost: Cost | None = None
    started_at: Moment
    finished_at: Moment | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.metrics is None) == (self.crash_reason is None):
            raise ValueError("send metrics or crash_reason: exactly one of the two")
        if (self.experiment_id is None) != (self.epoch is None):
            raise ValueError("send experiment_id and epoch together, as the claim gave them")
        return self


class ResultRead(WireModel):
    """What the swarm made of a result."""

    experiment_id: UUID
    outcome: Outcome
    is_best: bool
    late: bool
    repeat_of: UUID | None = None
