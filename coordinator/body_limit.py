"""Bodies of bounded size: a client cannot make the coordinator hold more than this."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordinator.errors import TooLargeError
from coordinator.problems import problem_response

# A program may have 256 KiB; JSON escapes can make each byte six.
MAX_BODY_BYTES = 2 * 1024 * 1024


class BodyLimit:
    """ASGI middleware that answers 413 as soon as a body is known to be too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what it brings."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
            await problem_response(TooLargeError())(scope, receive, send)
            return
        received_bytes = 0

        async def counted_receive() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > MAX_BODY_BYTES:
                # FastAPI turns any other exception met while it reads into a plain 400.
                raise HTTPException(TooLargeError.status)
            return message

        await self._app(scope, counted_receive, send)
