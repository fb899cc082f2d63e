"""The plan that worked last, with its bundles: what a start falls back on when the files have become worse.

A plan is kept once its first act was possible. Its bundles are kept beside it under their manifest's digest, because an
edit of a bundle's file would make the bundle useless to the old plan too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import msgpack

from ripieno.errors import RipienoError, StorageError
from ripieno.plan import Plan, PlanDamaged, decode, encode
from ripieno_daemon.bundles.files import read_bytes, walk
from ripieno_daemon.ports.small_files import SmallFiles
from ripieno_daemon.ports.thread import OwnThread

FORMAT = 1
PLAN = "last-good/plan"
BUNDLES = "last-good/bundles"


@dataclass(frozen=True, slots=True)
class Kept:
    """A plan that worked, and when it was kept (UTC, ns)."""

    plan: Plan
    since_ns: int


class LastGood:
    """Keeps one plan below the state directory."""

    def __init__(self, files: SmallFiles) -> None:
        self._files = files
        self._thread = OwnThread("last good")

    async def keep(self, plan: Plan, now_ns: int) -> None:
        """Replace what is kept. Raises StorageError or BundleError; the plan before it is kept then."""
        try:
            await self._thread.run(lambda: self._keep(plan, now_ns))
        except OSError as error:
            raise StorageError(f"{error.filename}: {error.strerror or error}") from error

    def load(self) -> Kept | None:
        """Return the kept plan, None where there is none that is whole. Raises StorageError."""
        content = self._files.read(PLAN)
        body = content[32:]
        if hashlib.sha256(body).digest() != content[:32]:
            return None
        found = msgpack.unpackb(body)
        try:
            return Kept(decode(found["plan"]), found["since_ns"]) if found["format"] == FORMAT else None
        except PlanDamaged:
            return None  # of a release that had other plans

    def close(self) -> None:
        """Wait for what is being kept."""
        self._thread.stop()

    def _keep(self, plan: Plan, now_ns: int) -> None:
        kept = replace(
            plan, pipelines=tuple(replace(one, bundle=str(self._bundle(one.bundle))) for one in plan.pipelines)
        )
        body = msgpack.packb({"format": FORMAT, "since_ns": now_ns, "plan": encode(kept)}, use_bin_type=True)
        self._files.write(PLAN, hashlib.sha256(body).digest() + body)

    def _bundle(self, bundle: str) -> Path:
        """Copy a bundle unless it is there already; its manifest is written last, so a half copy is none."""
        source = Path(bundle)
        manifest = read_bytes(source / "manifest.json")
        name = f"{BUNDLES}/{hashlib.sha256(manifest).hexdigest()[:16]}"
        place = self._files.folder / name
        if self._files.read(f"{name}/manifest.json") != manifest:
            for path in walk(source):
                if path != "manifest.json":
                    self._files.write(f"{name}/{path}", read_bytes(source / path))
            self._files.write(f"{name}/manifest.json", manifest)
        return place


def why_not(error: RipienoError) -> str:
    """Return why a plan that works is not kept, for a person."""
    return f"this plan works, but is not kept for a bad day: {error}"
