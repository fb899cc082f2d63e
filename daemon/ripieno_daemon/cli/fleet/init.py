"""`ripieno fleet init`: authority, keys, policy and a broker's configuration for a new fleet, in one go."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..command import OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="a new folder; whoever has it commands the fleet")
    parser.add_argument("--fleet", metavar="NAME", help="the fleet's name in its topics (default: the folder's name)")
    parser.add_argument(
        "--host",
        metavar="NAME",
        action="append",
        help="a name or address that devices reach the broker by; may be repeated (default: localhost, 127.0.0.1)",
    )
    parser.add_argument("--listen", metavar="ADDRESS", default="127.0.0.1", help="default: this machine alone")
    parser.add_argument("--port", type=int, default=8883, help="default 8883")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.ports import SystemClock
    from ripieno_daemon.trust.founding import found

    root = Path(arguments.folder)
    hosts = arguments.host or ["localhost", "127.0.0.1"]
    folder = found(
        root, arguments.fleet or root.absolute().name, hosts, arguments.listen, arguments.port, SystemClock()
    )
    operator = folder.signer("operator")
    result = {
        "folder": str(root),
        "fleet": folder.fleet,
        "hosts": list(folder.hosts),
        "port": folder.port,
        "operator_key": operator.id,
        "broker": str(root / "broker/mosquitto.conf"),
    }
    text = "\n".join(
        [
            f"fleet {folder.fleet} is in {root}: keep it as you keep a key (keys/root.pem best on a stick in a drawer)",
            f"broker:     mosquitto -c {root}/broker/mosquitto.conf",
            f"consumer:   ripieno consume --fleet {root} --into results.sqlite",
            f"a device:   ripieno fleet enrol {root} --device NAME",
            f"look:       ripieno fleet ls {root}",
        ]
    )
    give(arguments, result, text)
    return OK


COMMAND = Command(
    "fleet init",
    "operate",
    "make authority, keys, policy and Mosquitto's configuration for a new fleet",
    "ripieno fleet init plant --host broker.example.org --listen 0.0.0.0",
    _arguments,
    _run,
)
