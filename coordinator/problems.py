"""Every error as RFC 9457 problem+json, from one place."""

import re
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import DataError
from psycopg.errors import ProgramLimitExceeded
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from coordinator.db import constraint_of
from coordinator.errors import (
    BadRequestError,
    ClaimKeyReusedError,
    InternalError,
    InvalidRequestError,
    MethodNotAllowedError,
    NameTakenError,
    NotFoundError,
    ResultConflictError,
    StorageUnavailableError,
    SwarmlabError,
    TooLargeError,
    UnauthorizedError,
    UnstorableError,
)
from shared.problems import MEDIA_TYPE

log = structlog.get_logger()

ERRORS_PAGE = "https://swarmlab.dev/errors"

# What a violated constraint means to the person whose write violated it.
CONSTRAINT_ERRORS: dict[str, type[SwarmlabError]] = {
    "uq_agents_name": NameTakenError,
    "uq_leases_claim_key": ClaimKeyReusedError,
    "pk_results": ResultConflictError,
}


def problem_response(error: SwarmlabError) -> JSONResponse:
    """Return the error as it travels."""
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, UnauthorizedError) else None
    body = {
        "type": f"{ERRORS_PAGE}#{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        **error.extension,
    }
    return JSONResponse(body, status_code=error.status, media_type=MEDIA_TYPE, headers=headers)


def to_domain_error(error: Exception) -> SwarmlabError:
    """Return what any exception means to the client."""
    match error:
        case SwarmlabError():
            domain_error = error
        case RequestValidationError():
            domain_error = _validation_error(error)
        case HTTPException():
            domain_error = _http_error(error)
        case IntegrityError():
            domain_error = CONSTRAINT_ERRORS.get(constraint_of(error) or "", InternalError)()
        case DBAPIError(orig=DataError() | ProgramLimitExceeded()):
            # Postgres is there, and will refuse the same again.
            domain_error = UnstorableError()
        case OperationalError() | InterfaceError() | PoolTimeoutError():
            domain_error = StorageUnavailableError()
        case DBAPIError() if error.connection_invalidated:
            domain_error = StorageUnavailableError()
        case _:
            domain_error = InternalError()
    return domain_error


def _http_error(error: HTTPException) -> SwarmlabError:
    answers = (BadRequestError, NotFoundError, MethodNotAllowedError, TooLargeError)
    kind = {answer.status: answer for answer in answers}.get(error.status_code)
    return kind() if kind else InternalError(str(error.detail))


def _validation_error(error: RequestValidationError) -> SwarmlabError:
    details = error.errors()
    if any(each["type"] == "json_invalid" for each in details):
        return BadRequestError()
    if isinstance(error.body, bytes):  # FastAPI leaves unread what does not say that it is JSON
        return BadRequestError(
            "The body does not say that it is JSON: send it with 'Content-Type: application/json'."
        )
    # The input itself is not echoed: it may be ten programs long, or not encodable at all.
    errors: list[dict[str, Any]] = [
        {"where": _where(each["loc"]), "why": each["msg"]} for each in details[:20]
    ]
    first = errors[0]
    return InvalidRequestError(
        f"{first['where']}: {first['why']}. See /docs for the form.", errors=_encodable(errors)
    )


# How pydantic names a member of a union that is no plain type: the validator itself, with the
# addresses of its functions in memory. That is no place in a body.
_VALIDATOR = re.compile(r"[a-z-]+\[.*\]", re.DOTALL)


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(part for part in map(str, location) if not _VALIDATOR.fullmatch(part))


def _encodable(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: value.encode("utf-8", "replace").decode() for key, value in each.items()}
        for each in errors
    ]


async def _answer(request: Request, error: Exception) -> JSONResponse:
    domain_error = to_domain_error(error)
    # What Postgres cannot hold should have been refused before it came there: ours to mend as well.
    if domain_error.status >= 500 or isinstance(domain_error, UnstorableError):
        log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    response = problem_response(domain_error)
    if isinstance(domain_error, MethodNotAllowedError):
        response.headers["Allow"] = ", ".join(_methods_of_address(request))
    return response


def _methods_of_address(request: Request) -> list[str]:
    """Return what the address takes; the framework's own list ends with the first of its routes."""
    return [
        method
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


class Unforeseen:
    """ASGI middleware that answers what no handler knows.

    A handler of ``Exception`` would be Starlette's outermost layer, which raises again what it has
    answered: the server would log it a second time.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer for it where it fails."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            response = await _answer(Request(scope), error)
            await response(scope, receive, send)


def install_problem_handlers(app: FastAPI) -> None:
    """Make every answer that is not a success a problem document."""
    for kind in (
        *(SwarmlabError, RequestValidationError, HTTPException),
        *(IntegrityError, DBAPIError, PoolTimeoutError),
    ):
        app.add_exception_handler(kind, _answer)
    app.add_middleware(Unforeseen)
