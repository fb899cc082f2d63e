"""`ripieno fleet ls`: the devices of a fleet, who of them is there, and what each runs and tries."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..command import OK, Command
from ..output import add_json, give
from .connection import add_fleet, with_console

DAY_S, WARNED_DAYS = 86_400, 60

if TYPE_CHECKING:
    from ripieno_daemon.console import Console


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_fleet(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.ports import SystemClock
    from ripieno_daemon.trust.founding import FleetFolder

    enrolled = FleetFolder(Path(arguments.folder), SystemClock()).devices

    async def work(console: Console) -> int:
        await console.ready()
        rows = [
            row(name, console.seen[name].state if name in console.seen else {}, enrolled.get(name, {}))
            for name in sorted({*enrolled, *console.seen})
        ]
        lines = [f"{'device':<20} {'':<9} {'version':<10} {'plan':<14} orders"]
        lines += [
            f"{each['device']:<20} {each['is']:<9} {each['version'] or '':<10} {(each['plan'] or '')[:12]:<14} "
            f"{'STOPPED' if each['stopped'] else 'policy ' + str(each['policy']) if each['policy'] else 'none'}"
            for each in rows
        ]
        now_s = SystemClock().wall_ns() // 10**9
        lines += [f"{each['device']}: {text}" for each in rows for text in each.pop("lines")]
        lines += [
            f"{each['device']}: its certificate ends in {(until_s - now_s) // DAY_S} days: ripieno fleet enrol"
            for each in rows
            if each["enrolled"] and (until_s := each["certificate_until_s"]) - now_s < WARNED_DAYS * DAY_S
        ]
        give(arguments, {"devices": rows}, "\n".join(lines) if rows else "no device is enrolled")
        return OK

    return with_console(arguments, work)


def row(name: str, state: Any, enrolled: Any) -> dict[str, Any]:
    """Return what is known of a device. `is`: online, offline, silent (enrolled, never heard), revoked."""
    from ripieno_daemon.console import releases

    orders = state.get("orders") or {}
    is_ = "online" if state.get("online") else "offline" if state else "silent"
    return {
        "device": name,
        "is": "revoked" if enrolled.get("revoked") else is_,
        "version": state.get("version"),
        "plan": state.get("plan"),
        "boot": state.get("boot"),
        "policy": orders.get("policy"),
        "stopped": bool(orders.get("stopped")),
        "releases": releases.row(state),
        "lines": [text.strip() for text in releases.lines(state)],
        "enrolled": bool(enrolled) and not enrolled.get("revoked"),
        "certificate_until_s": enrolled.get("until_s"),
    }


COMMAND = Command(
    "fleet ls",
    "operate",
    "list the devices of a fleet: who is there, what each runs, who is stopped",
    "ripieno fleet ls plant",
    _arguments,
    _run,
)
