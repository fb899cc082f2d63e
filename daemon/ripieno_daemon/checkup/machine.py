"""The machine: who we are, what time it is, how the disk does."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import ripieno
from ripieno.plan import Plan

from .finding import Finding, bad, good, warn

GROUPS = ("dialout", "video")
SLOW_S, SYNCS = 0.2, 5
SYNCHRONIZED = (Path("/run/systemd/timesync/synchronized"), Path("/run/chrony/chronyd.pid"), Path("/run/ntpd.pid"))


def user(plan: Plan | None) -> Finding:
    """Look at the groups that own serial ports and cameras."""
    name = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        return warn(
            "user", "this checkup runs as root: what the service may do is not tried", "sudo -u ripieno ripieno doctor"
        )
    mine = {grp.getgrgid(number).gr_name for number in os.getgroups()}
    missing = [group for group in GROUPS if group not in mine and _has_group(group)]
    if missing:
        text = f"{name} is not in the group{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
        return warn("user", f"{text}: serial ports or cameras may be closed to it", f"adduser {name} {missing[0]}")
    return good("user", f"{name} is in the groups that own serial ports and cameras")


def clock() -> Finding:
    """Look at the wall clock: signatures expire by it."""
    built = max(path.stat().st_mtime for path in Path(ripieno.__file__).parent.glob("*.py"))
    now = time.time()
    if now < built:
        text = f"the clock is before this release was installed: {time.strftime('%F %T', time.gmtime(now))} UTC"
        return bad("clock", text, "timedatectl set-ntp true, or a battery for the clock")
    if not any(path.exists() for path in SYNCHRONIZED):
        return warn("clock", "nothing keeps the clock right", "apt install systemd-timesyncd (or chrony)")
    return good("clock", "kept right by the network")


def disk(state: Path | None, quota_bytes: int) -> Iterator[Finding]:
    """Look at the state's disk: room, and how long it takes to make something durable."""
    if state is None:
        return
    place = next(path for path in (state, *state.parents) if path.exists())
    if not os.access(place, os.W_OK):
        yield bad(
            "disk", f"{place} may not be written by {pwd.getpwuid(os.geteuid()).pw_name}", f"chown ripieno {place}"
        )
        return
    yield from _record(state, quota_bytes)
    free = shutil.disk_usage(place).free
    if free < quota_bytes:
        text = f"{place}: {free / 1e6:.0f} MB are free, and the record may grow to {quota_bytes / 1e6:.0f} MB"
        yield warn("disk", text, "make room, or give a smaller storage.quota")
    else:
        yield good("disk", f"{place}: {free / 1e9:.1f} GB are free")
    try:
        slowest = max(_sync_s(place) for _ in range(SYNCS))
    except OSError as error:
        yield bad("disk", f"{place}: nothing can be made durable: {error.strerror}", "mend or replace the disk")
        return
    if slowest > SLOW_S:
        text = f"{place}: making 4 kB durable took {slowest * 1000:.0f} ms"
        yield warn("disk", f"{text}; pulses whose intent comes too late are not sent", "a better card or disk")
    else:
        yield good("disk", f"{place}: 4 kB are durable after {slowest * 1000:.1f} ms at most")


def _record(state: Path, quota_bytes: int) -> Iterator[Finding]:
    """Look at what the record takes, and at ledgers that were set aside."""
    taken = sum(path.stat().st_size for path in state.glob("ledger.sqlite*"))
    aside = sorted(path for path in state.glob("ledger.damaged-*") if path.is_dir())
    if taken > quota_bytes:
        text = f"{state}: the record takes {taken / 1e6:.0f} MB of {quota_bytes / 1e6:.0f} MB"
        yield warn("record", text, "see that results get their receipts, or give a larger storage.quota")
    elif taken:
        yield good("record", f"{state}: it takes {taken / 1e6:.1f} MB of {quota_bytes / 1e6:.0f} MB")
    for folder in aside:
        if not (folder / "acknowledged").exists():
            text = f"{folder}: a damaged ledger was set aside; `ripieno ledger verify {folder}` says what is wrong"
            yield warn("record", text, "ripieno alarms acknowledge, when you have seen it")


def _sync_s(folder: Path) -> float:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".checkup-") as file:
        began = time.monotonic()
        file.write(bytes(4096))
        file.flush()
        os.fdatasync(file.fileno())
        return time.monotonic() - began


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
