"""A pressure and temperature transmitter that prints `pressure,temperature` ten times a second, CR LF behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ripieno_sim.seeds import stream

__all__ = ["PrintingSensor"]

EVERY_US = 100_000
POWER_UP_US = 300_000
HEADING = b"PT-100 v2.3\r\npressure,temperature\r\n"


class PrintingSensor:
    """Prints from power-up on. `says`: printed instead of the next lines; `silent`, `frozen`: what is wrong with it."""

    settings: Mapping[str, Any] = {"port": "/dev/ttySensor", "baud": 9600, "silent_s": 1.0}
    points: Sequence[tuple[str, str, Mapping[str, Any]]] = (
        (
            "extruder",
            "reading",
            {
                "columns": {"pressure": 0, "temperature": 1},
                "units": {"pressure": "bar", "temperature": "degC"},
                "ranges": {"pressure": (0.0, 400.0), "temperature": (-20.0, 350.0)},
                "stuck_s": 2.0,
            },
        ),
    )

    def __init__(self, seed: int = 0) -> None:
        self._draw = stream(seed, "printing sensor")
        self._next_us = EVERY_US
        self._heading = True
        self.pressure_bar, self.temperature_c = 120.0, 210.0
        self.says: list[bytes] = []
        self.silent = self.frozen = False
        self.printed = 0

    def send(self, written: bytes, now_us: int) -> None:
        """It does not listen."""

    def next_deadline_us(self) -> int | None:
        """Return when it prints next."""
        return self._next_us

    def advance(self, now_us: int) -> bytes:
        """Return what it printed up to now."""
        printed = b""
        while self._next_us <= now_us:
            self._next_us += EVERY_US
            if self._heading:
                self._heading = False
                printed += HEADING
            if not self.silent:
                printed += self._line()
        return printed

    def reset(self, now_us: int) -> None:
        """Take its power away for a moment: it starts with its heading."""
        self._next_us, self._heading = now_us + POWER_UP_US, True

    def acts(self, output: str) -> int:
        """It has no outputs."""
        return 0

    def level(self, output: str) -> float | None:
        """It has no outputs."""
        return None

    def _line(self) -> bytes:
        self.printed += 1
        if self.says:
            return self.says.pop(0)
        if not self.frozen:
            self.pressure_bar += self._draw.uniform(-0.5, 0.5)
            self.temperature_c += self._draw.uniform(-0.1, 0.1)
        return b"%.2f,%.1f\r\n" % (self.pressure_bar, self.temperature_c)
