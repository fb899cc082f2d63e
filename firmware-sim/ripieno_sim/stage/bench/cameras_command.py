"""`ripieno bench cameras`: how soon a camera that hangs is noticed and replaced, and what that costs another one."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

from ripieno.errors import RipienoError
from ripieno_daemon.cli.command import CALLED_WRONGLY, NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give

MOST_NOTICED_MS: Final = 2000.0
MOST_CHANGE_PERCENT: Final = 5.0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stalls", type=int, default=5, help="how often one camera hangs (default 5)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from .cameras import measure

    progress = Progress()
    with tempfile.TemporaryDirectory(prefix="ripieno-cameras-") as folder:
        try:
            figures = asyncio.run(measure(Path(folder), max(1, arguments.stalls), progress.show))
        except RipienoError as error:
            progress.say(f"ripieno bench cameras: {error}")
            return CALLED_WRONGLY
    progress.clear()
    figures["missed"] = missed(figures)
    give(arguments, figures, _text(figures))
    return NO if figures["missed"] else OK


def missed(figures: dict[str, Any]) -> list[str]:
    """Return what is above its limit, a line each."""
    found = []
    if figures["noticed_ms"]["max"] > MOST_NOTICED_MS:
        found.append(f"noticed after {figures['noticed_ms']['max']} ms, wanted at most {MOST_NOTICED_MS:g}")
    if figures["other_change_percent"] > MOST_CHANGE_PERCENT:
        change = figures["other_change_percent"]
        found.append(f"the other camera's rate changes by {change} %, wanted at most {MOST_CHANGE_PERCENT:g} %")
    if not figures["other_was_left_alone"]:
        found.append("the other camera's process was replaced, too")
    return found


def _text(figures: dict[str, Any]) -> str:
    noticed, replaced, rate = figures["noticed_ms"], figures["replaced_ms"], figures["other_rate_hz"]
    lines = [
        f"a camera that hangs ({figures['stalls']} times), ms: median (longest)",
        f"  {'noticed':<24} {noticed['p50']} ({noticed['max']})",
        f"  {'pictures come again':<24} {replaced['p50']} ({replaced['max']})",
        f"the other one: {rate['before']} pictures a second, meanwhile {rate['during']} "
        f"({figures['other_change_percent']} % of change), {figures['other_pictures_missing']} missing",
    ]
    return "\n".join([*lines, *(f"MISSED: {line}" for line in figures["missed"])])


COMMAND = Command(
    "bench cameras",
    "prove",
    "let one of two cameras hang: how soon it is noticed and replaced, and what that costs the other",
    "ripieno bench cameras --stalls 5        (about 25 s; exit 1 if a limit is missed)",
    _arguments,
    _run,
)
