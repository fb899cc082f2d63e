"""`ripieno sim fleet-chaos`: kill device, consumer and broker at random; is each result counted once?"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from ripieno_daemon.cli.command import NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long there is no peace (default 60)")
    parser.add_argument("--seed", type=int, default=4, help="decides who is killed when (default 4)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from .chaos import chaos

    progress = Progress()
    with tempfile.TemporaryDirectory(prefix="ripieno-chaos-") as folder:
        figures = asyncio.run(chaos(Path(folder), arguments.seconds, arguments.seed, progress.show))
    progress.clear()
    is_good = not (figures["lost"] or figures["double_counted"] or figures["strange"]) and figures["ledger_is_whole"]
    killed = ", ".join(f"{name} {times}" for name, times in figures["killed"].items())
    text = (
        f"{figures['kills']} kills ({killed}): {figures['produced']} results were durable, {figures['counted']} are"
        f" counted; {figures['lost']} lost, {figures['double_counted']} counted twice (seed {arguments.seed})"
    )
    give(arguments, figures, text)
    return OK if is_good else NO


COMMAND = Command(
    "sim fleet-chaos",
    "prove",
    "kill device, consumer and Mosquitto at random, and count whether each durable result arrived once",
    "ripieno sim fleet-chaos --seconds 60 --seed 4",
    _arguments,
    _run,
)
