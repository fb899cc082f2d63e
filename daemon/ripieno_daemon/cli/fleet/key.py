"""`ripieno fleet key`: a key of one more person, and the lines for the policy."""

from __future__ import annotations

import argparse
import base64
import os
from pathlib import Path

from ..command import CALLED_WRONGLY, OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a private key; made if there is none, read if there is")
    parser.add_argument("--name", metavar="NAME", help="whose it is (default: the file's name)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.trust import Signer

    path = Path(arguments.file)
    try:
        if path.exists():
            key = Signer.from_pem(path.read_bytes(), str(path))
        else:
            key = Signer.new()
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(key.pem())
    except OSError as error:
        text = f"{path}: {error.strerror}"
        give(arguments, {"error": text}, text)
        return CALLED_WRONGLY
    public = base64.b64encode(key.public).decode()
    name = arguments.name or path.stem
    lines = [
        f"# {path} is key {key.id}: for policy.toml, with what it may ask of whom; then `ripieno fleet policy FOLDER`",
        "[[key]]",
        f'name = "{name}"',
        f'public = "{public}"',
        'kinds = ["status", "why", "logs"]',
        'devices = ["*"]',
        "per_minute = 60",
    ]
    give(arguments, {"id": key.id, "public": public, "file": str(path)}, "\n".join(lines))
    return OK


COMMAND = Command(
    "fleet key",
    "operate",
    "make a key to sign orders with, and print its lines for policy.toml",
    "ripieno fleet key anna.pem --name anna",
    _arguments,
    _run,
)
