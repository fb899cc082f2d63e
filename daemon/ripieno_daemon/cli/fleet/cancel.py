"""`ripieno fleet cancel`: take an order back that waits, a question that runs, or an update that is under way."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..command import NO, Command
from ..output import add_json, give
from .cmd import ask_and_tell, order
from .connection import add_fleet, add_keys, with_console, wrongly

if TYPE_CHECKING:
    from ripieno_daemon.console import Console


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_fleet(parser)
    parser.add_argument("device", metavar="DEVICE")
    parser.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        help="the order's id, as `fleet watch` and `fleet cmd` show it (without it: the update that is under way)",
    )
    add_keys(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.id is None:
        return with_console(arguments, lambda console: _update(console, arguments))
    try:
        id = bytes.fromhex(arguments.id)
    except ValueError:
        return wrongly(arguments, f"{arguments.id!r} is no id of an order: 32 hex letters")
    return order(arguments, "cancel", {"id": id}, None)


async def _update(console: Console, arguments: argparse.Namespace) -> int:
    from ripieno_daemon.console import releases

    await console.ready(device=arguments.device)
    under_way = releases.under_way(console.seen[arguments.device].state)
    if len(under_way) != 1:
        named = ", ".join(f"{name} {digest}" for name, digest in under_way.items()) or "none"
        text = f"{arguments.device}: one update should be on its way, there is {named} (name it by its digest)"
        give(arguments, {"error": "updates", "under_way": under_way}, text)
        return NO
    (digest,) = under_way.values()
    return await ask_and_tell(console, arguments, "cancel", {"id": bytes.fromhex(digest)}, None)


COMMAND = Command(
    "fleet cancel",
    "operate",
    "take back an update that is not kept yet, or an order that waits; nothing is broken off half way",
    "ripieno fleet cancel plant line-3                  (an order: its id behind it)",
    _arguments,
    _run,
)
