"""`ripieno doctor`: does this machine have what the daemon needs?"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from ripieno_daemon.checkup import BAD, GOOD, Finding, checkup

from ..command import NO, OK, Command
from ..output import Progress, add_json, give

USUAL = Path("/etc/ripieno/device.yaml")
SIGNS = {"good": "  ok ", "warn": "warn ", "bad": " BAD "}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", metavar="FILE", help=f"the device file (default: {USUAL}, if there is one)")
    parser.add_argument("--dev", type=Path, default=Path("/dev"), help=argparse.SUPPRESS)
    parser.add_argument("--proc", type=Path, default=Path("/proc"), help=argparse.SUPPRESS)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    device = arguments.device or (str(USUAL) if USUAL.is_file() else None)
    findings = asyncio.run(_all(device, arguments))
    wrong = sum(one.how == BAD for one in findings)
    lines = [_line(one) for one in findings]
    lines.append(f"{wrong} to be mended" if wrong else "nothing must be mended")
    give(arguments, {"ok": not wrong, "findings": [one.as_map() for one in findings]}, "\n".join(lines))
    return NO if wrong else OK


async def _all(device: str | None, arguments: argparse.Namespace) -> list[Finding]:
    progress, found = Progress(), []
    async for finding in checkup(device, arguments.dev, arguments.proc):
        found.append(finding)
        progress.show(f"{len(found)} looked at: {finding.about}")
    progress.clear()
    return found


def _line(finding: Finding) -> str:
    mend = f"\n      -> {finding.mend}" if finding.how != GOOD else ""
    return f"{SIGNS[finding.how]}{finding.about}: {finding.text}{mend}"


COMMAND = Command(
    "doctor",
    "operate",
    "try models, ports, cameras, disk, clock, permissions and broker; each finding with its mend",
    "ripieno doctor --device /etc/ripieno/device.yaml",
    _arguments,
    _run,
)
