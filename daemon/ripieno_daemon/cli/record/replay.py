"""`ripieno replay`: would the same be decided again, from what is recorded?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..command import CALLED_WRONGLY, NO, OK, Command
from ..output import add_json, give
from .inquiring import add_device, inquire

if TYPE_CHECKING:
    from ripieno.plan import Plan
    from ripieno_daemon.inquiry import Past


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("state", metavar="STATE_DIR", help="the daemon's state directory, or its ledger file")
    parser.add_argument(
        "--pictures", metavar="DIR", help="show those recorded pictures that are here to the model again"
    )
    parser.add_argument("--bundle", metavar="DIR", help="show recorded texts and numbers to its model again")
    parser.add_argument("--runtime", choices=["litert", "tflite"], help="else the one with the recorded fingerprint")
    add_device(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.pictures and not (arguments.bundle or arguments.device):
        give(arguments, {"error": "no bundle"}, "--pictures needs --bundle DIR (or --device FILE): where is the model?")
        return CALLED_WRONGLY
    return inquire(arguments, arguments.state, lambda past, given: _ask(arguments, past, given))


def _ask(arguments: argparse.Namespace, past: Past, given: Plan | None) -> tuple[int, dict[str, Any], str]:
    from ripieno_daemon.inquiry.replay import replay, text

    result = replay(past, given)
    said = text(result)
    if arguments.pictures or arguments.bundle:
        from ripieno_daemon.bundles import open_bundle
        from ripieno_daemon.inquiry import shown_again

        bundle = open_bundle(arguments.bundle or (given.pipelines[0].bundle if given else ""))
        folder = Path(arguments.pictures) if arguments.pictures else None
        shown = shown_again.show_again(past, bundle, folder, arguments.runtime, given)
        said = f"{said}\n{shown_again.text(shown)}"
        result |= {
            "grade": shown["grade"],
            "mismatches": result["mismatches"] + shown["mismatches"],
            "flips": [*result["flips"], *shown["flips"]],
            "pictures": shown,
        }
    result["cut_short"] = past.cut()
    if result["cut_short"]:
        said = f"CUT SHORT {result['cut_short']} (ripieno ledger verify)\n{said}"
    return NO if result["mismatches"] or result["cut_short"] else OK, result, said


COMMAND = Command(
    "replay",
    "prove",
    "make every recorded decision again from what came in, and name those that differ",
    "ripieno replay /var/lib/ripieno",
    _arguments,
    _run,
)
