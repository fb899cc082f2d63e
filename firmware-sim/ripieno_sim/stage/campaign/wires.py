"""The Lines port of a campaign: the board behind a plug that can be pulled, and a sensor that prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ripieno.contracts.ports import Line, Lines
from ripieno.errors import DeviceError
from ripieno_sim.line import TO_BOARD, TO_HOST, PacedLine

from .bundle import BOARD_PORT, GAUGE_PORT
from .gauge import Gauge

Take = Callable[[bytes], None]
Lose = Callable[[str], None]


@dataclass(slots=True)
class _Opened:
    line: Line
    lose: Lose


class Plug:
    """The board's port. Opened by one process at a time; `let_go` when that one has died."""

    def __init__(self, inner: Lines, line: PacedLine, now_us: Callable[[], int]) -> None:
        self.is_in, self.is_stuck = True, False
        self._inner, self._line, self._now_us = inner, line, now_us
        self._opened: _Opened | None = None
        self._dead_ways: set[int] = set()

    async def open(self, port: str, baud: int, on_bytes: Take, on_lost: Lose) -> Line:
        """Open it; raises DeviceError while the plug is out."""
        if not self.is_in:
            raise DeviceError(f"{port}: no such port; plug the board in")
        inner = await self._inner.open(port, baud, on_bytes, on_lost)
        opened = self._opened = _Opened(inner, on_lost)
        return _PluggedLine(self, opened)

    def take(self, opened: _Opened, data: bytes) -> int:
        """Take what the host writes, as far as there is room."""
        if opened is not self._opened or not self.is_in or self.is_stuck:
            return 0
        return opened.line.write(data)

    def close(self, opened: _Opened) -> None:
        """The host has closed the port."""
        opened.line.close()
        if opened is self._opened:
            self._opened = None

    def let_go(self) -> None:
        """The process that had it open is dead."""
        if self._opened is not None:
            self.close(self._opened)

    def pull(self) -> None:
        """Pull the plug: what is on its way in either direction is gone."""
        self.is_in = False
        for way in (TO_BOARD, TO_HOST):
            self._line.tear(way, self._now_us())
            self._line.cut(way)
        if self._opened is not None:
            self._opened.lose(f"{BOARD_PORT}: unplugged")

    def put_back(self) -> None:
        """Put the plug back."""
        self.is_in = True
        for way in (TO_BOARD, TO_HOST):
            self._line.cut(way, way in self._dead_ways)

    def cut(self, ways: tuple[int, ...]) -> None:
        """Cut the line behind the plug."""
        self._dead_ways.update(ways)
        for way in ways:
            self._line.cut(way)

    def mend(self) -> None:
        """Mend the line behind the plug."""
        self._dead_ways.clear()
        for way in (TO_BOARD, TO_HOST):
            self._line.cut(way, not self.is_in)


class _PluggedLine:
    def __init__(self, plug: Plug, opened: _Opened) -> None:
        self._plug, self._opened = plug, opened

    def write(self, data: bytes) -> int:
        return self._plug.take(self._opened, data)

    def close(self) -> None:
        self._plug.close(self._opened)


class GaugePort:
    """The sensor's port."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge

    async def open(self, port: str, baud: int, on_bytes: Take, on_lost: Lose) -> Line:
        """Hear what it prints from now on."""
        self._gauge.take = on_bytes
        return _GaugeLine(self._gauge, on_bytes)


class _GaugeLine:
    def __init__(self, gauge: Gauge, take: Take) -> None:
        self._gauge, self._take = gauge, take

    def write(self, data: bytes) -> int:
        return len(data)

    def close(self) -> None:
        if self._gauge.take is self._take:
            self._gauge.take = None


class Wires:
    """All ports by name."""

    def __init__(self, plug: Plug, gauge: Gauge) -> None:
        self._ports: Mapping[str, Lines] = {BOARD_PORT: plug, GAUGE_PORT: GaugePort(gauge)}

    async def open(self, port: str, baud: int, on_bytes: Take, on_lost: Lose) -> Line:
        """Open the port of that name; raises DeviceError."""
        if port not in self._ports:
            raise DeviceError(f"{port}: no such port; there are {', '.join(self._ports)}")
        return await self._ports[port].open(port, baud, on_bytes, on_lost)
