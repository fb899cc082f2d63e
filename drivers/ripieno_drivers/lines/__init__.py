"""Lines: a sensor that prints text or CSV on a serial line.

In:    lines of text. Out: readings, each with its health; ups and downs. No outputs.
Never: a number that was not read, a bad line taken for a good one in silence; I/O.
Start: sensor.py (the device), extract.py (a line into numbers), judge.py (how far they can be trusted).
"""

from __future__ import annotations

from typing import Any

from ripieno.contracts.driver import Context, Device, Driver

from .settings import LinesPoint, LinesSettings


def _open(settings: Any, context: Context) -> Device:
    from .sensor import LinesSensor

    return LinesSensor(settings, context)


DRIVER = Driver(
    name="lines",
    summary="a sensor that prints text or CSV on a serial line",
    settings=LinesSettings,
    point=LinesPoint,
    inputs=frozenset({"reading"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=False,
    open=_open,
)

__all__ = ["DRIVER", "LinesPoint", "LinesSettings"]
