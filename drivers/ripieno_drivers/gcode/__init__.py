"""G-code: printers, mills and dispensers whose controller speaks the line protocol of Marlin or grbl.

In:    pulses and setpoints, each as a command that the device file declares. Out: positions, readings, outcomes.
Never: a line that the device file does not declare, a second line before the first is answered, an act sent again
       unless the controller itself said that it has not taken it; I/O.
Start: answers.py and wire.py (the protocol, without I/O), talk.py (one line, one answer), device.py.

Read in: Marlin's "G-code" reference and its host protocol (marlinfw.org/docs/gcode, M110, "Resend"), and grbl v1.1
"Interface" (gnea/grbl wiki, doc/markdown/interface.md).
"""

from __future__ import annotations

from typing import Any

from ripieno.contracts.driver import Context, Device, Driver

from .settings import GcodePoint, GcodeSettings


def _open(settings: Any, context: Context) -> Device:
    from .device import GcodeDevice

    return GcodeDevice(settings, context)


DRIVER = Driver(
    name="gcode",
    summary="a printer, mill or dispenser that speaks G-code (Marlin or grbl)",
    settings=GcodeSettings,
    point=GcodePoint,
    inputs=frozenset({"position", "reading"}),
    outputs=frozenset({"pulse", "setpoint"}),
    pulse_contract="at-most-once",
    falls_safe=False,
    open=_open,
)

__all__ = ["DRIVER", "GcodePoint", "GcodeSettings"]
