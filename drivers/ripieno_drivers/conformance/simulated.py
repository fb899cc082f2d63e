"""What the kit needs of a simulated device, and which ones are installed.

A driver's author ships one with the driver, written from the device's public specification, not from the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any, Final, Protocol

GROUP: Final = "ripieno.simulated"
"""Entry points that load to a factory: called with a seed, it gives a `Simulated`. The name is the driver's, or the
driver's with a dot and a variant behind it (`gcode.grbl`)."""


class Simulated(Protocol):
    """A device behind a serial port, in a time that is handed in (microseconds, never falling).

    `settings`: keyword arguments of the driver's settings class, `port` among them. `points`: (name, kind, keyword
    arguments of the driver's point class). It may have `values`: what to send to an output, where 1.0 will not do.
    """

    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def points(self) -> Sequence[tuple[str, str, Mapping[str, Any]]]: ...
    def send(self, written: bytes, now_us: int) -> None:
        """Take what the host wrote."""

    def advance(self, now_us: int) -> bytes:
        """Let time pass; return what has left for the host."""

    def next_deadline_us(self) -> int | None:
        """Return when something happens by itself."""

    def reset(self, now_us: int) -> None:
        """Take the power away for a moment: what is not in flash is forgotten."""

    def acts(self, output: str) -> int:
        """Return how often a pulse output has physically acted, over resets."""

    def level(self, output: str) -> float | None:
        """Return where a setpoint output stands, in the pipeline's unit."""


Factory = Callable[[int], Simulated]


def simulated_devices(driver: str) -> dict[str, Factory]:
    """Return the installed factories for a driver by entry point name."""
    points = metadata.entry_points(group=GROUP)
    mine = [one for one in points if one.name == driver or one.name.startswith(f"{driver}.")]
    return {one.name: one.load() for one in sorted(mine, key=lambda one: one.name)}
