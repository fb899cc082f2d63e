"""A worker takes pictures from shared memory, and says what it could not read."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import numpy as np
import uvloop
from models.tiny_detector import tiny_detector

from ripieno.contracts.slots import SlotRef
from ripieno.models import Declaration, Task, join
from ripieno.models.runtimes import choose
from ripieno.values import Detections, Health
from ripieno_daemon.children.processes import ChildProcesses
from ripieno_daemon.workers import PooledModel, Step, WorkerPool
from ripieno_drivers.cameras.capture.shelf import Shelf

LABELS = ("red", "green", "blue")


def detector(folder: Path) -> PooledModel:
    content = tiny_detector()
    path = folder / "tiny.tflite"
    path.write_bytes(content)
    session = choose(None).load(content, 1)
    spec = join(
        Declaration("tiny", "tiny.tflite", LABELS, Task.DETECT),
        hashlib.sha256(content).hexdigest(),
        session.inputs,
        session.outputs,
    )
    return PooledModel(spec, str(path))


def test_a_picture_in_a_slot_is_seen_and_one_that_is_gone_is_missing(tmp_path: Path) -> None:
    model = detector(tmp_path)

    async def main() -> None:
        memory = ChildProcesses().memory("top")
        shelf = Shelf(memory.fd, 1, 1)
        picture = np.full((48, 64, 3), (0, 0, 255), np.uint8)
        put = shelf.put(picture)
        assert put is not None
        ref = str(SlotRef(memory.ref, put.offset, put.stamp, 64, 48))
        pool = WorkerPool({"tiny": model}, {"look": Step("tiny", 5.0)}, None, print)
        await pool.start()
        try:
            answer = await pool.infer("look", ref)
            shelf.free(put.offset, put.stamp)
            shelf.put(picture)
            overwritten = await pool.infer("look", ref)
            damaged = await pool.infer("look", "pixels:nonsense")
            memory.close()
            gone = await pool.infer("look", str(SlotRef("/proc/1/fd/77#1", 0, 1, 64, 48)))
        finally:
            await pool.stop()

        assert isinstance(answer.result, Detections)
        assert [(one.label, one.box) for one in answer.result.found] == [("red", (0.2, 0.1, 0.6, 0.5))]
        assert (overwritten.health, overwritten.why) == (
            Health.MISSING,
            "the picture was overwritten before it was read",
        )
        assert (damaged.health, gone.health) == (Health.MISSING, Health.MISSING)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
