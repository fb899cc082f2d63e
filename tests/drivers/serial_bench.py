"""A driver's device against a simulated one in virtual time, on a line that a test can cut, stop and fill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from drivers.bench import Entropy, Intents, NoFolder
from drivers.virtual import LoopClock

from ripieno.contracts.driver import Context, Device, Driver, Point
from ripieno.errors import DeviceError
from ripieno.values import DeviceDown, DeviceUp, Outcome, Reading

BYTE_US = 87


class NoStorage:
    def database(self, name: str) -> Any:
        raise AssertionError

    def append_file(self, name: str, size: int) -> Any:
        raise AssertionError


class BenchLine:
    def __init__(self, lines: BenchLines, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        self._lines, self.on_bytes, self.on_lost = lines, on_bytes, on_lost

    def write(self, data: bytes) -> int:
        return self._lines.written(self, data)

    def close(self) -> None:
        self._lines.let_go(self)


class BenchLines:
    """`takes`: bytes that a write accepts; `missing`: no port; `to_device`, `to_host`: what a test does to chunks."""

    def __init__(self, simulated: Any) -> None:
        self.simulated = simulated
        self.host: BenchLine | None = None
        self.takes = 1 << 20
        self.missing = False
        self.opened: list[tuple[str, int]] = []
        self.framings: list[Any] = []
        self.sent: list[bytes] = []
        self.to_device: Callable[[bytes], bytes] = lambda chunk: chunk
        self.to_host: Callable[[bytes], bytes] = lambda chunk: chunk
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.moved()

    def now_us(self) -> int:
        return round((self._loop.time() - self._began_s) * 1e6)

    async def open(
        self, port: str, baud: int, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> Any:
        if self.missing:
            raise DeviceError(f"{port}: no such port")
        assert self.host is None, "opened twice"
        self.opened.append((port, baud))
        self.host = BenchLine(self, on_bytes, on_lost)
        return self.host

    async def open_framed(self, port: str, baud: int, framing: Any, *taking: Any) -> Any:
        self.framings.append(framing)
        return await self.open(port, baud, *taking)

    def written(self, line: BenchLine, data: bytes) -> int:
        taken = data[: self.takes] if line is self.host else b""
        if taken:
            self.sent.append(taken)
            self._loop.call_later(len(taken) * BYTE_US / 1e6, self._arrive, self.to_device(taken))
        return len(taken)

    def let_go(self, line: BenchLine) -> None:
        if line is self.host:
            self.host = None

    def unplug(self) -> None:
        host, self.host, self.missing = self.host, None, True
        assert host is not None
        host.on_lost("unplugged")

    def noise(self, chunk: bytes) -> None:
        if self.host is not None:
            self.host.on_bytes(chunk)

    def moved(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due_us = self.simulated.next_deadline_us()
        self._timer = None
        if due_us is not None:
            self._timer = self._loop.call_at(max(self._began_s + due_us / 1e6, self._loop.time()), self._advance)

    def _arrive(self, chunk: bytes) -> None:
        if chunk:
            self.simulated.send(chunk, self.now_us())
        self._advance()

    def _advance(self) -> None:
        leaves = self.to_host(self.simulated.advance(self.now_us()))
        if leaves:
            self._loop.call_later(len(leaves) * BYTE_US / 1e6, self.noise, leaves)
        self.moved()


class SerialBench:
    def __init__(self, driver: Driver, simulated: Any, intents: Intents | None = None, **settings: Any) -> None:
        self.driver, self.simulated = driver, simulated
        self.lines = BenchLines(simulated)
        self.settings = {**simulated.settings, **settings}
        self.points = {name: (kind, dict(own)) for name, kind, own in simulated.points}
        self.intents = intents or Intents()
        self.reports: list[Any] = []
        self.settled: list[Outcome] = []
        self.said: list[str] = []
        self.clock = LoopClock()

    def device(self) -> Device:
        points = [Point(name, kind, self.driver.point(**own)) for name, (kind, own) in self.points.items()]
        context = Context(
            device="it",
            points=points,
            clock=self.clock,
            entropy=Entropy(),
            lines=self.lines,
            folder=NoFolder(),
            storage=NoStorage(),
            intents=self.intents,
            report=self.reports.append,
            settled=self.settled.append,
            say=self.said.append,
        )
        return self.driver.open(self.driver.settings(**self.settings), context)

    @asynccontextmanager
    async def running(self, settle_s: float = 1.0) -> AsyncIterator[Any]:
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

    def readings(self) -> list[Reading]:
        return self.of(Reading)

    def standing(self) -> list[str]:
        """The ups and downs, in order."""
        return [
            "up" if isinstance(one, DeviceUp) else f"down: {one.why}"
            for one in self.reports
            if isinstance(one, (DeviceUp, DeviceDown))
        ]
