"""`ripieno sim line`: a production line without machines, for a daemon to run on."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from ripieno_daemon.cli.command import OK, Command
from ripieno_daemon.cli.output import Progress

from .running import CAMERA, PORT, Site, SiteSettings


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", metavar="DIR", type=Path, required=True, help="where port and camera are put")
    parser.add_argument("--camera", metavar="DIR", type=Path, help="another folder for the pictures")
    parser.add_argument("--seed", type=int, default=7, help="decides every random draw of the plant (default 7)")
    parser.add_argument("--report", metavar="FILE", type=Path, help="write what the board sees, as JSON, all the time")


def _run(arguments: argparse.Namespace) -> int:
    folder = arguments.dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    settings = SiteSettings(
        folder, (arguments.camera or folder / CAMERA).absolute(), seed=arguments.seed, report=arguments.report
    )
    Progress().say(
        f"port {folder / PORT}, pictures in {settings.camera}; the belt starts when a board is armed; Ctrl-C"
    )
    return asyncio.run(_serve(settings))


async def _serve(settings: SiteSettings) -> int:
    running = asyncio.create_task(Site(settings).run(), name="line")
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        pass
    return OK


COMMAND = Command(
    "sim line",
    "author",
    "run a simulated line (board on a pseudo-terminal, camera folder) for a daemon of yours",
    "ripieno sim line --dir /tmp/line        (then a daemon with port: /tmp/line/conveyor)",
    _arguments,
    _run,
)
