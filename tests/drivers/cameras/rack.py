"""A camera driver on real processes, the test as its daemon: what it reports, and pictures as a worker sees them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import uvloop

from ripieno.contracts.driver import Context, Driver, Point
from ripieno.contracts.slots import parse_slot
from ripieno.values import DeviceDown, DeviceUp, Frame, Health
from ripieno_daemon.children import ChildProcesses
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_daemon.workers.mapped import MappedPictures
from ripieno_drivers.cameras.captured import CapturedCamera
from ripieno_drivers.cameras.live import CameraPoint


class Rack:
    """`answer`: whether each picture is answered at once, as by a fast model."""

    def __init__(self, driver: Driver, *, answer: bool = True, points: int = 1, **settings: Any) -> None:
        self.reports: list[Any] = []
        self.said: list[str] = []
        self.answer = answer
        self.at_ns: list[int] = []
        self.clock = SystemClock()
        self.processes = ChildProcesses()
        self.context = Context(
            device="station",
            points=[Point(f"top{index}", "frame", CameraPoint()) for index in range(points)],
            clock=self.clock,
            entropy=SystemEntropy(),
            lines=None,  # type: ignore[arg-type]  # a camera asks for none of these
            folder=None,  # type: ignore[arg-type]
            storage=None,  # type: ignore[arg-type]
            intents=None,  # type: ignore[arg-type]
            report=self.take,
            settled=lambda outcome: None,
            say=self.said.append,
            processes=self.processes,
        )
        self.device: CapturedCamera = driver.open(driver.settings(**settings), self.context)  # type: ignore[assignment]
        self.pictures = MappedPictures()

    def take(self, report: Any) -> None:
        self.reports.append(report)
        if isinstance(report, Frame):
            self.at_ns.append(self.clock.monotonic_ns())
            if self.answer and report.ref:
                self.device.seen(report.ref)

    @property
    def frames(self) -> list[Frame]:
        return [report for report in self.reports if isinstance(report, Frame)]

    @property
    def good(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.health is Health.GOOD]

    @property
    def downs(self) -> list[str]:
        return [report.why for report in self.reports if isinstance(report, DeviceDown)]

    @property
    def ups(self) -> int:
        return sum(isinstance(report, DeviceUp) for report in self.reports)

    @property
    def pid(self) -> int:
        assert self.device._child is not None
        return self.device._child.pid

    def picture(self, frame: Frame) -> np.ndarray:
        """Return the pixels as a worker would."""
        pixels, is_there = self.pictures.open(parse_slot(frame.ref))
        copy = pixels.copy()
        assert is_there()
        return copy

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.device.run(), name="camera")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, claim: Callable[[], bool], seconds: float = 15.0) -> float:
        """Wait until a claim holds; return the seconds that it took."""
        began_ns = self.clock.monotonic_ns()
        try:
            async with asyncio.timeout(seconds):
                while not claim():  # noqa: ASYNC110  # real processes: nothing here could tell
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s; said {self.said}, down {self.downs}") from None
        return (self.clock.monotonic_ns() - began_ns) / 1e9


def run(main: Any) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def is_gone(pid: int) -> bool:
    """Whether no process has this pid, or only its remains."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208
