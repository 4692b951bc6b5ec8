"""A service on loopback that speaks ``POST /embeddings``, and answers as a test tells it to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMS = 4


@dataclass(frozen=True)
class Answer:
    """What the service says to one request."""

    status: int = 200
    body: str | None = None
    """None: the vectors that were asked for, in reverse order."""
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0
    dims: int = DIMS


@dataclass
class Service:
    """The service: ``script`` answers the next requests, after that it does what it should."""

    url: str
    script: list[Answer] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)

    @property
    def batches(self) -> list[int]:
        """How many texts each request held."""
        return [len(request["input"]) for request in self.asked]


def vector_of(text: str, dims: int = DIMS) -> list[float]:
    """The vector that the service makes of a text: told apart by length and first letter."""
    return [float(len(text)), float(ord(text[0])), *[1.0] * (dims - 2)]


@contextmanager
def serving() -> Iterator[Service]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.asked.append(request | {"path": self.path})
            service.sent.append(dict(self.headers))
            answer = service.script.pop(0) if service.script else Answer()
            if answer.after_s:
                time.sleep(answer.after_s)
            body = answer.body if answer.body is not None else _embedded(request["input"], answer.dims)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that gave up waiting is part of the test."""

    server = Server(("127.0.0.1", 0), Handler)
    service = Service(f"http://user:secret@127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _embedded(texts: list[str], dims: int) -> str:
    data = [{"index": place, "embedding": vector_of(text, dims)} for place, text in enumerate(texts)]
    return json.dumps({"object": "list", "data": data[::-1], "model": "tiny"})
