"""`ripieno bundle install`: a packed bundle put into a device's slots by hand."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from ripieno.errors import BundleError, StorageError

from ..command import OK, Command
from ..output import add_json, give

if TYPE_CHECKING:
    from ripieno_daemon.updates.judging import Authority

STATE = Path("/var/lib/ripieno")
RUNNING = Path("/run/ripieno/control.sock")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="FILE", type=Path, help="a packed bundle (`ripieno bundle pack`)")
    parser.add_argument(
        "--state", metavar="DIR", type=Path, default=STATE, help=f"storage.state of the device file (default {STATE})"
    )
    parser.add_argument(
        "--factory", action="store_true", help="the first of its name: what the device is delivered with, never removed"
    )
    parser.add_argument(
        "--enrolled",
        metavar="DIR",
        type=Path,
        help="root.pub and policy.signed of this device: signed by who may, or refused",
    )
    parser.add_argument("--name", help="this device's name in that policy (default: of the folder --enrolled)")
    parser.add_argument("--runtime", help="litert or tflite (default: what is installed, LiteRT first)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.bundles.packed_file import open_packed
    from ripieno_daemon.ports.update_disk import FolderDisk
    from ripieno_daemon.updates.installing import install
    from ripieno_daemon.updates.self_test import self_test
    from ripieno_daemon.updates.slots import Refused, Slots
    from ripieno_daemon.updates.verdict import Verdict

    _check_nobody_runs(arguments.state)
    packed, disk = open_packed(arguments.bundle), FolderDisk(arguments.state)
    release = packed.release

    async def test(new: str, before: str, changes: float) -> Verdict:
        return await self_test(new, before, changes, arguments.runtime)

    authority = _authority(arguments)
    try:
        verdict = asyncio.run(install(disk, packed, test, authority, is_factory=arguments.factory))
    except Refused as error:
        raise BundleError(f"{arguments.bundle}: refused ({error.reason}): {error}") from error
    current = Slots(disk, release.name).current
    what = "the factory release" if arguments.factory else "on trial from the next start on"
    lines = [
        f"{release.name} {release.version}, release {release.counter}: {what}",
        f"  in device.yaml: pipelines: [{current}]",
    ]
    if authority is None:
        lines.append("  nobody's signature was looked at: --enrolled DIR has the policy of an enrolled device")
    result = {
        "name": release.name,
        "version": release.version,
        "counter": release.counter,
        "release": release.digest,
        "factory": arguments.factory,
        "signatures_checked": authority is not None,
        "current": current,
        "self_test": dict(verdict.figures),
    }
    give(arguments, result, "\n".join(lines))
    return OK


def _check_nobody_runs(state: Path) -> None:
    """A daemon has the slots in its memory, and would not know of a change. Raises StorageError."""
    from ripieno_daemon.ports.local_socket import LocalClient, NobodyAnswers

    for place in [state / "control.sock", *([RUNNING] if state == STATE else [])]:
        try:
            client = LocalClient(place)
        except NobodyAnswers:
            continue
        client.close()
        raise StorageError(f"{place}: a daemon runs on this state; stop it first, or use `ripieno fleet push`")


def _authority(arguments: argparse.Namespace) -> Authority | None:
    from ripieno_daemon.trust import BadSeal, read_policy
    from ripieno_daemon.trust.enrolled import read_enrolled
    from ripieno_daemon.trust.policy import fleet_in
    from ripieno_daemon.updates.judging import Authority

    if arguments.enrolled is None:
        return None
    folder: Path = arguments.enrolled
    try:
        enrolled = read_enrolled(str(folder / "root.pub"), str(folder / "policy.signed"))
        policy = read_policy(enrolled.policy, enrolled.root_public, fleet_in(enrolled.policy))
    except BadSeal as error:
        raise BundleError(f"{folder}: {error}") from error
    return Authority(policy, arguments.name or folder.absolute().name)


COMMAND = Command(
    "bundle install",
    "author",
    "put a packed bundle on this device by hand: the factory's, or one that the line tries at its next start",
    "ripieno bundle install quality-control-1.bundle --factory",
    _arguments,
    _run,
)
