"""What replay, why and why-not have in common on the command line: the ledger, and a plan from outside."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..command import CALLED_WRONGLY
from ..output import give

if TYPE_CHECKING:
    from ripieno.plan import Plan
    from ripieno_daemon.inquiry import Past


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device FILE`."""
    parser.add_argument("--device", metavar="FILE", help="takes the plan from a device file; for old ledgers without")


def inquire(
    arguments: argparse.Namespace, state: str, ask: Callable[[Past, Plan | None], tuple[int, dict[str, Any], str]]
) -> int:
    """Open the ledger, ask, and give the answer; a question that it cannot answer ends with exit code 2."""
    from ripieno_daemon.compiling import compile_in_child
    from ripieno_daemon.inquiry import CannotAnswer, opened

    path = Path(state)
    if not (path / "ledger.sqlite").is_file() and not (path.is_file() and path.suffix == ".sqlite"):
        give(arguments, {"error": f"{path}: no ledger here"}, f"{path}: no ledger here; name a state directory")
        return CALLED_WRONGLY
    given = asyncio.run(compile_in_child(arguments.device)) if arguments.device else None
    try:
        with opened(path) as past:
            code, result, text = ask(past, given)
    except CannotAnswer as error:
        give(arguments, {"error": str(error)}, str(error))
        return CALLED_WRONGLY
    give(arguments, result, text)
    return code
