"""A plan that was compiled before is not compiled again while every file that it was made from is as it was.

Half of a start's time is the compile step; a restart after a crash must not pay it. What is kept names each file that
was read with its SHA-256, and what is installed: another release, or another driver, compiles anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any

import msgpack

from ripieno.errors import StorageError
from ripieno.plan import Plan, PlanDamaged, decode, encode
from ripieno_daemon.bundles.files import read_bytes
from ripieno_daemon.ports.small_files import SmallFiles

from .drivers import GROUP
from .parent import compile_with_sources

NAME = "compiled-plan"


async def compile_remembered(path: str, files: SmallFiles | None) -> Plan:
    """Return the plan of a device file. `files`: where plans are kept, None for nowhere.

    Raises:
        ConfigError: see compile_in_child.
    """
    if files is None:
        return (await compile_with_sources(path))[0]
    if (plan := recalled(path, files)) is not None:
        return plan
    plan, sources = await compile_with_sources(path)
    body = {"path": path, "installed": _installed(), "sources": dict(sources), "plan": encode(plan)}
    packed: bytes = msgpack.packb(body, use_bin_type=True)
    try:
        files.write(NAME, hashlib.sha256(packed).digest() + packed)
    except StorageError:
        pass  # a full disk costs the next start its half second, and is told by who keeps the record
    return plan


def recalled(path: str, files: SmallFiles) -> Plan | None:
    """Return the plan that is kept, None where it must be compiled anew."""
    try:
        content = files.read(NAME)
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            return None
        kept: Mapping[str, Any] = msgpack.unpackb(content[32:])
        if kept["path"] != path or kept["installed"] != _installed():
            return None
        for name, digest in kept["sources"].items():
            if hashlib.sha256(read_bytes(name)).hexdigest() != digest:
                return None
        return decode(kept["plan"])
    except (StorageError, OSError, PlanDamaged):
        return None  # whatever is wrong with it, the compile step says it better


@cache
def _installed() -> str:
    """Return what tells one installation from another: release, drivers, and when its files were written. Looked up
    once: what this process has loaded does not change under it.
    """
    mine = metadata.distribution("ripieno")
    drivers = sorted(f"{point.name}={point.value}" for point in metadata.entry_points(group=GROUP))
    written = hashlib.sha256((mine.read_text("RECORD") or "").encode()).hexdigest()
    return f"{mine.version} {written} {' '.join(drivers)}"
