"""`ripieno bench link`: how long the link takes on this machine."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from ripieno.errors import DeviceError
from ripieno_daemon.cli.command import CALLED_WRONGLY, NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give

WANTED_MS = {
    115_200: {"issue_to_pin_ms": 3.0, "pin_error_ms": 0.3},
    1_000_000: {"issue_to_pin_ms": 1.0, "pin_error_ms": 0.3},
}
"""Medians to reach, by baud rate; the other limits are the same at every rate."""
WANTED_ALWAYS_MS = {"silence_noticed_ms": 400.0, "safe_after_host_death_ms": 350.0}
WANTED_BACK_MS = 20.0
WANTED_OF_QEMU_MS = {"issue_to_done_ms": 10.0, **WANTED_ALWAYS_MS}
"""An emulated processor is late by milliseconds that say nothing of the link."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--baud", type=int, default=115_200, help="of the line (default 115200)")
    parser.add_argument(
        "--target",
        choices=["pty", "host", "qemu"],
        default="pty",
        help="the Python board, the firmware as a process, the firmware's Cortex-M image in QEMU",
    )
    parser.add_argument("--acts", type=int, default=200, help="acts of each kind (default 200)")
    parser.add_argument("--times", type=int, default=10, help="resets, restarts and silences, each (default 10)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    import uvloop

    from .measure import measure

    progress = Progress()
    with tempfile.TemporaryDirectory(prefix="ripieno-bench-") as folder:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                figures = runner.run(
                    measure(
                        arguments.target, Path(folder), arguments.baud, arguments.acts, arguments.times, progress.show
                    )
                )
        except DeviceError as error:
            progress.say(f"ripieno bench link: {error}")
            return CALLED_WRONGLY
    progress.clear()
    figures = {"target": arguments.target, "baud": arguments.baud, **figures}
    figures["missed"] = missed(figures)
    give(arguments, figures, _text(figures))
    return NO if figures["missed"] else OK


def missed(figures: dict[str, Any]) -> list[str]:
    """Return the medians that are above what the link should reach, a line each."""
    is_emulated = figures["target"] == "qemu"
    wanted = WANTED_OF_QEMU_MS if is_emulated else {**WANTED_MS.get(figures["baud"], {}), **WANTED_ALWAYS_MS}
    measured = {name: figures[name] for name in wanted}
    for what, spread in figures["session_back_ms"].items() if not is_emulated else ():
        name = f"session_back_ms after a {what.replace('_', ' ')}"
        wanted[name], measured[name] = WANTED_BACK_MS, spread
    found = [
        f"{name}: median {measured[name]['p50']}, wanted at most {most}"
        for name, most in wanted.items()
        if measured[name]["p50"] is None or measured[name]["p50"] > most
    ]
    return found + ([f"frames_lost: {figures['frames_lost']}, wanted none"] if figures["frames_lost"] else [])


def _text(figures: dict[str, Any]) -> str:
    lines = [f"link to {figures['target']} at {figures['baud']} baud, ms: median (p99)"]
    for name, told in figures.items():
        for part, spread in told.items() if isinstance(told, dict) and "p50" not in told else [("", told)]:
            if isinstance(spread, dict):
                title = f"{name.removesuffix('_ms').replace('_', ' ')} {part.replace('_', ' ')}".strip()
                lines.append(f"  {title:<36} {spread['p50']} ({spread['p99']})")
    lines += [f"  {name.replace('_', ' '):<36} {figures[name]}" for name in ("frames_lost", "frames_answered_late")]
    return "\n".join([*lines, *(f"MISSED: {line}" for line in figures["missed"])])


COMMAND = Command(
    "bench link",
    "prove",
    "measure from the call to the pin, to the answer, and back to a session, through a paced line",
    "ripieno bench link --baud 115200 --target pty        (about 30 s; exit 1 if a median misses its limit)",
    _arguments,
    _run,
)
