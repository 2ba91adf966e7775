"""A language model as researcher, through Anthropic's Messages API.

```
ask ─▶ tool call ─▶ edits apply, program reads, policy holds, differs from the base ─▶ proposal
 ▲                                    │ no
 └──── the error, up to three times ──┘
```

Whatever keeps the model from answering (no money left for today, no network, a refusal, nothing
usable after the repairs) costs no training time: TPE proposes instead.
"""

from dataclasses import replace
from typing import Any, cast

import anthropic
import structlog
from anthropic.types import Message, MessageParam, TextBlockParam, ToolParam
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.wire.base import Hypothesis, LongText
from shared.wire.claims import ConstantChange
from shared.wire.ideas import IdeaCreate
from shared.wire.results import Cost
from worker.breaker import Breaker
from worker.errors import NoProposalError
from worker.proposers import Briefing, Proposal, Proposer
from worker.proposers.edits import (
    Edit,
    InvalidProposalError,
    apply_edits,
    check_program,
    constant_changes,
)
from worker.proposers.prompt import TOOL, system_blocks, user_blocks
from worker.proposers.purse import Price, Purse
from worker.proposers.tokens import CountTokens, estimate_tokens

MAX_REPAIRS = 3
MAX_OUTPUT_TOKENS = 8_000
ANSWER_TIMEOUT_S = 120.0

log = structlog.get_logger()


class AnswerIdea(BaseModel):
    """An experiment for somebody else."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hypothesis: Hypothesis
    rationale: LongText = ""
    changes: list[ConstantChange] = Field(default_factory=list, max_length=20)


class Answer(BaseModel):
    """What the tool call carries."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hypothesis: Hypothesis
    rationale: LongText = ""
    expected_effect: LongText = ""
    insight: LongText = ""
    idea: AnswerIdea | None = None
    edits: list[Edit] = Field(min_length=1, max_length=50)


class ModelFailedError(Exception):
    """The model gave nothing usable; the message says what it gave."""


class LlmProposer:
    """Asks the model; with ``is_centaur`` it is shown what TPE would do and may overrule it."""

    def __init__(
        self,
        client: anthropic.Anthropic,
        *,
        model: str,
        price: Price,
        purse: Purse,
        stand_in: Proposer,
        is_centaur: bool,
        count_tokens: CountTokens = estimate_tokens,
        breaker: Breaker | None = None,
    ) -> None:
        self._client = client
        self._model = model
        self._price = price
        self._purse = purse
        self._stand_in = stand_in
        self._is_centaur = is_centaur
        self._count_tokens = count_tokens
        self._breaker = breaker or Breaker()

    def propose(self, briefing: Briefing) -> Proposal:
        """Return what the model proposes, or the stand-in where it cannot.

        Raises:
            NoProposalError: neither has anything to suggest.
        """
        if self._purse.is_empty:
            return self._stand_in_for(briefing, "today's budget for thinking is spent")
        if self._breaker.seconds_left:
            return self._stand_in_for(briefing, "the language model did not answer")
        bill = _Bill(self._model)
        try:
            proposal = self._ask(briefing, bill)
        except anthropic.AnthropicError as error:
            self._breaker.record_failure()
            log.warning("language_model_failed", error=_in_words(error))
            proposal = self._stand_in_for(briefing, _in_words(error))
        except ModelFailedError as error:
            log.warning("language_model_failed", error=str(error))
            proposal = self._stand_in_for(briefing, str(error))
        else:
            self._breaker.record_success()
        return bill.put_on(proposal)

    def _ask(self, briefing: Briefing, bill: "_Bill") -> Proposal:
        """Return a proposal that can run, after as many repairs as it takes.

        Raises:
            ModelFailedError: it took too many, or the model would not.
            anthropic.AnthropicError: the API failed.
        """
        system = system_blocks(briefing, count_tokens=self._count_tokens)
        messages: list[Any] = [
            {
                "role": "user",
                "content": user_blocks(
                    briefing,
                    suggestion=self._suggestion(briefing),
                    count_tokens=self._count_tokens,
                ),
            }
        ]
        complaint = ""
        for _ in range(1 + MAX_REPAIRS):
            message = self._call(system, messages, bill)
            if message.stop_reason == "refusal":
                raise ModelFailedError("The model declined to answer.")
            try:
                return _proposal(briefing, message)
            except InvalidProposalError as error:
                complaint = str(error)
                messages += _repair_turn(message, complaint)
            if self._purse.is_empty:
                break
        raise ModelFailedError(f"Nothing usable after the repairs: {complaint}")

    def _call(self, system: list[Any], messages: list[Any], bill: "_Bill") -> Message:
        message = self._client.messages.create(
            model=self._model,
            max_tokens=MAX_OUTPUT_TOKENS,
            system=cast(list[TextBlockParam], system),
            messages=cast(list[MessageParam], messages),
            tools=[cast(ToolParam, TOOL)],
            tool_choice={"type": "tool", "name": str(TOOL["name"])},
        )
        usage = message.usage
        filled, read = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
        cost = Cost(
            model=self._model,
            input_tokens=usage.input_tokens,
            cache_write_tokens=filled,
            cache_read_tokens=read,
            output_tokens=usage.output_tokens,
            usd=self._price.of(
                fresh=usage.input_tokens,
                cache_filled=filled,
                cache_read=read,
                output=usage.output_tokens,
            ),
        )
        self._purse.pay(model=self._model, tokens=cost.tokens, usd=cost.usd)
        bill.add(cost)
        return message

    def _suggestion(self, briefing: Briefing) -> Proposal | None:
        if not self._is_centaur:
            return None
        try:
            return self._stand_in.propose(briefing)
        except NoProposalError:
            return None

    def _stand_in_for(self, briefing: Briefing, reason: str) -> Proposal:
        proposal = self._stand_in.propose(briefing)
        words = f"{proposal.rationale or ''} (Without the language model: {reason})".strip()
        return replace(proposal, rationale=words)


class _Bill:
    """What one proposal cost."""

    def __init__(self, model: str) -> None:
        self._sum = Cost(model=model)

    def add(self, cost: Cost) -> None:
        amounts = cost.model_dump(exclude={"model"})
        sums = {name: getattr(self._sum, name) + amount for name, amount in amounts.items()}
        self._sum = self._sum.model_copy(update=sums)

    def put_on(self, proposal: Proposal) -> Proposal:
        return replace(proposal, cost=self._sum) if self._sum.tokens else proposal


def _proposal(briefing: Briefing, message: Message) -> Proposal:
    """Return the message's tool call as a proposal.

    Raises:
        InvalidProposalError: it is none, or it cannot run.
    """
    if message.stop_reason == "max_tokens":
        raise InvalidProposalError("The answer was cut off: use fewer and shorter edits.")
    calls = [block for block in message.content if block.type == "tool_use"]
    if not calls:
        raise InvalidProposalError("Answer by calling propose_experiment.")
    try:
        answer = Answer.model_validate(calls[0].input)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5]
        )
        raise InvalidProposalError(f"The tool call is malformed: {problems}") from error
    if briefing.latest and not answer.insight.strip():
        raise InvalidProposalError("Say in insight, in one sentence, what your result teaches.")
    candidate = apply_edits(briefing.base_source, answer.edits)
    check_program(briefing.base_source, candidate)
    expected = f"\n\nExpected: {answer.expected_effect}" if answer.expected_effect else ""
    return Proposal(
        hypothesis=answer.hypothesis,
        rationale=f"{answer.rationale}{expected}"[:20_000],
        source=candidate,
        changes=constant_changes(briefing.base_source, candidate),
        insight=answer.insight.strip()[:4_000] or None,
        evidence=briefing.latest,
        idea=_idea(answer.idea),
    )


def _idea(idea: AnswerIdea | None) -> IdeaCreate | None:
    if idea is None:
        return None
    return IdeaCreate(
        hypothesis=idea.hypothesis, rationale=idea.rationale or None, changes=idea.changes or None
    )


def _repair_turn(message: Message, complaint: str) -> list[dict[str, Any]]:
    """Return the model's turn and our answer to it."""
    content = [block.model_dump(exclude_none=True) for block in message.content]
    calls = [block.id for block in message.content if block.type == "tool_use"]
    answer: list[dict[str, Any]] = [
        {"type": "tool_result", "tool_use_id": call, "is_error": True, "content": complaint}
        for call in calls
    ]
    turn = {"role": "user", "content": answer or complaint}
    return [{"role": "assistant", "content": content}, turn] if content else [turn]


def _in_words(error: anthropic.AnthropicError) -> str:
    match error:
        case anthropic.AuthenticationError() | anthropic.PermissionDeniedError():
            return "the API key is refused: check ANTHROPIC_API_KEY"
        case anthropic.RateLimitError():
            return "the API limits the rate"
        case anthropic.APITimeoutError():
            return "the API did not answer in time"
        case anthropic.APIConnectionError():
            return "the API cannot be reached"
        case anthropic.APIStatusError():
            return f"the API answered {error.status_code}"
    return f"{type(error).__name__}: {error}"
