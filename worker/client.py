"""The coordinator's HTTP API as typed calls.

Every call either returns a wire model or raises one of `worker.errors`: failures of the line, 5xx
and answers that are not a coordinator's are `CoordinatorUnreachableError`; problem documents are
`RefusedError` or one of its kinds. A breaker keeps a dead coordinator from being asked at every
step.
"""

import hashlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.problems import MEDIA_TYPE, Problem
from shared.states import Scope
from shared.wire.agents import AgentCreate, AgentCreated, AgentsOnline
from shared.wire.bests import BestRead
from shared.wire.campaigns import CampaignRead
from shared.wire.claims import ClaimCreate, ClaimRead, HeartbeatCreate, HeartbeatRead
from shared.wire.experiments import ExperimentRead, Page
from shared.wire.ideas import IdeaCreate, IdeaRead, IdeaStatus
from shared.wire.insights import InsightCreate, InsightRead
from shared.wire.results import ResultPut, ResultRead
from shared.wire.search import SearchHit, SearchKind, SearchRead
from worker.answers import Answer, EndlessAnswerError, whole_answer
from worker.breaker import Breaker
from worker.errors import (
    CoordinatorBusyError,
    CoordinatorUnreachableError,
    DuplicateClaimError,
    LeaseLostError,
    NotFoundError,
    RefusedError,
    UnauthorizedError,
)
from worker.timekeeping import Timekeeper

Model = TypeVar("Model")

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0  # for each piece of an answer
MAX_QUERY_CHARACTERS = 200  # of the wire's SearchQuery

_KIND_OF_SLUG: dict[str, type[RefusedError]] = {
    "duplicate-claim": DuplicateClaimError,
    "lease-lost": LeaseLostError,
}
_KIND_OF_STATUS: dict[int, type[RefusedError]] = {
    401: UnauthorizedError,
    403: UnauthorizedError,
    404: NotFoundError,
}


class Client:
    """One agent's line to the coordinator; safe to use from several threads."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        breaker: Breaker | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.breaker = breaker or Breaker()
        self._http = httpx.Client(
            base_url=self.base_url,
            headers={"authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            transport=transport,
        )
        self.timekeeper = Timekeeper()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def register(self, request: AgentCreate) -> AgentCreated:
        """Return a new identity with its key."""
        return self._read(AgentCreated, "POST", "/v1/agents", body=request)

    def agents_online(self) -> list[str] | None:
        """Return who is alive, ``None`` where the coordinator cannot tell."""
        return self._read(AgentsOnline, "GET", "/v1/agents/online").agents

    def campaigns(self) -> list[CampaignRead]:
        """Return the campaigns of the coordinator."""
        return self._read(list[CampaignRead], "GET", "/v1/campaigns")

    def campaign(self, name: str) -> CampaignRead:
        """Return one campaign."""
        return self._read(CampaignRead, "GET", f"/v1/campaigns/{quote(name)}")

    def campaign_file(self, name: str, path: str) -> str:
        """Return the text of one file of a campaign."""
        return self._text(f"/v1/campaigns/{quote(name)}/files/{quote(path)}")

    def claim(self, campaign: str, request: ClaimCreate) -> ClaimRead:
        """Return a lease on the experiment.

        Raises:
            DuplicateClaimError: somebody runs or ran it.
        """
        return self._read(ClaimRead, "POST", f"/v1/campaigns/{quote(campaign)}/claims", request)

    def heartbeat(self, experiment_id: UUID, request: HeartbeatCreate) -> HeartbeatRead:
        """Return the renewed lease.

        Raises:
            LeaseLostError: a later epoch holds the experiment.
        """
        path = f"/v1/experiments/{experiment_id}/heartbeat"
        return self._read(HeartbeatRead, "POST", path, request)

    def release(self, experiment_id: UUID, epoch: int) -> None:
        """Give the claim back."""
        self._send("DELETE", f"/v1/experiments/{experiment_id}/claim", params={"epoch": str(epoch)})

    def put_result(self, campaign: str, result_id: UUID, result: ResultPut) -> ResultRead:
        """Store a result; sending it again changes nothing."""
        path = f"/v1/campaigns/{quote(campaign)}/results/{result_id}"
        return self._read(ResultRead, "PUT", path, result)

    def best(self, campaign: str, scope: Scope, value: str) -> BestRead | None:
        """Return the record of a scope, ``None`` where nobody has set one."""
        path = f"/v1/campaigns/{quote(campaign)}/best"
        try:
            return self._read(BestRead, "GET", path, params={"scope": scope, "value": value})
        except NotFoundError:
            return None

    def experiments(self, campaign: str, **filters: str) -> Iterator[ExperimentRead]:
        """Yield the history page by page; ``filters`` are the query's."""
        path = f"/v1/campaigns/{quote(campaign)}/experiments"
        cursor: str | None = None
        while True:
            params = filters | ({"cursor": cursor} if cursor else {})
            page = self._read(Page[ExperimentRead], "GET", path, params=params)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def experiment_source(self, experiment_id: UUID, sha256: str) -> str:
        """Return the program of an experiment, checked against its name."""
        text = self._text(f"/v1/experiments/{experiment_id}/source")
        if hashlib.sha256(text.encode()).hexdigest() != sha256:
            raise CoordinatorUnreachableError(
                f"The program of experiment {experiment_id} arrived damaged: it will be asked "
                "for again."
            )
        return text

    def ideas(self, campaign: str, *, status: IdeaStatus, limit: int) -> list[IdeaRead]:
        """Return the first ideas of a status, the most urgent first."""
        params = {"status": str(status), "limit": str(limit)}
        path = f"/v1/campaigns/{quote(campaign)}/ideas"
        return self._read(Page[IdeaRead], "GET", path, params=params).items

    def insights(self, campaign: str, *, limit: int) -> list[InsightRead]:
        """Return the newest insights."""
        path = f"/v1/campaigns/{quote(campaign)}/insights"
        return self._read(Page[InsightRead], "GET", path, params={"limit": str(limit)}).items

    def search(self, campaign: str, words: str, *, kind: SearchKind, limit: int) -> list[SearchHit]:
        """Return what is nearest in meaning to the words, the nearest first."""
        params = {"q": words[:MAX_QUERY_CHARACTERS], "kind": str(kind), "limit": str(limit)}
        path = f"/v1/campaigns/{quote(campaign)}/search"
        return self._read(SearchRead, "GET", path, params=params).hits

    def publish_idea(self, campaign: str, idea: IdeaCreate) -> IdeaRead:
        """Put an idea on the board.

        Raises:
            RefusedError: the board has one that says the same.
        """
        return self._read(IdeaRead, "POST", f"/v1/campaigns/{quote(campaign)}/ideas", idea)

    def publish_insight(self, campaign: str, insight: InsightCreate) -> InsightRead:
        """Say what was learned."""
        path = f"/v1/campaigns/{quote(campaign)}/insights"
        return self._read(InsightRead, "POST", path, insight)

    def _read(
        self,
        model: type[Model],
        method: str,
        path: str,
        body: BaseModel | None = None,
        params: dict[str, str] | None = None,
    ) -> Model:
        response = self._send(method, path, body=body, params=params)
        try:
            # A newer coordinator may say more than we know of; what we know must be right.
            answer = TypeAdapter(model).validate_json(response.content, extra="ignore")
        except ValidationError as error:
            raise self._failure(
                f"{self.base_url} does not answer like a coordinator of this version "
                f"({error.error_count()} fields of {model.__name__} are off)."
            ) from error
        self.breaker.record_success()
        return answer

    def _text(self, path: str) -> str:
        response = self._send("GET", path)
        try:
            # Programs are UTF-8 whatever a proxy's header says.
            text = response.content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._failure(f"{path} of {self.base_url} is not UTF-8.") from error
        self.breaker.record_success()
        return text

    def _send(
        self,
        method: str,
        path: str,
        body: BaseModel | None = None,
        params: dict[str, str] | None = None,
    ) -> Answer:
        if wait_s := self.breaker.seconds_left:
            raise CoordinatorUnreachableError(
                f"{self.base_url} did not answer; the next try is in {wait_s:.0f} s."
            )
        content = body.model_dump_json(exclude_none=True) if body is not None else None
        headers = {"content-type": "application/json"} if body is not None else {}
        try:
            answer = whole_answer(self._http, method, path, content, headers, params)
        except EndlessAnswerError as error:
            raise self._failure(f"{self.base_url} {error}.") from error
        except httpx.RequestError as error:  # of the line, or an answer that cannot be decoded
            reason = str(error) or type(error).__name__
            raise self._failure(f"{self.base_url} does not answer: {reason}.") from error
        if answer.is_success:
            self.timekeeper.note(answer.headers.get("date", ""))
            return answer
        raise self._explain(answer)

    def _explain(self, response: Answer) -> Exception:
        """Return the error that an unsuccessful answer stands for."""
        status = response.status
        if status in {429, 503}:
            pause_s = _retry_after_s(response)
            return self._failure(
                f"{self.base_url} is busy and asks to be left alone for {pause_s:.0f} s.",
                retry_after_s=pause_s,
            )
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if not httpx.codes.is_client_error(status) or media_type != MEDIA_TYPE:
            return self._failure(f"{self.base_url} answered {status} instead of a document.")
        try:
            problem = Problem.model_validate_json(response.content)
        except ValidationError:
            return self._failure(f"{self.base_url} answered {status} without saying why.")
        self.breaker.record_success()
        kind = _KIND_OF_SLUG.get(problem.slug) or _KIND_OF_STATUS.get(status, RefusedError)
        return kind(problem)

    def _failure(
        self, message: str, *, retry_after_s: float | None = None
    ) -> CoordinatorUnreachableError:
        self.breaker.record_failure(retry_after_s=retry_after_s)
        if retry_after_s is None:
            return CoordinatorUnreachableError(message)
        return CoordinatorBusyError(message, retry_after_s=retry_after_s)


def _retry_after_s(response: Answer) -> float:
    """Return the pause that the answer asks for, in seconds; 0 where it names none we read."""
    value: Any = response.headers.get("retry-after", "")
    return min(float(value), 600.0) if value.isdigit() else 0.0
