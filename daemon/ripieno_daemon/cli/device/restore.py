"""`ripieno restore`: a device becomes what a backup says, and begins anew from there."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..command import NO, OK, Command
from ..output import Progress, add_json, give

STATE = Path("/var/lib/ripieno")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="as `ripieno backup` wrote it")
    parser.add_argument(
        "--state", metavar="DIR", type=Path, default=STATE, help=f"the state directory (default {STATE})"
    )
    parser.add_argument(
        "--device-dir", metavar="DIR", type=Path, help="also put the device file and its bundles there (/etc/ripieno)"
    )
    parser.add_argument(
        "--replace", action="store_true", help="in the place of what is there; the old state is kept beside it"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.backup import BadBackup, restore
    from ripieno_daemon.backup.restoring import NotRestored
    from ripieno_daemon.ports import SystemClock, SystemEntropy

    progress = Progress()
    try:
        done = restore(
            arguments.file,
            arguments.state,
            arguments.device_dir,
            arguments.replace,
            SystemClock(),
            SystemEntropy(),
            progress.show,
        )
    except (BadBackup, NotRestored) as error:
        progress.clear()
        give(arguments, {"ok": False, "why": str(error)}, f"not restored: {error}")
        return NO
    progress.clear()
    lines = [f"{arguments.state}: is now what {arguments.file} holds (of {done.manifest.device or 'a device'})"]
    lines += [f"  results that had no receipt then: {done.carried}; they are sent, and counted once"]
    if done.doubted:
        lines += [f"  acts that were open then: {done.doubted}; they are in doubt, and never sent again"]
    lines += ["  parts under way and what rules counted begin anew"]
    lines += [f"  the state before is kept in {done.before}"] if done.before else []
    lines += [f"  device file: {done.device_file}"] if done.device_file else []
    lines += ["  no keys are in it: put them back, or enrol this device anew"] if not done.manifest.keys else []
    result = {
        "ok": True,
        "state": str(arguments.state),
        "device": done.manifest.device,
        "carried": done.carried,
        "in_doubt": done.doubted,
        "before": str(done.before) if done.before else None,
        "device_file": str(done.device_file) if done.device_file else None,
        "keys": done.manifest.keys,
    }
    give(arguments, result, "\n".join(lines))
    return OK


COMMAND = Command(
    "restore",
    "operate",
    "make this device what a backup holds; no number and no act of it is used twice",
    "ripieno restore /media/usb/line-1.backup --device-dir /etc/ripieno",
    _arguments,
    _run,
)
