"""The reference page of the commands, from their parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from .command import GROUPS, Command


def commands_page(ours: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines. `ours`: how the modules begin whose commands are told."""
    from .main import every_command

    commands = sorted(every_command(ours), key=lambda command: command.name)
    yield "# Commands"
    yield ""
    yield "Exit codes: 0 ok, 1 the answer is no, 2 called wrongly. `--json FILE` writes the result for programs,"
    yield "to standard output where FILE is `-`."
    for group, title in GROUPS.items():
        members = [command for command in commands if command.group == group]
        if not members:
            continue
        yield ""
        yield f"## {title}"
        for command in members:
            yield from _command(command)


def _command(command: Command) -> Iterator[str]:
    from ripieno.language.reference import table

    parser = argparse.ArgumentParser(prog=f"ripieno {command.name}", add_help=False)
    command.arguments(parser)
    actions = [action for action in parser._actions if action.help is not argparse.SUPPRESS]  # no public way to them
    yield ""
    yield f"### ripieno {command.name}"
    yield ""
    yield f"{command.summary[0].upper()}{command.summary[1:]}."
    yield ""
    yield from ["```", *command.example.split("\n"), "```"]
    if actions:
        yield ""
        yield from table(("argument", "meaning"), [(f"`{_shown(action)}`", _meaning(action)) for action in actions])


def _shown(action: argparse.Action) -> str:
    """Return an argument as it is typed."""
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    if isinstance(value, tuple):
        value = " ".join(value)
    if not action.option_strings:
        return {"?": f"[{value}]", "*": f"[{value} ...]", "+": f"{value} ..."}.get(str(action.nargs), value)
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {value}"


def _meaning(action: argparse.Action) -> str:
    given = {"default": action.default, "prog": "ripieno", "choices": action.choices, "metavar": action.metavar}
    text = (action.help or "") % given
    plain = isinstance(action.default, (int, float, str)) and not isinstance(action.default, bool)
    if plain and "default" not in text and action.default != "":
        text += f" (default: {action.default})"
    return text + (" (must be given)" if action.required and action.option_strings else "")
