"""A local server that speaks the Messages API as far as the worker uses it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = dict[str, Any]
Script = Callable[[dict[str, Any], int], Reply]


def tool_call(**tool_input: Any) -> Reply:
    block = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "propose_experiment",
        "input": tool_input,
    }
    return message([block], stop_reason="tool_use")


def text(words: str, **overrides: Any) -> Reply:
    return message([{"type": "text", "text": words}], **overrides)


def message(content: list[dict[str, Any]], **overrides: Any) -> Reply:
    return {
        "status": 200,
        "body": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": content,
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 1000,
                "output_tokens": 200,
                "cache_creation_input_tokens": 4000,
                "cache_read_input_tokens": 8000,
            },
            **overrides,
        },
    }


def failure(status: int, kind: str, **headers: str) -> Reply:
    body = {"type": "error", "error": {"type": kind, "message": "no"}}
    return {"status": status, "body": body, "headers": headers}


class Stub(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(request)
        self.server.headers.append({name.lower(): self.headers[name] for name in self.headers})
        reply = self.server.script(request, len(self.server.requests))
        if reply.get("stall"):
            self.server.released.wait(20)
        if reply.get("stall") or reply.get("cut"):
            self.close_connection = True
            return
        body = json.dumps(reply["body"]).encode()
        with suppress(ConnectionError):
            self.send_response(reply["status"])
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            for name, value in reply.get("headers", {}).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if reply.get("half") else body)
        self.close_connection = bool(reply.get("half"))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def messages_api(script: Script) -> Iterator[Stub]:
    stub = Stub(script)
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        stub.released.set()
        stub.shutdown()
        stub.server_close()
        thread.join()
