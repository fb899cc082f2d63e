"""`ripieno fleet push`: a signed release to a device: what it would change, a yes, the pieces, and how it ended."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..command import NO, OK, Command
from ..output import Progress, add_json, give
from .connection import add_fleet, add_keys, with_console, wrongly

if TYPE_CHECKING:
    from ripieno_daemon.bundles.packed_file import PackedBundle
    from ripieno_daemon.console import Console, Serving

MEGA = 1e6
MOST_FILES = 12


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_fleet(parser)
    parser.add_argument("devices", metavar="DEVICE", nargs="+", help="one after the other; the first failure ends it")
    parser.add_argument("bundle", metavar="FILE.bundle", help="a release: `ripieno bundle pack`, `ripieno bundle sign`")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--within", type=float, metavar="S", help="do not watch for longer; the device goes on by itself"
    )
    add_keys(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.bundles.packed_file import check_contents, open_packed, parse_head
    from ripieno_daemon.bundles.signed import accepted_signers
    from ripieno_daemon.console import Serving
    from ripieno_daemon.ports import SystemClock
    from ripieno_daemon.trust import BadSeal
    from ripieno_daemon.trust.founding import FleetFolder

    if not arguments.yes and not sys.stdin.isatty():
        return wrongly(arguments, "nobody can be asked here: say --yes, or run it in a terminal")
    bundle = open_packed(Path(arguments.bundle))
    check_contents(bundle)
    policy = FleetFolder(Path(arguments.folder), SystemClock()).policy
    signed_by: list[str] = []
    for device in arguments.devices:
        try:
            signed_by = [rule.name for rule in accepted_signers(parse_head(bundle.head), policy, device)]
        except BadSeal as error:
            text = f"{bundle.path}: {device} would not take it ({error.reason}): {error}"
            give(arguments, {"error": error.reason, "device": device, "why": str(error)}, text)
            return NO
    serving = Serving([bundle], arguments.devices)
    work = _Work(arguments, bundle, signed_by, serving)
    return with_console(arguments, work.run, hear=serving.hear, also=("get",))


class _Work:
    """One call of the command: the devices in their order, and what is told of each at the end."""

    def __init__(
        self, arguments: argparse.Namespace, bundle: PackedBundle, signed_by: list[str], serving: Serving
    ) -> None:
        self._arguments, self._bundle, self._serving = arguments, bundle, serving
        self._signed_by, self._progress = signed_by, Progress()

    async def run(self, console: Console) -> int:
        """Return the exit code: OK where every device has confirmed it."""
        told: list[dict[str, Any]] = []
        pieces = asyncio.create_task(self._serving.run(console), name="pieces")
        try:
            for device in self._arguments.devices:
                before = self._serving.sent_bytes
                one = await self._device(console, device)
                told.append({"device": device, **one, "sent_bytes": self._serving.sent_bytes - before})
                if one["outcome"] != "confirmed":
                    break
        finally:
            pieces.cancel()
            await asyncio.gather(pieces, return_exceptions=True)
            self._progress.clear()
        untried = self._arguments.devices[len(told) :]
        release = self._bundle.release
        result = {
            "bundle": str(self._bundle.path),
            "release": release.digest,
            "name": release.name,
            "version": release.version,
            "counter": release.counter,
            "signed_by": self._signed_by,
            "devices": told,
            "not_tried": untried,
        }
        lines = [f"{one['device']}: {one['outcome']}{': ' + one['why'] if one['why'] else ''}" for one in told]
        lines += [f"{device}: not tried" for device in untried]
        give(self._arguments, result, "\n".join(lines))
        return OK if all(one["outcome"] == "confirmed" for one in told) and not untried else NO

    async def _device(self, console: Console, device: str) -> dict[str, Any]:
        from ripieno_daemon.console import Declined, NotAnswered, Pushing
        from ripieno_daemon.ports import SystemClock

        plan: Mapping[str, Any] | None = None
        try:
            await console.ready(device=device)
            pushing = Pushing(console, SystemClock(), device, self._bundle)
            if pushing.is_running:
                return {"outcome": "confirmed", "why": "it runs there already", "plan": None}
            if not pushing.is_under_way:
                self._progress.show(f"{device}: planning")
                plan = await pushing.plan()
                self._progress.clear()
                print("\n".join(_told(device, self._bundle, plan)), file=sys.stderr)
                if not self._arguments.yes and not await _agreed(device):
                    return {"outcome": "not applied", "why": "nobody said yes", "plan": dict(plan)}
                await pushing.apply(str(plan.get("plan", "")))
        except Declined as error:
            return {"outcome": "declined", "why": str(error), "reason": error.reason, "plan": _plain(plan)}
        except NotAnswered as error:
            return {"outcome": "unanswered", "why": str(error), "plan": _plain(plan)}
        began = self._serving.sent_bytes

        def show(text: str) -> None:
            sent = (self._serving.sent_bytes - began) / MEGA
            self._progress.show(f"{device}: {text}; {sent:.1f} of {self._bundle.size / MEGA:.1f} MB sent")

        try:
            async with asyncio.timeout(self._arguments.within):
                end = await pushing.watch(show)
        except TimeoutError:
            text = f"not ended within {self._arguments.within:g} s; it goes on there, push again to watch"
            return {"outcome": "under way", "why": text, "plan": _plain(plan)}
        return {"outcome": end.what, "why": end.why, "plan": _plain(plan)}


def _plain(plan: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if plan is None else dict(plan)


def _told(device: str, bundle: PackedBundle, plan: Mapping[str, Any]) -> list[str]:
    release = bundle.release
    signers = ", ".join(map(str, plan.get("signed_by", [])))
    lines = [
        f"{device}: {release.name} {release.version}, release {release.counter} ({release.digest[:12]}...), "
        f"{bundle.size / MEGA:.1f} MB, signed by {signers}",
        f"  runs now: {str(plan.get('runs_now') or 'no release')[:12]}",
    ]
    files = plan.get("files")
    for what in ("new", "changed", "gone"):
        paths = files.get(what, []) if isinstance(files, Mapping) else []
        lines += [f"  {what:<8} {path}" for path in paths[:MOST_FILES]]
        lines += [f"  {what:<8} and {len(paths) - MOST_FILES} more"] if len(paths) > MOST_FILES else []
    return lines


async def _agreed(device: str) -> bool:
    """Ask at the terminal; the connection lives on meanwhile."""
    print(f"try it on {device}? It goes back by itself if the line gets worse. [y/N] ", end="", file=sys.stderr)
    sys.stderr.flush()
    loop, said = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), said.set)
    try:
        await said.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline().strip().lower() in ("y", "yes")


COMMAND = Command(
    "fleet push",
    "operate",
    "bring a signed release to a device: what it would change, the pieces, and whether it was kept or went back",
    "ripieno fleet push plant line-3 quality-control-7.bundle",
    _arguments,
    _run,
)
