"""`ripieno fleet cancel`: take an order back that waits, or break off a question that runs."""

from __future__ import annotations

import argparse

from .command import Command
from .fleet_cmd import order
from .fleet_connection import add_fleet, add_keys, wrongly
from .output import add_json


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_fleet(parser)
    parser.add_argument("device", metavar="DEVICE")
    parser.add_argument("id", metavar="ID", help="the order's id, as `fleet watch` and `fleet cmd` show it")
    add_keys(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    try:
        id = bytes.fromhex(arguments.id)
    except ValueError:
        return wrongly(arguments, f"{arguments.id!r} is no id of an order: 32 hex letters")
    return order(arguments, "cancel", {"id": id}, None)


COMMAND = Command(
    "fleet cancel",
    "operate",
    "take back an order that waits on a device; what is being done is not broken off half way",
    "ripieno fleet cancel plant line-3 5ee2e60d9445a8c1e8cf5f9337a361d8",
    _arguments,
    _run,
)
