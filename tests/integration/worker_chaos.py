"""A line between worker and coordinator that fails in every way a line can."""

import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

STALL_S = 1.0  # longer than the worker's patience in these tests


class Line:
    """What the line does to the next request; calm at first."""

    def __init__(self, seed: int) -> None:
        self.target = ""
        self.trouble = 0.0  # the share of requests that something happens to
        self.counts: Counter[str] = Counter()
        self.closing = threading.Event()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def next_mode(self) -> str:
        with self._lock:
            is_trouble = self._random.random() < self.trouble
            mode = self._random.choice(MODES) if is_trouble else "pass"
            self.counts[mode] += 1
            return mode


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def relay(self) -> None:
        mode = self.server.line.next_mode()
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if mode in TROUBLE_BEFORE:
            TROUBLE_BEFORE[mode](self)
            return
        try:
            answer = self.forward(body)
        except httpx.TransportError:
            self.cut()  # the coordinator is dead
            return
        if mode == "lost answer":
            self.cut()
            return
        kept = len(answer.content) // 2 if mode == "half a response" else None
        media_type = answer.headers.get("content-type", "text/plain")
        self.answer(answer.status_code, answer.content, media_type, kept)

    def __getattr__(self, name: str):
        if name.startswith("do_"):
            return self.relay
        raise AttributeError(name)

    def forward(self, body: bytes) -> httpx.Response:
        names = [name for name in ("authorization", "content-type") if name in self.headers]
        headers = {name: self.headers[name] for name in names}
        url = f"{self.server.line.target}{self.path}"
        return httpx.request(self.command, url, content=body, headers=headers, timeout=20)

    def answer(self, status: int, body: bytes, media_type: str, kept: int | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if kept is None else body[:kept])
        self.close_connection = kept is not None

    def hang_up(self) -> None:
        self.close_connection = True

    def cut(self) -> None:
        """Reset the connection: no FIN, the rest is lost."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def stall(self) -> None:
        self.server.line.closing.wait(STALL_S)
        self.close_connection = True

    def fail(self) -> None:
        self.answer(500, b"oops", "text/plain")

    def handle(self) -> None:
        with suppress(ConnectionError):  # the worker was killed meanwhile
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


TROUBLE_BEFORE = {
    "refuse": Handler.hang_up,
    "reset": Handler.cut,
    "stall": Handler.stall,
    "500": Handler.fail,
}
MODES = [*TROUBLE_BEFORE, "lost answer", "half a response"]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, line: Line) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.line = line

    def shutdown_request(self, request) -> None:
        self.close_request(request)  # without the polite shutdown, so that a reset is one


@contextmanager
def troubled_line(seed: int) -> Iterator[tuple[str, Line]]:
    """Yield the URL of the line and what steers it."""
    line = Line(seed)
    server = Server(line)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", line
    finally:
        line.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
