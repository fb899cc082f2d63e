"""What a model file says of itself: a damaged one kills who opens it, so each is opened in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from ripieno.contracts.runtime import Tensor
from ripieno.errors import ModelError, WorkerLost
from ripieno.models.spec import tensor_from_plain
from ripieno_daemon.workers import wire
from ripieno_daemon.workers.process import Spawn, Worker, spawn_exec

LOOK_S: Final = 20.0  # start of the worker, and its own limit for one file


@dataclass(frozen=True, slots=True)
class Inspection:
    """Digest (hex), size and tensors of a model file, as this runtime sees them."""

    sha256: str
    size: int
    runtime: str
    version: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Inspector:
    """Looks into model files, one after the other; use it in `async with`. One worker forks a process for each file."""

    def __init__(self, runtime: str | None = None, spawn: Spawn = spawn_exec) -> None:
        self._runtime, self._spawn = runtime, spawn
        self._worker: Worker | None = None
        self._answer: asyncio.Future[list[Any]] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()

    async def look(self, path: str) -> Inspection:
        """Return what the file at an absolute path says.

        Raises:
            ModelError: missing, refused by the runtime, or damaged so that the runtime dies of it.
            WorkerLost: the inspecting worker itself died or hangs; the next call starts another.
        """
        self._answer = asyncio.get_running_loop().create_future()
        if self._worker is None:
            self._worker = await self._spawn(5, self._runtime, self._answered, self._died)
        self._worker.send([wire.INSPECT, 0, path])
        try:
            async with asyncio.timeout(LOOK_S):
                answer = await self._answer
        except TimeoutError:
            self._worker.kill()
            raise WorkerLost(f"looking into {path} did not end within {LOOK_S:g} s") from None
        if answer[1] != wire.OK:
            raise ModelError(answer[2])
        return _inspection(answer[2])

    def _answered(self, answer: list[Any]) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _died(self, lost: WorkerLost) -> None:
        self._worker = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(lost)


async def inspect_model(path: str, runtime: str | None = None) -> Inspection:
    """Look into one file; see Inspector.look."""
    async with Inspector(runtime) as inspector:
        return await inspector.look(path)


def _inspection(plain: Mapping[str, Any]) -> Inspection:
    return Inspection(
        sha256=str(plain["sha256"]),
        size=int(plain["bytes"]),
        runtime=str(plain["runtime"]),
        version=str(plain["version"]),
        inputs=tuple(map(tensor_from_plain, plain["inputs"])),
        outputs=tuple(map(tensor_from_plain, plain["outputs"])),
    )
