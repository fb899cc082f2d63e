"""A plan that was compiled before is not compiled again while every file that it was made from is as it was.

Half of a start's time is the compile step; a restart after a crash must not pay it. What is kept names each file that
was read with its SHA-256, each link with where it led, and what is installed: another release, or another driver,
compiles anew. In memory the last few are kept too: going back to what ran before must not wait for a compile step.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any

import msgpack

from ripieno.errors import StorageError
from ripieno.plan import Plan, PlanDamaged, decode, encode
from ripieno_daemon.bundles.files import read_bytes
from ripieno_daemon.ports.small_files import SmallFiles
from ripieno_daemon.ports.thread import OwnThread

from .child import target_of
from .drivers import GROUP
from .parent import Compiled, compile_with_sources

NAME = "compiled-plan"
MOST_IN_MEMORY = 3


class Remembered:
    """The plans of one device file. `files`: where one is kept over restarts, None for nowhere."""

    def __init__(self, path: str, files: SmallFiles | None) -> None:
        self._path, self._files = path, files
        self._thread = OwnThread("plans")
        self._recent: deque[tuple[str, Compiled]] = deque(maxlen=MOST_IN_MEMORY)

    async def compiled(self) -> Plan:
        """Return the plan of the files as they are now. Raises ConfigError: see compile_in_child."""
        found = await self._thread.run(self._known)
        if found is None:
            found = await compile_with_sources(self._path)
            self._recent.append((_installed(), found))
            if self._files is not None:
                _keep(self._path, found, self._files)
        return found.plan

    def _known(self) -> Compiled | None:
        if not self._recent and self._files is not None and (kept := recalled(self._path, self._files)) is not None:
            self._recent.append((_installed(), kept))
            return kept
        installed = _installed()
        return next((one for by, one in self._recent if by == installed and is_as_it_was(one)), None)

    def close(self) -> None:
        """Wait for the thread."""
        self._thread.stop()


def is_as_it_was(one: Compiled) -> bool:
    """Whether every file that a plan was made from is as it was. Reads them all."""
    try:
        return all(target_of(name) == target for name, target in one.links.items()) and all(
            hashlib.sha256(read_bytes(name)).hexdigest() == digest for name, digest in one.sources.items()
        )
    except OSError:
        return False


def recalled(path: str, files: SmallFiles) -> Compiled | None:
    """Return the plan that is kept, None where it must be compiled anew."""
    try:
        content = files.read(NAME)
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            return None
        kept: Mapping[str, Any] = msgpack.unpackb(content[32:])
        if kept["path"] != path or kept["installed"] != _installed() or "links" not in kept:
            return None
        found = Compiled(decode(kept["plan"]), kept["sources"], kept["links"])
        return found if is_as_it_was(found) else None
    except (StorageError, PlanDamaged):
        return None  # whatever is wrong with it, the compile step says it better


def _keep(path: str, made: Compiled, files: SmallFiles) -> None:
    body = {
        "path": path,
        "installed": _installed(),
        "sources": dict(made.sources),
        "links": dict(made.links),
        "plan": encode(made.plan),
    }
    packed: bytes = msgpack.packb(body, use_bin_type=True)
    try:
        files.write(NAME, hashlib.sha256(packed).digest() + packed)
    except StorageError:
        pass  # a full disk costs the next start its half second, and is told by who keeps the record


@cache
def _installed() -> str:
    """Return what tells one installation from another: release, drivers, and when its files were written. Looked up
    once: what this process has loaded does not change under it.
    """
    mine = metadata.distribution("ripieno")
    drivers = sorted(f"{point.name}={point.value}" for point in metadata.entry_points(group=GROUP))
    written = hashlib.sha256((mine.read_text("RECORD") or "").encode()).hexdigest()
    return f"{mine.version} {written} {' '.join(drivers)}"
