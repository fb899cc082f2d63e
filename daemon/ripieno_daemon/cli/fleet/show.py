"""`ripieno fleet show`: one device: its state, its releases, its settings as they are wanted and as they are."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..command import OK, Command
from ..output import add_json, give
from .connection import add_fleet, with_console

if TYPE_CHECKING:
    from ripieno_daemon.console import Console


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_fleet(parser)
    parser.add_argument("device", metavar="DEVICE")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    async def work(console: Console) -> int:
        from ripieno_daemon.console import releases

        await console.ready()
        await console.ready(device=arguments.device)
        seen = console.seen[arguments.device]
        result = {
            "device": arguments.device,
            "state": plain(seen.state),
            "releases": plain(releases.row(seen.state)),
            "settings": plain(seen.report),
        }
        lines = [f"{arguments.device}: {'online' if seen.state.get('online') else 'offline'}"]
        told = {key: value for key, value in plain(seen.state).items() if key not in ("online", "releases")}
        lines += [f"  {key:<10} {value}" for key, value in sorted(told.items())]
        lines += releases.lines(seen.state)
        if seen.report:
            lines.append(f"settings, revision {seen.report.get('rev')}: {seen.report.get('status')}")
            lines += [f"  REFUSED {key or 'all'}: {text}" for key, text in seen.report.get("reasons", {}).items()]
            local = seen.report.get("local", [])
            lines += [
                f"  {key} = {value}{'   (changed at the device)' if key in local else ''}"
                for key, value in sorted(seen.report.get("effective", {}).items())
            ]
        give(arguments, result, "\n".join(lines))
        return OK

    return with_console(arguments, work)


def plain(value: Any) -> Any:
    """Return a value for JSON: bytes as hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


COMMAND = Command(
    "fleet show",
    "operate",
    "show one device: its state, its releases, its settings as they are wanted and as they are",
    "ripieno fleet show plant line-3",
    _arguments,
    _run,
)
