"""Answers over HTTP, whole and bounded: no line holds the worker, whatever is at its other end."""

import time
from dataclasses import dataclass

import httpx

ANSWER_S = 60.0
ANSWER_BYTES = 16 * 2**20  # a page of history ends at 2 MiB


class EndlessAnswerError(Exception):
    """An answer went on beyond what is read of one."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back for a request."""

    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the request did what it was to do."""
        return httpx.codes.is_success(self.status)


def whole_answer(
    http: httpx.Client,
    method: str,
    path: str,
    content: str | None,
    headers: dict[str, str],
    params: dict[str, str] | None,
) -> Answer:
    """Send a request and return its answer.

    Raises:
        EndlessAnswerError: it took longer than ``ANSWER_S`` or was larger than ``ANSWER_BYTES``.
        httpx.RequestError: the line failed, or the answer cannot be decoded.
    """
    deadline = time.monotonic() + ANSWER_S
    body = bytearray()
    with http.stream(method, path, content=content, headers=headers, params=params) as response:
        # The client's own timeout is for each piece: one that trickles never meets it.
        for piece in response.iter_bytes():
            body += piece
            if len(body) > ANSWER_BYTES or time.monotonic() > deadline:
                raise EndlessAnswerError(
                    f"did not end its answer within {ANSWER_S:g} s and {ANSWER_BYTES >> 20} MiB"
                )
    return Answer(status=response.status_code, headers=response.headers, content=bytes(body))
