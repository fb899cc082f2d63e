"""One process of a driver's device in the kit: run, watched, cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ripieno.contracts.driver import Device
from ripieno.values import DeviceDown, DeviceUp


class Life:
    """What the worlds of lines and of services have in common. `reports`: what the device has told."""

    device: Device
    reports: list[Any]
    task: asyncio.Task[None] | None

    def start(self) -> None:
        """Run the device."""
        self.task = asyncio.get_running_loop().create_task(self.device.run(), name="device")

    def is_up(self) -> bool:
        """Whether it said so last."""
        standing = [one for one in self.reports if isinstance(one, (DeviceUp, DeviceDown))]
        return bool(standing) and isinstance(standing[-1], DeviceUp)

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until something holds; return whether it did in time. A device that ended by itself raises here."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + within_s
        while not holds():
            if self.task is not None and self.task.done():
                self.task.result()
                raise RuntimeError("run() returned by itself; it should serve until it is cancelled")
            if loop.time() >= until_s:
                return False
            await asyncio.sleep(0.01)
        return True

    async def stop(self) -> float:
        """Cancel `run` and return how long it took (s of virtual time), at most 10."""
        if self.task is None:
            return 0.0
        loop, task = asyncio.get_running_loop(), self.task
        began_s, self.task = loop.time(), None
        task.cancel()
        await asyncio.wait({task}, timeout=10)
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
        return loop.time() - began_s
