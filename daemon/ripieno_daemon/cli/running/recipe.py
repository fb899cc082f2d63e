"""`ripieno recipe`: which product is on the line, and another one from the next item on."""

from __future__ import annotations

import argparse

from ..command import NO, OK, Command
from ..output import give
from .local import add_where, ask, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", default="", help="of the device file's recipes (default: say which is in force)"
    )
    parser.epilog = (
        f"{parser.epilog}\n\nItems that have begun are decided by the recipe under which they began. It holds over\n"
        "restarts, until another is chosen: here, by a message (`recipes.chosen_by`) or from afar."
    )
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.name:
        return ask_for_a_change(arguments, "recipe", recipe=arguments.name)
    recipe = ask(arguments, "status").get("recipe")
    if recipe is None:
        give(arguments, {"ok": False, "recipe": None}, "no recipes: the device file has none, or no device is open")
        return NO
    lines = [f"{'*' if name == recipe['recipe'] else ' '} {name}" for name in recipe["products"]]
    head = recipe["wrong"] or (
        f"in force: {recipe['recipe']}" if recipe["recipe"] else "none chosen: the files' numbers"
    )
    give(arguments, {"ok": True, "recipe": recipe}, "\n".join([head, *lines]))
    return OK


COMMAND = Command(
    "recipe",
    "daily",
    "say which product is on the line; choose another from the next item on",
    "ripieno recipe thin-wall",
    _arguments,
    _run,
)
