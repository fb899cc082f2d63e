"""A driver's context over the real ports of this machine, and what the driver told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ripieno.contracts.driver import Context, Device, Driver, Point
from ripieno.values import Act, Booking, DeviceDown, DeviceUp, Message
from ripieno_daemon.ports import DiskFiles, DiskStorage, SystemClock, SystemEntropy, SystemNetwork
from ripieno_drivers.cameras.watching import FolderWatch


@dataclass(slots=True)
class Told:
    """What came of a device. `recorded`: how often it waited for the record; `refuse`: the record refuses so often."""

    reports: list[Any] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    recorded: int = 0

    @property
    def messages(self) -> list[Message]:
        return [one for one in self.reports if isinstance(one, Message)]

    @property
    def downs(self) -> list[str]:
        return [one.why for one in self.reports if isinstance(one, DeviceDown)]

    @property
    def is_up(self) -> bool:
        standing = [one for one in self.reports if isinstance(one, (DeviceUp, DeviceDown))]
        return bool(standing) and isinstance(standing[-1], DeviceUp)

    async def record(self) -> None:
        self.recorded += 1


def context(told: Told, root: Path, points: list[Point], **other: Any) -> Context:
    nothing: Any = None
    ports: dict[str, Any] = {
        "clock": SystemClock(),
        "entropy": SystemEntropy(),
        "lines": nothing,
        "folder": FolderWatch(),
        "storage": DiskStorage(root),
        "network": SystemNetwork(root),
        "files": DiskFiles(root),
        "intents": nothing,
        "recorded": told.record,
    }
    return Context(
        device="site",
        points=points,
        report=told.reports.append,
        settled=told.reports.append,
        say=told.said.append,
        **(ports | other),
    )


def booking(number: int = 1, output: str = "stock", **fields: Any) -> Booking:
    return Booking(Act(f"part-00000007-{number}", output, 0), output, "scrap", tuple(fields.items()))


async def until(holds: Any, within_s: float = 10.0) -> None:
    """Wait until something holds; it is looked at every few milliseconds."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(driver: Driver, settings: Any, context: Context) -> AsyncIterator[Any]:
    """Run a device as long as the block lasts; an error of its `run` is raised here."""
    device: Device = driver.open(settings, context)
    task = asyncio.create_task(device.run(), name="device")
    try:
        yield device
    finally:
        task.cancel()
        async with asyncio.timeout(2):
            await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
