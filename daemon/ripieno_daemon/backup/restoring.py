"""A backup becomes a state directory: unpacked beside it, renewed, made durable, and then put in its place at once.

STATE.restoring     being unpacked; what a kill leaves is removed by the next try
STATE               exchanged with it in one step of the file system: the old one or the new one, never neither
STATE.before-STAMP  what was there before, kept for a person
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ripieno.contracts.ports import Clock, Entropy
from ripieno.errors import StorageError

from ..ports.small_files import SmallFiles
from ..ports.sqlite import refused
from .in_use import user_of
from .manifest import Entry, Manifest
from .reading import check, unpack
from .renewing import keep_floors, renew

_AT_FDCWD: Final = -100
_EXCHANGE: Final = 2  # RENAME_EXCHANGE, renameat2(2)
UNPACKING: Final = ".unpacking"


class NotRestored(StorageError):
    """The state is as it was; the message says why, and what helps."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. `before`: where the old state is now, None where there was none."""

    manifest: Manifest
    carried: int
    doubted: int
    before: Path | None
    device_file: Path | None


def restore(
    path: Path,
    state: Path,
    device_folder: Path | None,
    replace: bool,
    clock: Clock,
    entropy: Entropy,
    progress: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Make `state` what the backup holds; return when that would survive a power cut.

    Args:
        device_folder: where the device file and its bundles go, None: they stay in the backup.
        replace: put it in the place of what is there.

    Raises:
        BadBackup: the file is damaged; nothing was touched.
        NotRestored: a daemon runs on it, or something is there already; nothing was touched.
        StorageError: the disk refused; the old state is in its place.
    """
    try:
        return _restore(path, state.absolute(), device_folder, replace, clock, entropy, progress)
    except OSError as error:
        raise refused(Path(error.filename or state), error) from error


def _restore(
    path: Path,
    state: Path,
    device_folder: Path | None,
    replace: bool,
    clock: Clock,
    entropy: Entropy,
    progress: Callable[[str], None],
) -> Restored:
    manifest = check(path, progress)
    _refuse_used(state)
    is_there = state.exists() and any(state.iterdir())
    if is_there and not replace:
        raise NotRestored(f"{state}: is not empty; --replace puts the backup in its place and keeps it beside")
    device = _device_files(manifest, device_folder, replace)
    fresh = state.with_name(f"{state.name}.restoring")
    try:
        _make_way(fresh, state, clock)
        fresh.mkdir(mode=0o700, parents=True)
        (fresh / UNPACKING).touch()
        drafts = fresh / ".device"
        unpack(path, lambda entry: _place(entry, fresh, drafts if device_folder else None), progress)
        _make_links(manifest, fresh)
        carried, acts = renew(fresh, entropy, clock.wall_ns())
        if is_there:
            keep_floors(state, fresh)
        _own(state if state.exists() else state.parent, fresh)
        for source, target in device:
            SmallFiles(target.parent).write(target.name, (drafts / source).read_bytes())
        shutil.rmtree(drafts, ignore_errors=True)
        (fresh / UNPACKING).unlink()
        for root, _, _ in os.walk(fresh):
            _sync(Path(root))
        _refuse_used(state)  # one that was started meanwhile
        before = _put(fresh, state, is_there, clock)
    finally:
        if (fresh / UNPACKING).exists():
            shutil.rmtree(fresh, ignore_errors=True)
    placed = device_folder / manifest.device_file if device_folder and manifest.device_file else None
    return Restored(manifest, carried, acts, before, placed)


def _refuse_used(state: Path) -> None:
    if (pid := user_of(state)) is not None:
        raise NotRestored(f"{state}: process {pid} uses it; stop the daemon first (systemctl stop ripieno)")


def _device_files(manifest: Manifest, folder: Path | None, replace: bool) -> list[tuple[str, Path]]:
    """Return what is written outside the state, the device file last."""
    if folder is None:
        return []
    names = [entry.path.removeprefix("device/") for entry in manifest.entries if entry.path.startswith("device/")]
    names.sort(key=lambda name: name == manifest.device_file)
    found = [(name, folder / name) for name in names]
    there = [str(target) for _, target in found if target.exists()]
    if there and not replace:
        raise NotRestored(f"{there[0]}: is there already ({len(there)} files); --replace writes over them")
    return found


def _place(entry: Entry, fresh: Path, drafts: Path | None) -> Path | None:
    root, _, rest = entry.path.partition("/")
    if root == "state":
        return fresh / rest
    return drafts / rest if drafts is not None else None


def _make_links(manifest: Manifest, fresh: Path) -> None:
    for entry in manifest.entries:
        if entry.link and entry.path.startswith("state/"):
            place = fresh / entry.path.removeprefix("state/")
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.symlink_to(entry.link)


def _own(like: Path, fresh: Path) -> None:
    """Give all of it to whom the state directory belongs, where this is root."""
    if os.geteuid() != 0:
        return
    owner = like.stat()
    for root, folders, files in os.walk(fresh):
        for name in (".", *folders, *files):
            os.chown(Path(root) / name, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _put(fresh: Path, state: Path, is_there: bool, clock: Clock) -> Path | None:
    """Put the fresh state in its place in one step."""
    if not is_there:
        fresh.rename(state)  # an empty folder of that name is replaced
        _sync(state.parent)
        return None
    _exchange(fresh, state)
    _sync(state.parent)
    return _keep_beside(fresh, state, clock)


def _make_way(fresh: Path, state: Path, clock: Clock) -> None:
    """Take away what a kill left: half of a state, or a whole one that stood in its place until it was exchanged."""
    if (fresh / UNPACKING).exists():
        shutil.rmtree(fresh)
    elif fresh.exists():
        _keep_beside(fresh, state, clock)


def _keep_beside(fresh: Path, state: Path, clock: Clock) -> Path:
    stamp = datetime.fromtimestamp(clock.wall_ns() // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    before = state.with_name(f"{state.name}.before-{stamp}")
    number = 1
    while before.exists():
        number += 1
        before = state.with_name(f"{state.name}.before-{stamp}.{number}")
    fresh.rename(before)
    _sync(state.parent)
    return before


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders' names at once, renameat2(2). Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} (the folder may be a mount point: restore beside it)", str(other))


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
