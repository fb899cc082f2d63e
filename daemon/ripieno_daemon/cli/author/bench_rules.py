"""`ripieno bench rules`: what deciding costs on this machine."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from ..command import NO, OK, Command
from ..output import Progress, add_json, give

ROUNDS, CALLS = 15, 400_000
QUICK_ROUNDS, QUICK_CALLS = 3, 20_000


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: the figures scatter more")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    import uvloop

    from ripieno_daemon.benches import measure, missed

    rounds, calls = (QUICK_ROUNDS, QUICK_CALLS) if arguments.quick else (ROUNDS, CALLS)
    progress = Progress()
    with (
        tempfile.TemporaryDirectory(prefix="ripieno-bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        figures = runner.run(measure(Path(folder), rounds, calls, progress.show))
    progress.clear()
    figures["missed"] = missed(figures)
    give(arguments, figures, _text(figures))
    return NO if figures["missed"] else OK


def _text(figures: dict[str, Any]) -> str:
    lines = [
        f"medians of {figures['rounds']} rounds, CPU time; a plain call takes {figures['plain_us']:.3f} us",
        f"  {'a rule of two operands':<36} {figures['rule_us']:.3f} us, {figures['rule_ratio']:g} plain calls",
        f"  {'300 rules on one input, in the engine':<36} {figures['evaluations_per_s_300']:,} evaluations/s,"
        f" {figures['evaluation_ratio_300']:g} plain calls each",
        f"  {'the same without the engine':<36} {figures['evaluations_per_s_300_without_engine']:,} evaluations/s,"
        f" {figures['evaluation_ratio_300_without_engine']:g} plain calls each",
        f"  {'an event with one rule and its record':<36} {figures['event_us']:.1f} us,"
        f" {figures['event_ratio']:g} plain calls ({figures['events_per_commit']} events in a commit)",
        f"  {'8,000 rules':<36} {figures['rss_mb_8000']:g} MB ({figures['rss_mb_1']:g} MB with one rule;"
        f" {figures['peak_mb_8000']:g} MB at most), built in {figures['build_s_8000']:.1f} s",
    ]
    return "\n".join([*lines, *(f"MISSED: {line}" for line in figures["missed"])])


COMMAND = Command(
    "bench rules",
    "prove",
    "measure what a rule, 300 rules on one input, an event with its record, and 8,000 rules cost",
    "ripieno bench rules --json -        (about 30 s; exit 1 if a median misses its goal)",
    _arguments,
    _run,
)
