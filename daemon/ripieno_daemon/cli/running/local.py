"""How a command finds the running daemon: its local socket, by where it is or by the state directory."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from ripieno_daemon.ports.local_socket import LocalClient

from ..command import NO, OK
from ..output import add_json, give

SOCKET = "/run/ripieno/control.sock"


def add_where(parser: argparse.ArgumentParser) -> None:
    """Add `--socket`, `--state` and `--json`."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--socket", metavar="PATH", type=Path, help=f"the daemon's socket (default: $RIPIENO_SOCKET, else {SOCKET})"
    )
    where.add_argument(
        "--state", metavar="DIR", type=Path, help="the state directory of a daemon that was started by hand"
    )
    add_json(parser)


def connected(arguments: argparse.Namespace) -> LocalClient:
    """Return a line to the daemon. Raises NobodyAnswers."""
    if arguments.state is not None:
        return LocalClient(arguments.state / "control.sock")
    return LocalClient(arguments.socket or Path(os.environ.get("RIPIENO_SOCKET", SOCKET)))


def ask(arguments: argparse.Namespace, what: str, **more: object) -> dict[str, Any]:
    """Ask one thing. Raises NobodyAnswers."""
    client = connected(arguments)
    try:
        return client.ask(what, **more)
    finally:
        client.close()


def ask_for_a_change(arguments: argparse.Namespace, what: str, **more: object) -> int:
    """Ask for a change, say what became of it, and return the exit code."""
    answer = ask(arguments, what, **more)
    lines = [answer.get("text", "")] if answer["ok"] else [f"no: {answer['why']}"]
    lines += [f"  {line}" for line in answer.get("problems", [])]
    lines += [f"  {line}" for line in answer.get("changed", [])]
    lines += [f"warning: {answer['warning']}"] if "warning" in answer else []
    give(arguments, answer, "\n".join(line for line in lines if line))
    return OK if answer["ok"] else NO
