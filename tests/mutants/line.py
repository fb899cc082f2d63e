"""Mutants of the line as a whole, in virtual time: the order of intent and byte, and what frees a result."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from ripieno.contracts.driver import Intent
from ripieno.language.declared import declared_models
from ripieno_daemon.bundles import seal
from ripieno_daemon.fleet import Faults, Outbox
from ripieno_daemon.fleet.outbox import Batch
from ripieno_daemon.ledger import IntentFile
from ripieno_sim.stage.mortal import Point
from ripieno_sim.stage.report import broken
from ripieno_sim.stage.scene import Settings, bundle_path
from ripieno_sim.stage.virtual import run_virtual

from .mutant import Mutant

NEAR_MM = 540  # a camera so near the gate that an act runs before the board has noticed that its host is dead
PARTS = 120


def _run(settings: Settings) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        return broken(run_virtual(settings, Path(folder), lambda _: None))


@cache
def _near_bundle() -> Path:
    """Return the shipped bundle with its camera close to the gate, sealed anew."""
    place = Path(tempfile.mkdtemp(prefix="ripieno-near-")) / "quality-control"
    shutil.copytree(bundle_path(), place)
    pipeline = place / "pipeline.yaml"
    text = pipeline.read_text(encoding="utf-8")
    assert "camera: 120mm" in text
    pipeline.write_text(text.replace("camera: 120mm", f"camera: {NEAR_MM}mm"), encoding="utf-8")
    declared = declared_models(str(place), lambda path: Path(path).read_bytes())
    seal(place, declared.models, name=declared.name, version=declared.version)
    return place


def killed_at_intents(seed: int) -> list[str]:
    """The daemon dies again and again just as an intent is being written."""
    points = tuple(Point("intent", 3 + (seed + number) % 5, False) for number in range(6))
    return _run(Settings(parts=PARTS, seed=seed, points=points, bundle=_near_bundle(), camera_mm=NEAR_MM))


def broker_that_loses(seed: int) -> list[str]:
    """The broker says PUBACK to everything and loses some of it, as one without persistence does when it is killed."""
    return _run(Settings(parts=PARTS, seed=seed, faults=Faults(drop=0.2)))


@contextmanager
def intent_after_the_byte() -> Iterator[None]:
    """The act is sent first, and written down a little later."""
    real = IntentFile.write
    late: set[asyncio.Task[None]] = set()

    async def write(self: IntentFile, intent: Intent) -> None:
        async def later() -> None:
            await asyncio.sleep(0.005)
            await real(self, intent)

        task = asyncio.create_task(later())
        late.add(task)
        task.add_done_callback(lambda done: (late.discard(done), done.cancelled() or done.exception()))

    with mock.patch.object(IntentFile, "write", write):
        yield


@contextmanager
def row_freed_on_puback() -> Iterator[None]:
    """A row counts as delivered when the broker has it."""

    def on_puback(self: Any, batch: Batch) -> None:
        self._free(batch.last)

    with mock.patch.object(Outbox, "_on_puback", on_puback):
        yield


MUTANTS = (
    Mutant("the intent is written after the byte", intent_after_the_byte, killed_at_intents),
    Mutant("a row is freed on the broker's PUBACK", row_freed_on_puback, broker_that_loses),
)
