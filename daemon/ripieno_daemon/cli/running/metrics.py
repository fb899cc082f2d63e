"""`ripieno metrics`: the daemon's metrics in Prometheus' text format, once or over HTTP.

HTTP is a process of its own that asks the local socket: what comes from the network never reaches the control process.
"""

from __future__ import annotations

import argparse
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ripieno_daemon.metrics import CONTENT_TYPE
from ripieno_daemon.ports.local_socket import NobodyAnswers

from ..command import OK, Command
from ..output import give
from .local import add_where, ask

TEXT = "text/plain; charset=utf-8"
ANSWER_S = 10.0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--serve",
        metavar="HOST:PORT",
        type=_address,
        help="answer GET /metrics, /healthz (it serves) and /readyz (an act is possible) until Ctrl-C",
    )
    add_where(parser)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"HOST:PORT is expected, such as 127.0.0.1:9464; {text!r} came")
    return host.strip("[]"), int(port)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.serve is not None:
        return _serve(arguments)
    answer = ask(arguments, "metrics")
    give(arguments, answer, answer["text"].rstrip("\n"))
    return OK


def _serve(arguments: argparse.Namespace) -> int:
    server = server_for(arguments)
    print(f"http://{arguments.serve[0]}:{server.server_port}/metrics", file=sys.stderr, flush=True)
    with server:
        server.serve_forever()
    return OK


def server_for(arguments: argparse.Namespace) -> ThreadingHTTPServer:
    """Return a server that listens at `arguments.serve` and asks the daemon that the other arguments name."""

    class Scrape(BaseHTTPRequestHandler):
        """One request."""

        timeout = ANSWER_S

        def do_GET(self) -> None:
            """Answer one of the three paths."""
            try:
                status, kind, text = _answer(arguments, self.path)
            except NobodyAnswers as error:
                status, kind, text = 503, TEXT, f"{error}\n"
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: object) -> None:
            """A scrape every few seconds is no news."""

    return ThreadingHTTPServer(arguments.serve, Scrape)


def _answer(arguments: argparse.Namespace, path: str) -> tuple[int, str, str]:
    if path == "/metrics":
        return 200, CONTENT_TYPE, str(ask(arguments, "metrics")["text"])
    if path in ("/healthz", "/readyz"):
        told = ask(arguments, "health")
        well = told["healthy" if path == "/healthz" else "ready"]
        return (200 if well else 503), TEXT, f"{told['phase']}\n"
    return 404, TEXT, "there are /metrics, /healthz and /readyz\n"


COMMAND = Command(
    "metrics",
    "operate",
    "print the daemon's metrics in Prometheus' text format, or serve them",
    "ripieno metrics --serve 127.0.0.1:9464        (a process of its own; also /healthz and /readyz)",
    _arguments,
    _run,
)
