"""`ripieno check`: what is wrong in a device file, a bundle or a pipeline file, all of it at once."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path

from ripieno_daemon.compiling import check

from ..command import CALLED_WRONGLY, NO, OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", metavar="PATH", help="a device file or its folder, a bundle's folder, or a pipeline file"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    if not Path(arguments.path).exists():
        give(arguments, {"errors": [], "error": "no such file"}, f"{arguments.path}: no such file or folder")
        return CALLED_WRONGLY
    problems = asyncio.run(check(_named(Path(arguments.path))))
    count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
    text = "\n".join([*map(str, problems), count]) if problems else f"{arguments.path}: good"
    give(arguments, {"path": arguments.path, "errors": [asdict(problem) for problem in problems]}, text)
    return NO if problems else OK


def _named(path: Path) -> str:
    """Return the file that is meant by a folder: a bundle's is the folder itself, a device's its device.yaml."""
    device_file = path / "device.yaml"
    return str(device_file if device_file.is_file() and not (path / "pipeline.yaml").exists() else path)


COMMAND = Command(
    "check",
    "daily",
    "say everything that is wrong in a file, each with its place and the mend",
    "ripieno check pipelines/bundles/quality-control",
    _arguments,
    _run,
)
