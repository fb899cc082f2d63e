"""`ripieno bench link-faults`: what a stuck, a flooded and an unplugged line cost the daemon's loop."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

from ripieno_daemon.cli.command import NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give

MOST_LATE_MS: Final = 20.0
MOST_CPU: Final = 0.10
MOST_GROWTH_KB: Final = 1024


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--baud", type=int, default=1_000_000, help="of the line (default 1000000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each fault lasts (default 5)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    import uvloop

    from .faults import play

    progress = Progress()
    with (
        tempfile.TemporaryDirectory(prefix="ripieno-faults-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        faults = runner.run(play(Path(folder), arguments.baud, arguments.seconds, progress.show))
    progress.clear()
    figures = {"baud": arguments.baud, "seconds": arguments.seconds, "faults": faults, "missed": missed(faults)}
    give(arguments, figures, _text(figures))
    return NO if figures["missed"] else OK


def missed(faults: dict[str, Any]) -> list[str]:
    """Return what is above its limit, a line each."""
    found = []
    for name, told in faults.items():
        if told["lateness_ms"]["p99"] >= MOST_LATE_MS:
            found.append(f"{name}: lateness p99 {told['lateness_ms']['p99']} ms, wanted below {MOST_LATE_MS:g}")
        if told["cpu_share"] >= MOST_CPU:
            found.append(f"{name}: {told['cpu_share']:.1%} of a processor, wanted below {MOST_CPU:.0%}")
        if told["rss_growth_kb"] > MOST_GROWTH_KB:
            found.append(f"{name}: {told['rss_growth_kb']} kB more memory, wanted at most {MOST_GROWTH_KB}")
    return found


def _text(figures: dict[str, Any]) -> str:
    lines = [f"{'':<10} {'lateness ms':>16} {'processor':>10} {'memory':>10} {'turns/s':>8} {'sessions':>9}"]
    for name, told in figures["faults"].items():
        late, grown = told["lateness_ms"], f"{told['rss_growth_kb']:+} kB"
        lines.append(
            f"{name:<10} {late['p50']:>7} ({late['p99']:>6}) {told['cpu_share']:>10.1%} {grown:>10}"
            f" {told['turns_per_s']:>8} {told['sessions']:>9}"
        )
    return "\n".join([*lines, *(f"MISSED: {line}" for line in figures["missed"])])


COMMAND = Command(
    "bench link-faults",
    "prove",
    "measure what a stuck, a flooded and an unplugged line cost the loop that all other devices share",
    "ripieno bench link-faults --baud 1000000        (about 25 s; exit 1 if a limit is missed)",
    _arguments,
    _run,
)
