"""What goes into a backup of a device.

All of the state directory but what only this process needs (sockets, drafts, a cache), what is on its way, and damaged
ledgers; the device file, its bundles and its enrolment. A private key is left out unless it is asked for: by its name,
and by what stands in it.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ripieno.plan import Plan

from ..ports.sqlite import refused

LEFT_OUT_NAMES: Final = ("compiled-plan",)
LEFT_OUT_SUFFIXES: Final = ("-wal", "-shm", "-journal")
LEFT_OUT_FOLDERS: Final = ("incoming", "gone", "keys")
DAMAGED: Final = "ledger.damaged-"
SQLITE: Final = b"SQLite format 3\0"
KEY_MARK: Final = b"PRIVATE KEY"
KEY_SUFFIXES: Final = (".key", ".secret")
LAST: Final = ("intents",)  # after the ledger: command ids in it are as high as they were when the copy ended


@dataclass(frozen=True, slots=True)
class Source:
    """A file to copy: where it is, and its path in the backup."""

    path: str
    place: Path
    is_database: bool = False
    link: str = ""


@dataclass(slots=True)
class Contents:
    """`left_out`: paths and why, for a person."""

    device: str
    device_file: str
    sources: list[Source] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    keys: bool = False


def contents_of(state: Path, device_file: Path | None, plan: Plan | None, with_keys: bool) -> Contents:
    """Return what to copy. `plan`: of the device file, None where it has problems: then its bundles are not found.

    Raises:
        StorageError: a folder or a file cannot be read.
    """
    try:
        return _contents(state, device_file, plan, with_keys)
    except OSError as error:
        raise refused(Path(error.filename or state), error) from error


def _contents(state: Path, device_file: Path | None, plan: Plan | None, with_keys: bool) -> Contents:
    contents = Contents(plan.device if plan else "", device_file.name if device_file else "")
    found = list(_walk(state, Path("state"), contents, with_keys))
    if device_file is not None:
        found.append(Source(f"device/{device_file.name}", device_file))
        for place in _beside(plan):
            found += _belongs(place, device_file.parent, state, contents, with_keys)
    known: set[str] = set()
    contents.sources = [one for one in found if not (one.path in known or known.add(one.path))]  # type: ignore[func-returns-value]
    contents.sources.sort(key=lambda one: (one.place.name in LAST, one.path))
    return contents


def _beside(plan: Plan | None) -> Sequence[Path]:
    if plan is None:
        return ()
    places = [Path(one.bundle) for one in plan.pipelines]
    broker = plan.broker
    names = [broker.tls.ca, broker.tls.certificate, broker.tls.key] if broker.tls is not None else []
    names += [broker.orders.root, broker.orders.policy] if broker.orders is not None else []
    return [*places, *(Path(name) for name in names if name)]


def _belongs(place: Path, folder: Path, state: Path, contents: Contents, with_keys: bool) -> Iterator[Source]:
    place, folder = place.absolute(), folder.absolute()
    if place.is_relative_to(state.absolute()):
        return  # it is in the state already
    if not place.is_relative_to(folder):
        contents.left_out.append((str(place), f"it does not lie beside the device file ({folder})"))
        return
    root = Path("device") / place.relative_to(folder)
    if place.is_dir():
        yield from _walk(place, root, contents, with_keys)
    elif place.exists():
        yield from _one(place, root, contents, with_keys)


def _walk(folder: Path, root: Path, contents: Contents, with_keys: bool) -> Iterator[Source]:
    for place in sorted(folder.iterdir()):
        name, path = place.name, root / place.name
        if name.startswith(".") or name in LEFT_OUT_NAMES or name.endswith(LEFT_OUT_SUFFIXES):
            continue
        if name.startswith(DAMAGED):
            contents.left_out.append((str(path), "a damaged ledger: copy it by hand if it is wanted"))
        elif place.is_dir() and not place.is_symlink():
            if name == "keys" and not with_keys:
                contents.left_out.append((str(path), "keys (--with-keys takes them)"))
            elif name not in LEFT_OUT_FOLDERS or name == "keys":
                yield from _walk(place, path, contents, with_keys)
        else:
            yield from _one(place, path, contents, with_keys)


def _one(place: Path, path: Path, contents: Contents, with_keys: bool) -> Iterator[Source]:
    if place.is_symlink():
        link = str(place.readlink())
        if link.startswith("/"):
            contents.left_out.append((str(path), f"a link to {link}"))
        else:
            yield Source(path.as_posix(), place, link=link)
        return
    if not stat.S_ISREG(place.stat().st_mode):
        return
    with place.open("rb") as file:
        head = file.read(4096)
    if KEY_MARK in head or place.suffix in KEY_SUFFIXES:
        contents.keys |= with_keys
        if not with_keys:
            contents.left_out.append((str(path), "a private key (--with-keys takes it)"))
            return
    yield Source(path.as_posix(), place, is_database=head.startswith(SQLITE) or place.suffix == ".sqlite")
