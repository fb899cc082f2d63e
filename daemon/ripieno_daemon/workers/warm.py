"""A worker process that is started before anybody knows its models: its imports take as long as the daemon's own.

It is spawned as soon as the plan is known, while the control process still imports what it needs, and handed to the
first pool that asks for a process of its kind. Whoever made it closes it, used or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ripieno.errors import WorkerLost

from .process import Worker, spawn_exec


class WarmWorker:
    """One process in advance. `spawn` is a `process.Spawn`."""

    def __init__(self) -> None:
        self._kind: tuple[int, str | None] | None = None
        self._worker: Worker | None = None
        self._is_dead = False
        self._on_answer: Callable[[list[Any]], None] = lambda answer: None
        self._on_death: Callable[[WorkerLost], None] = lambda lost: None

    async def begin(self, nice: int, runtime: str | None) -> None:
        """Start the process; one that cannot be made is made, or told, when it is asked for."""
        try:
            self._worker = await spawn_exec(nice, runtime, lambda answer: self._on_answer(answer), self._died)
        except WorkerLost:
            return
        self._kind = (nice, runtime)

    async def spawn(
        self,
        nice: int,
        runtime: str | None,
        on_answer: Callable[[list[Any]], None],
        on_death: Callable[[WorkerLost], None],
    ) -> Worker:
        """Hand out the process if it is of this kind and alive, else make one. Raises WorkerLost."""
        worker = self._worker
        if worker is None or self._is_dead or self._kind != (nice, runtime):
            return await spawn_exec(nice, runtime, on_answer, on_death)
        self._worker, self._on_answer, self._on_death = None, on_answer, on_death
        return worker

    async def close(self) -> None:
        """End the process if nobody has taken it."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            await worker.stop()

    def _died(self, lost: WorkerLost) -> None:
        self._is_dead = True
        self._on_death(lost)
