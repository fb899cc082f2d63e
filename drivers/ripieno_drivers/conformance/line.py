"""The serial line between driver and simulated device: paced, and broken at the chunk that a check names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ripieno.contracts.ports import Line
from ripieno.errors import DeviceError
from ripieno_drivers.serial_line import Framing

from .simulated import Simulated

LATE_S: Final = 3.0


@dataclass(slots=True)
class Fault:
    """`kind` happens to chunk number `at` (from 0) of its direction, counted from `KitLines.arm` on."""

    kind: str
    at: int
    struck: bool = False


FAULTS: Final = {
    "request lost": "the host's chunk is gone",
    "request damaged": "one byte of it has its top bit turned",
    "request cut short": "only its first half arrives",
    "reply lost": "the device's chunk is gone",
    "reply damaged": "one byte of it has its top bit turned",
    "reply twice": "it arrives again a little later",
    "reply late": "it arrives after 3 s",
    "unplugged before": "the port goes away before the chunk arrives",
    "unplugged after": "the port goes away when it has arrived",
    "reset before": "the device loses its power before the chunk arrives",
    "reset after": "the device loses its power when it has obeyed",
    "silent after": "the device hears, but nothing comes back for 3 s",
    "unplugged when done": "the port goes away at the instant at which the device acts",
    "reset when done": "the device loses its power at that instant",
    "silent when done": "from that instant nothing comes back for 3 s",
}


_WHEN_DONE: Final = tuple(kind for kind in FAULTS if kind.endswith("when done"))
_TO_HOST: Final = tuple(kind for kind in FAULTS if kind.startswith("reply"))
_TO_DEVICE: Final = tuple(kind for kind in FAULTS if kind not in (*_TO_HOST, *_WHEN_DONE))


@dataclass(slots=True, eq=False)
class _Host:
    on_bytes: Callable[[bytes], None]
    on_lost: Callable[[str], None]
    lines: KitLines

    def write(self, data: bytes) -> int:
        return self.lines.written(self, data)

    def close(self) -> None:
        self.lines.let_go(self)


@dataclass(slots=True)
class KitLines:
    """`stuck`: a write takes nothing; `mute`: the device's bytes are lost; `missing`: there is no port."""

    simulated: Simulated
    byte_s: float
    stuck: bool = False
    mute: bool = False
    missing: bool = False
    dead: bool = False
    opened: int = 0
    attempts: int = 0
    twice: int = 0
    host: _Host | None = None
    fault: Fault | None = None
    outputs: Sequence[str] = ()
    _done: int = 0
    _counts: list[int] = field(default_factory=lambda: [0, 0])
    _timer: asyncio.TimerHandle | None = None
    _free_s: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def now_us(self) -> int:
        return round((asyncio.get_running_loop().time() - 1000.0) * 1e6)

    def arm(self, fault: Fault | None) -> None:
        """Count chunks from here on."""
        self.fault, self._counts, self._done = fault, [0, 0], self._acts()

    async def open(
        self, port: str, baud: int, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> Line:
        self.attempts += 1
        if self.missing or self.dead:
            raise DeviceError(f"{port}: no such port")
        if self.host is not None:
            self.twice += 1
            raise DeviceError(f"{port}: taken by another program")
        self.opened += 1
        self.host = _Host(on_bytes, on_lost, self)
        self.moved()
        return self.host

    async def open_framed(
        self, port: str, baud: int, framing: Framing, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> Line:
        return await self.open(port, baud, on_bytes, on_lost)

    def written(self, host: _Host, data: bytes) -> int:
        if host is not self.host or self.stuck or not data:
            return 0
        number, self._counts[0] = self._counts[0], self._counts[0] + 1
        self._later(0, len(data), lambda: self._to_device(data, number))
        return len(data)

    def let_go(self, host: _Host) -> None:
        if host is self.host:
            self.host = None

    def unplug(self, for_s: float = 1.0) -> None:
        """Take the port away for a while."""
        host, self.host, self.missing = self.host, None, True
        if host is not None:
            host.on_lost("unplugged")
        asyncio.get_running_loop().call_later(for_s, setattr, self, "missing", False)

    def kill_host(self) -> None:
        """The host's process is gone: what it still does reaches nobody, until another one is made."""
        self.host, self.dead = None, True

    def strike(self, kind: str) -> bool:
        """Do now what needs no chunk; return whether there was something to do."""
        if kind.startswith("unplugged"):
            self.unplug()
        elif kind.startswith("reset"):
            self.simulated.reset(self.now_us())
            self.moved()
        elif kind.startswith("silent"):
            self._hush()
        else:
            return False
        return True

    def noise(self, chunk: bytes) -> None:
        """Bytes that nobody sent."""
        if self.host is not None:
            self.host.on_bytes(chunk)

    def moved(self) -> None:
        """Look at the device again when it has something to do."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        due_us = self.simulated.next_deadline_us()
        at_s = None if due_us is None else max(1000.0 + due_us / 1e6, loop.time())
        self._timer = None if at_s is None else loop.call_at(at_s, self._advance)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _to_device(self, chunk: bytes, number: int) -> None:
        kind = self._strikes(number, *_TO_DEVICE)
        now_us = self.now_us()
        if kind == "unplugged before":
            self.unplug()
            return
        if kind == "reset before":
            self.simulated.reset(now_us)
        elif kind == "silent after":
            self._hush()
        if kind != "request lost":
            self.simulated.send(_changed(chunk, kind), now_us)
        if kind in ("unplugged after", "reset after"):
            # By then a device has obeyed, and its reply may be on the way.
            asyncio.get_running_loop().call_later(0.005, self._strike_after, kind)
        self._advance()

    def _hush(self) -> None:
        self.mute = True
        asyncio.get_running_loop().call_later(LATE_S, setattr, self, "mute", False)

    def _acts(self) -> int:
        return sum(map(self.simulated.acts, self.outputs))

    def _strike_after(self, kind: str) -> None:
        if kind == "unplugged after":
            self.unplug()
        else:
            self.simulated.reset(self.now_us())
        self.moved()

    def _advance(self) -> None:
        left = self.simulated.advance(self.now_us())
        if self._acts() > self._done and (kind := self._strikes(0, *_WHEN_DONE)):
            left = b""  # its answer is lost in any case
            if kind == "reset when done":
                self.simulated.reset(self.now_us())
            elif kind == "unplugged when done":
                self.unplug()
            else:
                self._hush()
        if left and not self.mute:
            number, self._counts[1] = self._counts[1], self._counts[1] + 1
            kind = self._strikes(number, *_TO_HOST)
            loop = asyncio.get_running_loop()
            if kind == "reply late":
                loop.call_later(LATE_S, self.noise, left)
            elif kind != "reply lost":
                self._later(1, len(left), lambda: self.noise(_changed(left, kind)))
            if kind == "reply twice":
                loop.call_later(0.05, self.noise, left)
        self.moved()

    def _later(self, way: int, size: int, what: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._free_s[way] = max(self._free_s[way], loop.time()) + size * self.byte_s
        loop.call_at(self._free_s[way], what)

    def _strikes(self, number: int, *kinds: str) -> str:
        fault = self.fault
        if fault is None or fault.struck or number != fault.at or fault.kind not in kinds:
            return ""
        fault.struck = True
        return fault.kind


def _changed(chunk: bytes, kind: str) -> bytes:
    middle = len(chunk) // 2
    if kind.endswith("damaged"):
        return chunk[:middle] + bytes((chunk[middle] ^ 0x80,)) + chunk[middle + 1 :]
    return chunk[:middle] if kind.endswith("short") else chunk
