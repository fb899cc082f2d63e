"""The host's process: the real device on a real pseudo-terminal, and a stop-watch."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ripieno.contracts.driver import Context, Intent, Point
from ripieno.values import Act, DeviceDown, DeviceUp, Outcome, OutcomeKind, Pulse, Setpoint, Trigger
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_drivers.link import LinkPoint, LinkSettings
from ripieno_drivers.link.actuator import LinkDevice
from ripieno_drivers.link.port import SerialLines

from .far_end import FarEnd, far_end

GAPS_S: Final = (0.011, 0.013, 0.017, 0.019, 0.023)
"""Between two acts, in turn: with one gap all acts would meet the board's SAMPLEs, which come every 20 ms, alike."""
AHEAD_NS: Final = 20_000_000
LIMIT_S: Final = 5.0
POINTS: Final = (
    Point("gate", "pulse", LinkPoint(channel=0)),
    Point("flow", "setpoint", LinkPoint(channel=1, scale=100)),
)
Shows = Callable[[str], None]


class Remembered:
    """Intents in memory: what a disk adds is measured elsewhere."""

    def __init__(self) -> None:
        self._highest = 0

    def highest(self, device: str) -> int:
        """Return the highest id."""
        return self._highest

    def open(self, device: str) -> Sequence[Intent]:
        """Return none: a bench has no act of an earlier run."""
        return ()

    async def write(self, intent: Intent) -> None:
        """Keep the id."""
        self._highest = max(self._highest, intent.command_id)

    def settle(self, intent: Intent) -> None:
        """Nothing is kept."""


class Sessions:
    """When sessions began and ended, for whoever waits for one."""

    def __init__(self) -> None:
        self.up: asyncio.Queue[int] = asyncio.Queue()
        self.down: asyncio.Queue[int] = asyncio.Queue()

    def report(self, arrival: object) -> None:
        """Take what the device reports."""
        if isinstance(arrival, DeviceUp):
            self.up.put_nowait(time.monotonic_ns())
        elif isinstance(arrival, DeviceDown):
            self.down.put_nowait(time.monotonic_ns())

    async def next(self, queue: asyncio.Queue[int], after_ns: int) -> int:
        """Return the first of a queue that is not before `after_ns`."""
        async with asyncio.timeout(LIMIT_S):
            while (at_ns := await queue.get()) < after_ns:
                pass
        return at_ns


@dataclass(slots=True)
class Lost:
    """What went wrong on the line while acts were measured.

    A frame of ours that was sent again because its answer was late is lost only if bytes were: it may just have been
    answered by a processor that had no time.
    """

    damaged: int = 0
    refused: int = 0
    resent: int = 0
    bytes: int = 0

    @property
    def frames(self) -> int:
        """Frames that one end sent and the other did not get whole."""
        return self.damaged + self.refused + (self.resent if self.bytes else 0)

    @property
    def late(self) -> int:
        """Frames that arrived and were sent again because the answer did not come in time."""
        return 0 if self.bytes else self.resent


class Bench:
    """One baud rate, one target."""

    def __init__(self, end: FarEnd, path: Path, baud: int, show: Shows) -> None:
        self._end, self._path, self._baud, self._show = end, path, baud, show
        self._sessions = Sessions()
        self._intents = Remembered()
        self._index = 0
        self._not_done: list[str] = []
        self._lost = Lost()

    async def run(self, acts: int, times: int) -> dict[str, Any]:
        """Measure `acts` acts of each kind, and the way back to a session `times` times; return the figures."""
        async with self._device() as device:
            async with self._counting(device):
                pins, dones = await self._now(device, acts)
            async with self._counting(device):
                errors, lates, clocks = await self._scheduled(device, acts)
            resets = [await self._after(device, "reset", self._back) for _ in self._counted("reset", times)]
            silent = [await self._after(device, "silence", self._noticed) for _ in self._counted("silence", times)]
            deaths = [await self._after(device, "cut", self._fallen) for _ in self._counted("death", times)]
        restarts = [await self._restarted() for _ in self._counted("restart", times)]
        return {
            "issue_to_pin_ms": spread(pins),
            "issue_to_done_ms": spread(dones),
            "pin_error_ms": spread(errors),
            "pin_error_parts_ms": {"board_late": spread(lates), "clock": spread(clocks)},
            "session_back_ms": {"board_reset": spread(resets), "daemon_restart": spread(restarts)},
            "silence_noticed_ms": spread(silent),
            "safe_after_host_death_ms": spread(deaths),
            "frames_lost": self._lost.frames,
            "frames_answered_late": self._lost.late,
            "bytes_lost": self._lost.bytes,
            "acts": 2 * acts,
            "acts_not_done": self._not_done,
        }

    @asynccontextmanager
    async def _device(self) -> AsyncIterator[LinkDevice]:
        """Run a device with an armed board."""
        absent: Any = None
        context = Context(
            device="board",
            points=POINTS,
            clock=SystemClock(),
            entropy=SystemEntropy(),
            lines=SerialLines(),
            folder=absent,
            storage=absent,
            intents=self._intents,
            report=self._sessions.report,
            settled=lambda outcome: None,
            say=lambda text: None,
        )
        settings = LinkSettings(port=str(self._path), baud=self._baud, counts_per_mm=10.0, rearm="auto")
        device = LinkDevice(settings, context)
        task = asyncio.create_task(device.run(), name="device")
        try:
            await self._armed(device)
            yield device
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _armed(self, device: LinkDevice) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not (device.service.link.is_synced and device.service.link.armed & 3 == 3):  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # an event of its own would be more work for the device

    async def _now(self, device: LinkDevice, acts: int) -> tuple[list[int], list[int]]:
        """Return ns from the call to the pin, and to the outcome."""
        pins, dones = [], []
        for _ in self._counted("act", acts):
            began_ns = time.monotonic_ns()
            outcome, done_ns = await self._fire(device, Trigger.NOW, 0)
            if outcome.kind is OutcomeKind.EXECUTED:
                pins.append(await self._end.pin_ns(self._intents.highest("board")) - began_ns)
                dones.append(done_ns - began_ns)
            await asyncio.sleep(GAPS_S[self._index % len(GAPS_S)])
        return pins, dones

    async def _scheduled(self, device: LinkDevice, acts: int) -> tuple[list[int], list[int], list[int]]:
        """Return ns by which the pin missed the intended time, without sign; of these, what the board says that it
        was late by, and by how much its time, as the link tells it, was off.
        """
        errors, lates, clocks = [], [], []
        for _ in self._counted("scheduled act", acts):
            begin_ns = time.monotonic_ns() + AHEAD_NS
            outcome, _ = await self._fire(device, Trigger.TIME, begin_ns)
            if outcome.kind is OutcomeKind.EXECUTED:
                pin_ns = await self._end.pin_ns(self._intents.highest("board"))
                errors.append(abs(pin_ns - begin_ns))
                lates.append(outcome.at_ns - begin_ns)
                clocks.append(abs(pin_ns - outcome.at_ns))
            await asyncio.sleep(GAPS_S[self._index % len(GAPS_S)])
        return errors, lates, clocks

    async def _fire(self, device: LinkDevice, trigger: Trigger, begin_ns: int) -> tuple[Outcome, int]:
        self._index += 1
        pulse = Pulse(Act(f"act-{self._index}", "gate", 0), "gate", 1.0, trigger, begin_ns, 0.1, 0.004)
        outcome = await device.fire(pulse)
        done_ns = time.monotonic_ns()
        if outcome.kind is not OutcomeKind.EXECUTED:
            self._not_done.append(outcome.why)
        return outcome, done_ns

    async def _after(self, device: LinkDevice, word: str, until: Callable[[LinkDevice, str], Any]) -> int:
        """Let something go wrong and return how many ns later `until` saw what it waits for; then mend it."""
        await self._armed(device)
        await asyncio.sleep(0.1 + 0.02 * (self._index % 7))  # not always at the same place between two PINGs
        self._index += 1
        took_ns: int = await until(device, word)
        await self._end.told("mend")
        return took_ns

    async def _back(self, device: LinkDevice, word: str) -> int:
        at_ns: int = (await self._end.told(word))["was_reset"]
        return await self._sessions.next(self._sessions.up, at_ns) - at_ns

    async def _noticed(self, device: LinkDevice, word: str) -> int:
        at_ns: int = (await self._end.told(word))["was_cut"]
        return await self._sessions.next(self._sessions.down, at_ns) - at_ns

    async def _fallen(self, device: LinkDevice, word: str) -> int:
        """From the host's last byte that can arrive to the output that falls; the setpoint's lease is longer."""
        device.set(Setpoint("flow", 110.0, 3.0))
        await asyncio.sleep(0.1)
        fell = self._end.falls()
        at_ns: int = (await self._end.told(word))["was_cut"]
        async with asyncio.timeout(LIMIT_S):
            return await fell - at_ns

    async def _restarted(self) -> int:
        """From the start of a device on a line whose board has known another one to its session."""
        began_ns = time.monotonic_ns()
        async with self._device():
            return await self._sessions.next(self._sessions.up, began_ns) - began_ns

    @asynccontextmanager
    async def _counting(self, device: LinkDevice) -> AsyncIterator[None]:
        """Count what is lost on the line inside the block."""
        link, lost = device.service.link, self._lost
        before = link.frames_damaged, link.frames_refused, link.frames_resent
        bytes_before = (await self._end.told("count"))["lost"]
        yield
        lost.damaged += link.frames_damaged - before[0]
        lost.refused += link.frames_refused - before[1]
        lost.resent += link.frames_resent - before[2]
        lost.bytes += (await self._end.told("count"))["lost"] - bytes_before

    def _counted(self, what: str, times: int) -> Iterator[int]:
        for number in range(times):
            self._show(f"{what} {number + 1} of {times}")
            yield number


def spread(values_ns: list[int]) -> dict[str, float | None]:
    """Return median and 99th percentile in ms."""
    if not values_ns:
        return {"p50": None, "p99": None}
    ordered = sorted(values_ns)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return {"p50": round(statistics.median(ordered) / 1e6, 3), "p99": round(p99 / 1e6, 3)}


async def measure(target: str, folder: Path, baud: int, acts: int, times: int, show: Shows) -> dict[str, Any]:
    """Run a bench with its port in `folder`.

    Raises:
        DeviceError: the target does not run; the message says what is missing.
    """
    path = folder / "link"
    async with far_end(target, path, baud) as end:
        gc.collect()
        gc.freeze()
        return await Bench(end, path, baud, show).run(acts, times)
