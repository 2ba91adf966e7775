import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import uuid4

import httpx
import pytest

from shared.ids import new_id
from shared.states import Scope
from shared.wire.claims import ClaimCreate, HeartbeatCreate
from shared.wire.search import SearchKind, SearchQuery
from worker import answers
from worker.breaker import Breaker
from worker.client import Client
from worker.errors import (
    CoordinatorBusyError,
    CoordinatorUnreachableError,
    DuplicateClaimError,
    LeaseLostError,
    NotFoundError,
    RefusedError,
    UnauthorizedError,
)

Handler = Callable[[httpx.Request], httpx.Response]
GZIP, NO_GZIP = {"content-encoding": "gzip"}, httpx.ByteStream(b"<h1>Log in to the hotel</h1>")
CLAIM = ClaimCreate(hypothesis="raise it", source="A = 1\n")


def make_client(handler: Handler, **options) -> Client:
    return Client("http://swarm.test/", transport=httpx.MockTransport(handler), **options)


def problem(status: int, slug: str, **extension) -> httpx.Response:
    document = {
        "type": f"https://swarmlab.dev/errors#{slug}",
        "title": slug,
        "status": status,
        "detail": "what to do",
        **extension,
    }
    return httpx.Response(
        status, json=document, headers={"content-type": "application/problem+json"}
    )


def claim_answer() -> dict:
    return {
        "experiment_id": str(new_id()),
        "epoch": 1,
        "lease_expires_at": "2026-01-01T00:00:00Z",
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(409, "duplicate-claim", reason="same-program", matches=[]), DuplicateClaimError),
        (problem(409, "lease-lost"), LeaseLostError),
        (problem(401, "unauthorized"), UnauthorizedError),
        (problem(403, "not-your-claim"), UnauthorizedError),
        (problem(404, "unknown-campaign"), NotFoundError),
        (problem(422, "invalid-body"), RefusedError),
        (httpx.Response(500, text="oops"), CoordinatorUnreachableError),
        (problem(500, "internal"), CoordinatorUnreachableError),
        (httpx.Response(502, html="<h1>Bad gateway</h1>"), CoordinatorUnreachableError),
        (httpx.Response(404, html="<h1>Not here</h1>"), CoordinatorUnreachableError),
        (httpx.Response(200, html="<h1>Log in to the hotel</h1>"), CoordinatorUnreachableError),
        (httpx.Response(200, stream=NO_GZIP, headers=GZIP), CoordinatorUnreachableError),
        (httpx.Response(200, json={"seed": 7}), CoordinatorUnreachableError),
        (httpx.Response(302, headers={"location": "/"}), CoordinatorUnreachableError),
        (problem(429, "slow-down"), CoordinatorBusyError),
        (problem(503, "starting"), CoordinatorBusyError),
    ],
)
def test_every_bad_answer_is_an_error_of_its_own(answer, kind):
    client = make_client(lambda _: answer)
    with pytest.raises(kind) as caught:
        client.claim("tiny", CLAIM)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.ReadError("reset"),
    ],
)
def test_every_failure_of_the_line_is_unreachable(failure):
    def handler(_: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(CoordinatorUnreachableError):
        make_client(handler).campaign("tiny")


class Endless(httpx.SyncByteStream):
    def __init__(self, piece: bytes) -> None:
        self.piece = piece

    def __iter__(self) -> Iterator[bytes]:
        yield from itertools.repeat(self.piece)


@pytest.mark.parametrize(
    ("piece", "limit", "value"), [(b" ", "ANSWER_S", 0.01), (b" " * 2**16, "ANSWER_BYTES", 2**20)]
)
def test_an_answer_without_end_holds_nobody(monkeypatch, piece, limit, value):
    monkeypatch.setattr(answers, limit, value)
    client = make_client(lambda _: httpx.Response(200, stream=Endless(piece)))
    with pytest.raises(CoordinatorUnreachableError, match="did not end its answer"):
        client.campaign("tiny")
    assert client.breaker.is_open


def test_after_a_failure_no_call_goes_out_until_the_pause_is_over():
    now = [0.0]
    calls = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(500)

    client = make_client(handler, breaker=Breaker(clock=lambda: now[0], jitter=lambda: 1.0))
    for _ in range(3):
        with pytest.raises(CoordinatorUnreachableError):
            client.campaign("tiny")
    assert len(calls) == 1
    now[0] = 1.1
    with pytest.raises(CoordinatorUnreachableError):
        client.campaign("tiny")
    assert len(calls) == 2


def test_a_refusal_shows_that_the_coordinator_is_there():
    client = make_client(lambda _: problem(409, "lease-lost"))
    client.breaker.record_failure()
    client.breaker._retry_at = 0.0
    with pytest.raises(LeaseLostError):
        client.heartbeat(uuid4(), HeartbeatCreate(epoch=1))
    assert not client.breaker.is_open


def test_a_nonsense_answer_does_not_close_the_breaker():
    client = make_client(lambda _: httpx.Response(200, json=["?"]))
    with pytest.raises(CoordinatorUnreachableError):
        client.campaign("tiny")
    assert client.breaker.is_open


def test_the_wish_of_a_busy_coordinator_is_kept():
    answer = httpx.Response(429, headers={"retry-after": "90"})
    client = make_client(lambda _: answer)
    with pytest.raises(CoordinatorBusyError) as caught:
        client.campaign("tiny")
    assert caught.value.retry_after_s == 90
    assert client.breaker.seconds_left > 80


def test_nobody_is_kept_away_for_a_day_by_one_answer():
    answer = httpx.Response(503, headers={"retry-after": "86400"})
    client = make_client(lambda _: answer)
    with pytest.raises(CoordinatorBusyError) as caught:
        client.campaign("tiny")
    assert caught.value.retry_after_s == 600


def test_no_more_words_are_searched_for_than_the_coordinator_takes():
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["q"])
        return httpx.Response(200, json={"hits": []})

    make_client(handler).search("tiny", "x" * 201, kind=SearchKind.EXPERIMENT, limit=1)
    [words] = asked
    assert SearchQuery(q=words).q == "x" * 200


def test_a_duplicate_claim_names_its_matches():
    match = {
        "experiment_id": str(new_id()),
        "hypothesis": "raise it",
        "agent": "otter",
        "status": "claimed",
        "something_new": 1,
    }
    answer = problem(409, "duplicate-claim", reason="same-change", matches=[match])
    with pytest.raises(DuplicateClaimError) as caught:
        make_client(lambda _: answer).claim("tiny", CLAIM)
    assert caught.value.reason == "same-change"
    assert [found.agent for found in caught.value.matches] == ["otter"]


def test_the_key_and_the_body_are_sent():
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json=claim_answer())

    lease = make_client(handler, api_key="sl_secret").claim("tiny", CLAIM)
    assert lease.seed == 7
    assert seen[0].headers["authorization"] == "Bearer sl_secret"
    assert seen[0].url.path == "/v1/campaigns/tiny/claims"
    assert json.loads(seen[0].content) == {"hypothesis": "raise it", "source": "A = 1\n"}


def test_where_nobody_has_set_a_record_there_is_no_best():
    client = make_client(lambda _: problem(404, "no-best"))
    assert client.best("tiny", Scope.PLATFORM, "gpu") is None


def test_a_damaged_program_is_not_taken():
    client = make_client(lambda _: httpx.Response(200, text="A = 1"))
    with pytest.raises(CoordinatorUnreachableError):
        client.experiment_source(uuid4(), "0" * 64)


def test_the_history_is_read_page_by_page():
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.params["platform"] == "gpu"
        cursor = request.url.params.get("cursor")
        return httpx.Response(200, json={"items": [], "next_cursor": None if cursor else "more"})

    assert list(make_client(handler).experiments("tiny", platform="gpu")) == []


def test_what_a_newer_coordinator_adds_is_no_failure_and_what_it_leaves_out_is_one():
    newer = claim_answer() | {"added": 1, "similar": [], "base": {"source_sha256": "x", "new": 2}}
    assert make_client(lambda _: httpx.Response(201, json=newer)).claim("tiny", CLAIM).seed == 7
    older = {key: value for key, value in newer.items() if key != "epoch"}
    with pytest.raises(CoordinatorUnreachableError):
        make_client(lambda _: httpx.Response(201, json=older)).claim("tiny", CLAIM)


@pytest.mark.parametrize("off_s", [-600, 600])
def test_the_time_is_that_of_the_coordinator(off_s):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=off_s), usegmt=True)
    client = make_client(lambda _: httpx.Response(200, json=[], headers={"date": date}))
    client.campaigns()
    assert abs((client.timekeeper.now() - datetime.now(UTC)).total_seconds() - off_s) < 60


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
def test_who_does_not_say_what_time_it_is_is_taken_to_have_ours(headers):
    client = make_client(lambda _: httpx.Response(200, json=[], headers=headers))
    client.campaigns()
    assert abs((client.timekeeper.now() - datetime.now(UTC)).total_seconds()) < 60
