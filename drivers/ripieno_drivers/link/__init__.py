"""Link: machines on a serial line that speaks docs/link-protocol.md.

In:    pulses, setpoints, a person's rearm. Out: edges, positions, ups and downs, one outcome for each act.
Never: an act whose intent is not durable, an act sent twice, a guess where only doubt is honest; I/O but in port.py.
Start: core.py (the protocol, without I/O), service.py (the driver, without waiting), actuator.py (the device on a
loop); holding.py, departures.py and commands.py are an act's way: not due yet, not sent yet, without an outcome yet.
"""

from __future__ import annotations

from typing import Any

from ripieno.contracts.driver import Context, Device, Driver

from .settings import LinkPoint, LinkSettings


def _open(settings: Any, context: Context) -> Device:
    from .actuator import LinkDevice

    return LinkDevice(settings, context)


DRIVER = Driver(
    name="link",
    summary="a board that speaks Ripieno's link protocol on a serial line",
    settings=LinkSettings,
    point=LinkPoint,
    inputs=frozenset({"edge", "position"}),
    outputs=frozenset({"pulse", "setpoint", "indicator"}),
    pulse_contract="exactly-once",
    falls_safe=True,
    open=_open,
)

__all__ = ["DRIVER", "LinkPoint", "LinkSettings"]
