"""A LinkDevice with everything around it faked and noted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from ripieno.contracts.driver import Context, Intent, Point
from ripieno.values import Act, Outcome, Pulse, Trigger
from ripieno_drivers.link import LinkPoint, LinkSettings
from ripieno_drivers.link.actuator import LinkDevice

from .tiny_board import TinyBoard, TinyLines
from .virtual import LoopClock


class Entropy:
    def __init__(self) -> None:
        self._counter = 0

    def token(self, size: int) -> bytes:
        self._counter += 1
        return self._counter.to_bytes(size, "little")


class Intents:
    """Durable at once, or when `gate` opens; notes the order of things in `log`."""

    def __init__(self, opened: Sequence[Intent] = (), highest: int = 0) -> None:
        self.opened, self._highest = list(opened), highest
        self.log: list[tuple[str, int]] = []
        self.before: Callable[[Intent], Any] | None = None

    def highest(self, device: str) -> int:
        return self._highest

    def open(self, device: str) -> Sequence[Intent]:
        return list(self.opened)

    async def write(self, intent: Intent) -> None:
        if self.before is not None:
            await self.before(intent)
        self.log.append(("durable", intent.command_id))
        self.opened.append(intent)

    def settle(self, intent: Intent) -> None:
        raise AssertionError("the daemon settles, not the driver")


class NoFolder:
    async def watch(self, path: str, existing: bool, on_new: Callable[[str], None]) -> Callable[[], None]:
        raise AssertionError

    def remove(self, path: str) -> None:
        raise AssertionError


POINTS = (
    Point("gate", "pulse", LinkPoint(channel=0)),
    Point("flow", "setpoint", LinkPoint(channel=1, scale=10)),
    Point("eye", "edge", LinkPoint(input=0)),
    Point("belt", "position", LinkPoint()),
)


class Bench:
    def __init__(
        self,
        board: TinyBoard | None = None,
        intents: Intents | None = None,
        points: Sequence[Point] = POINTS,
        **settings: Any,
    ) -> None:
        self.points = points
        self.board = board or TinyBoard()
        self.lines = TinyLines(self.board)
        self.intents = intents or Intents()
        self.reports: list[Any] = []
        self.settled: list[Outcome] = []
        self.said: list[str] = []
        self.settings = LinkSettings(**{"port": "/dev/tiny", "counts_per_mm": 10.0, "rearm": "auto"} | settings)
        self.clock = LoopClock()

    def device(self) -> LinkDevice:
        context = Context(
            device="board",
            points=self.points,
            clock=self.clock,
            entropy=Entropy(),
            lines=self.lines,
            folder=NoFolder(),
            intents=self.intents,
            report=self.reports.append,
            settled=self.settled.append,
            say=self.said.append,
        )
        return LinkDevice(self.settings, context)

    @asynccontextmanager
    async def running(self, settle_s: float = 0.3) -> AsyncIterator[LinkDevice]:
        device = self.device()
        task = asyncio.create_task(device.run(), name="device")
        await asyncio.sleep(settle_s)
        try:
            yield device
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled() and task.exception() is not None:
                raise task.exception() or AssertionError

    def of(self, kind: type) -> list[Any]:
        return [report for report in self.reports if isinstance(report, kind)]


def pulse(index: int = 0, output: str = "gate", trigger: Trigger = Trigger.NOW, **fields: Any) -> Pulse:
    act = Act("part-0000e0c0-1", output, index)
    wanted = {"value": 1.0, "begin": 0.0, "late": 0.05, "hold_s": 0.02} | fields
    return Pulse(act, output, trigger=trigger, **wanted)
