"""A worker's process in advance: handed out once, to whom it fits, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from daemon.workers.rig import painted, pooled_tiny

from ripieno_daemon.workers import DeadlineRules, Step, WorkerPool
from ripieno_daemon.workers.process import Worker
from ripieno_daemon.workers.warm import WarmWorker

RULES = DeadlineRules(start_s=30.0)


def pid_of(warm: WarmWorker) -> int:
    worker: Worker | None = warm._worker
    assert worker is not None
    return worker.pid


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def answered_by(warm: WarmWorker, folder: Path, priority: str) -> tuple[int | None, str]:
    """Return who serves a pool that spawns from `warm`, and what it answered."""
    pool = WorkerPool(
        {"tiny": pooled_tiny(folder)},
        {"look": Step("tiny", 20.0, priority)},
        None,
        print,
        rules=RULES,
        spawn=warm.spawn,
    )
    try:
        await pool.start()
        pid = pool.worker_pids()[priority]
        inferred = await pool.infer("look", painted(folder, "red"))
        return pid, inferred.result.label if inferred.result else inferred.why  # type: ignore[union-attr]
    finally:
        await pool.stop()


def test_the_process_in_advance_serves_the_pool(tmp_path: Path) -> None:
    async def look() -> tuple[int, int | None, str]:
        warm = WarmWorker()
        await warm.begin(0, None)
        before = pid_of(warm)
        pid, label = await answered_by(warm, tmp_path, "high")
        await warm.close()
        return before, pid, label

    before, pid, label = asyncio.run(look())

    assert pid == before
    assert label == "red"
    assert not is_there(before)


def test_one_of_another_kind_is_not_handed_out_and_not_left_behind(tmp_path: Path) -> None:
    async def look() -> tuple[int, int | None]:
        warm = WarmWorker()
        await warm.begin(0, None)
        before = pid_of(warm)
        pid, _ = await answered_by(warm, tmp_path, "low")
        await warm.close()
        return before, pid

    before, pid = asyncio.run(look())

    assert pid != before
    assert not is_there(before)


def test_one_that_died_meanwhile_is_made_anew(tmp_path: Path) -> None:
    async def look() -> tuple[int, int | None, str]:
        warm = WarmWorker()
        await warm.begin(0, None)
        before = pid_of(warm)
        os.kill(before, signal.SIGKILL)
        await asyncio.sleep(0.2)
        pid, label = await answered_by(warm, tmp_path, "high")
        return before, pid, label

    before, pid, label = asyncio.run(look())

    assert pid not in (None, before)
    assert label == "red"


def test_it_is_handed_out_once(tmp_path: Path) -> None:
    async def look() -> tuple[int, int]:
        warm = WarmWorker()
        await warm.begin(0, None)
        first = await warm.spawn(0, None, print, print)
        second = await warm.spawn(0, None, print, print)
        pids = first.pid, second.pid
        for worker in (first, second):
            worker.kill()
            await worker.stop()
        return pids

    first, second = asyncio.run(look())

    assert first != second
