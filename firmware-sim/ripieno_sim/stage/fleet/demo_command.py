"""`ripieno fleet demo`: one device of a fleet over a real broker: releases, a setting, a stop, every part."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from ripieno_daemon.cli.command import CALLED_WRONGLY, NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give

LEAST_PARTS = 80
LONGEST_WHY = 90


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--parts", type=int, default=150, help=f"how many parts come at least (default 150, {LEAST_PARTS} or more)"
    )
    parser.add_argument("--seed", type=int, default=7, help="decides every random draw of the plant (default 7)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.parts < LEAST_PARTS:
        text = (
            f"--parts {arguments.parts}: {LEAST_PARTS} or more, so that there are some before, during and after a stop"
        )
        give(arguments, {"error": text}, text)
        return CALLED_WRONGLY
    import uvloop

    from .demo import demo

    progress = Progress()
    with (
        tempfile.TemporaryDirectory(prefix="ripieno-fleet-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        figures = runner.run(demo(Path(folder), arguments.parts, arguments.seed, progress.show))
    progress.clear()
    figures["broken"] = broken(figures)
    give(arguments, figures, _text(figures))
    return NO if figures["broken"] else OK


def broken(figures: dict[str, Any]) -> list[str]:
    """Return which promises did not hold."""
    results = figures["results"]
    promises = {
        "a result was lost": results["lost"] == 0,
        "a result was counted twice": results["duplicated"] == 0,
        "a row was counted that the device never made": results["strange"] == 0,
        "a part has no end, or no decision": figures["parts_unaccounted"] == 0,
        "the gate opened while the line was stopped": figures["opened_while_stopped"] == 0,
        "the device does not say that it is stopped": figures["stopped"],
        "a decision comes out otherwise when it is made again": figures["replay"]["mismatches"] == 0,
        "the ledger's chain is broken": figures["ledger_is_whole"],
        "a good release was not kept": figures["updated"] and figures["runs"],
        "a bad release was not refused by its self-test": figures["refused"],
        "what only the line finds out was not reverted": figures["reverted"],
        "a release that was taken back was not given up": figures["cancelled"],
    }
    return [promise for promise, held in promises.items() if not held]


def _text(figures: dict[str, Any]) -> str:
    results, setting, again = figures["results"], figures["setting"], figures["replay"]
    lines = [
        f"{figures['parts']} parts, {figures['parts_unaccounted']} unaccounted for; {figures['broker']} with TLS",
        *_updates(figures),
        f"  setting   {setting['name']}: {setting['from']} -> {setting['to']}, in force after {setting['ms']} ms",
        f"  stop      answered after {figures['stop_ms']} ms; the gate opened {figures['opened_while_stopped']} times"
        " until a person at the device cleared it",
        f"  results   {results['produced']} durable on the device, {results['counted']} counted by the consumer,"
        f" {results['lost']} lost, {results['duplicated']} counted twice",
        f"  record    {again['decisions']} decisions made again, {again['mismatches']} otherwise",
    ]
    return "\n".join([*lines, *(f"BROKEN: {line}" for line in figures["broken"])])


def _updates(figures: dict[str, Any]) -> list[str]:
    lines = [f"  trial     {figures['trial']} in the device file"]
    for name, one in figures["updates"].items():
        why = f": {one['why'][:LONGEST_WHY]}" if one["why"] else ""
        lines.append(f"  {name:<9} {one['version']} {one['ended']}{why}")
    if figures["back_ms"] is not None:
        lines.append(f"            the release before decided again {figures['back_ms']} ms after the verdict")
    return lines


COMMAND = Command(
    "fleet demo",
    "prove",
    "watch one device of a fleet over Mosquitto with TLS: releases, a setting, a stop, every part and result",
    "ripieno fleet demo --parts 150        (about 80 s; exit 1 if a promise did not hold)",
    _arguments,
    _run,
)
