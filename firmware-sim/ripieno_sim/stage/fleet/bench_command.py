"""`ripieno bench fleet`: how many results a second, how long a commit and a command take, on this machine."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from ripieno_daemon.cli.command import NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give

LEAST = {"results_per_s": 10_000}
MOST = {"insert_wait_ms.p99": 20.0, "loop_stall_ms.max": 10.0, "command_ms.p50": 2.0, "command_ms.p99": 10.0}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", type=int, default=50_000, help="how many results (default 50000)")
    parser.add_argument("--commands", type=int, default=1000, help="how many commands (default 1000)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    import uvloop

    from .bench import measure

    progress = Progress()
    with (
        tempfile.TemporaryDirectory(prefix="ripieno-bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        figures = runner.run(measure(Path(folder), arguments.results, arguments.commands, progress.show))
    progress.clear()
    figures["missed"] = missed(figures)
    give(arguments, figures, _text(figures))
    return NO if figures["missed"] else OK


def missed(figures: dict[str, Any]) -> list[str]:
    """Return what is not reached, a line each."""

    def of(name: str) -> float:
        value: Any = figures
        for part in name.split("."):
            value = value[part]
        return float(value)

    few = [f"{name}: {of(name):g}, wanted at least {least}" for name, least in LEAST.items() if of(name) < least]
    return few + [f"{name}: {of(name):g}, wanted at most {most:g}" for name, most in MOST.items() if of(name) > most]


def _text(figures: dict[str, Any]) -> str:
    cpu = figures["cpu_us_per_result"]
    wait, stall, command = figures["insert_wait_ms"], figures["loop_stall_ms"], figures["command_ms"]
    lines = [
        f"{figures['results']} results, each in the consumer's database and receipted, TLS on both sides",
        f"  results a second       {figures['results_per_s']}",
        f"  until durable          p50 {wait['p50']} ms, p99 {wait['p99']} ms",
        f"  the loop stood still   p99 {stall['p99']} ms, longest {stall['max']} ms",
        f"  a signed command       p50 {command['p50']} ms, p99 {command['p99']} ms",
        f"  processor time each    device {cpu['device']} us, consumer {cpu['consumer']} us, broker {cpu['broker']} us",
        f"  load of this machine   {figures['load']}",
    ]
    return "\n".join([*lines, *(f"MISSED: {line}" for line in figures["missed"])])


COMMAND = Command(
    "bench fleet",
    "prove",
    "measure results a second, the wait for the disk and a signed command's round trip, over Mosquitto with TLS",
    "ripieno bench fleet --results 20000        (about 10 s; exit 1 if a figure misses its limit)",
    _arguments,
    _run,
)
