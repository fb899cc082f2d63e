"""Modbus RTU: coils, registers and sensors of several units on one serial bus.

In:    pulses (coils), setpoints (registers). Out: readings with their health, one outcome for each pulse.
Never: the ON of a pulse written twice; an outcome that the bus did not tell; I/O.
Start: frames.py (the protocol, without I/O), bus.py (one request, one reply), device.py.

Read in: MODBUS Application Protocol V1.1b3 ("AP") and MODBUS over Serial Line V1.02 ("SL"), modbus.org.
"""

from __future__ import annotations

from typing import Any

from ripieno.contracts.driver import Context, Device, Driver

from .settings import ModbusPoint, ModbusSettings


def _open(settings: Any, context: Context) -> Device:
    from .device import ModbusDevice

    return ModbusDevice(settings, context)


def _falls_safe(settings: ModbusSettings, point: ModbusPoint) -> bool:
    """Only where the output's unit has a watchdog of its own, which we renew, and which it obeys without us."""
    return settings.watchdog_unit is not None and settings.watchdog_unit == point.unit


DRIVER = Driver(
    name="modbus-rtu",
    summary="coils, registers and sensors on a Modbus RTU bus",
    settings=ModbusSettings,
    point=ModbusPoint,
    inputs=frozenset({"reading"}),
    outputs=frozenset({"pulse", "setpoint"}),
    pulse_contract="at-most-once",
    falls_safe=_falls_safe,
    open=_open,
)

__all__ = ["DRIVER", "ModbusPoint", "ModbusSettings"]
