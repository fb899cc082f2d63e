"""A real HTTP server in a thread (the standard library's), which misbehaves as it is told and counts its effects."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[[BaseHTTPRequestHandler], bool]


@dataclass(slots=True)
class Service:
    """A stock system. `faults`: the first that returns True has dealt with its request. `effects`: by idempotency key;
    with `dedupes`, a key counts once.
    """

    port: int = 0
    dedupes: bool = True
    faults: list[Fault] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    bodies: list[Any] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0
    records: dict[str, Any] = field(default_factory=dict)
    release: threading.Event = field(default_factory=threading.Event)

    def take(self, handler: BaseHTTPRequestHandler) -> int:
        """Have the effect of a request, once for each key; return its status."""
        key = handler.headers.get("Idempotency-Key", "")
        length = int(handler.headers.get("Content-Length", 0))
        body = json.loads(handler.rfile.read(length))
        if self.dedupes and self.effects[key]:
            return 409
        self.effects[key] += 1
        self.bodies.append(body)
        return 201


@contextmanager
def serving(context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            service.connections += 1
            super().setup()

        def handle_any(self) -> None:
            service.requests.append((self.command, self.path, dict(self.headers)))
            for fault in list(service.faults):
                if fault(self):
                    return
            if self.command == "GET":
                found = service.records.get(self.path)
                answer(self, 404 if found is None else 200, b"" if found is None else json.dumps(found).encode())
            else:
                answer(self, service.take(self))

        do_GET = do_POST = do_PUT = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                pass  # the client has gone

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing."""

    server = Server(("127.0.0.1", port), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    service.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="stock system")
    thread.start()
    try:
        yield service
    finally:
        service.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def times(count: int, fault: Callable[[BaseHTTPRequestHandler], None]) -> Fault:
    """Let a fault happen to the next so many requests."""
    left = [count]

    def strike(handler: BaseHTTPRequestHandler) -> bool:
        if not left[0]:
            return False
        left[0] -= 1
        fault(handler)
        return True

    return strike


def cut(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def raw(words: bytes, *, then_cut: bool = True) -> Callable[[BaseHTTPRequestHandler], None]:
    """Write these bytes as they are."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(words)
        handler.wfile.flush()
        if then_cut:
            cut(handler)

    return write


def status(number: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer with a status; the request's body is read first."""

    def say(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        answer(handler, number, b"no such reason", **headers)

    return say


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
