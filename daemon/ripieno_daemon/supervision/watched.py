"""Ports that tell of progress: what a device or a step does anyway is its sign of life, so no driver has to add one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ripieno.contracts.ports import Clock, Inference
from ripieno.contracts.runtime import Loaded
from ripieno.errors import WorkerLost
from ripieno.values import Inferred


class WatchedClock:
    """A device's clock: who looks at it has turned.

    A device with pulses or setpoints renews leases, polls or tries to open its line, and each of these begins with a
    look at the clock.
    """

    def __init__(self, clock: Clock, turned: Callable[[], None]) -> None:
        self._clock, self._turned = clock, turned

    def monotonic_ns(self) -> int:
        """See contracts.ports.Clock."""
        self._turned()
        return self._clock.monotonic_ns()

    def wall_ns(self) -> int:
        """See contracts.ports.Clock."""
        return self._clock.wall_ns()

    async def sleep(self, seconds: float) -> None:
        """See contracts.ports.Clock."""
        self._turned()
        await self._clock.sleep(seconds)


class WatchedInference:
    """The workers, with the calls that are under way: `oldest()` is what the watchdog asks.

    `on_lost`: a worker died under a call of this step; not one that is being stopped.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self.on_lost: Callable[[str, str], None] = lambda step, why: None
        self._is_stopping = False
        self._under_way: dict[int, str] = {}
        self._number = 0

    async def start(self) -> Mapping[str, Loaded]:
        """See contracts.ports.Inference."""
        return await self._inference.start()

    async def infer(self, step: str, given: Any) -> Inferred:
        """See contracts.ports.Inference."""
        self._number += 1
        number = self._number
        self._under_way[number] = step
        try:
            return await self._inference.infer(step, given)
        except WorkerLost as error:
            if not self._is_stopping:
                self.on_lost(step, str(error).splitlines()[0])
            raise
        finally:
            del self._under_way[number]

    async def stop(self) -> None:
        """See contracts.ports.Inference."""
        self._is_stopping = True
        await self._inference.stop()

    def oldest(self) -> tuple[int, str] | None:
        """Return number and step of the oldest call under way; None: the workers are idle."""
        return next(iter(self._under_way.items()), None)
