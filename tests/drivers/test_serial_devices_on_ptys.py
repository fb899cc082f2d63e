"""The same drivers and devices through the real port, on real pseudo-terminals, in wall-clock time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from drivers.bench import pulse
from drivers.serial_bench import SerialBench

from ripieno.values import DeviceUp, Health, OutcomeKind
from ripieno_drivers.gcode import DRIVER as GCODE
from ripieno_drivers.lines import DRIVER as LINES
from ripieno_drivers.link.port import SerialLines
from ripieno_drivers.modbus_rtu import DRIVER as MODBUS
from ripieno_sim.devices.grbl_mill import GrblMill
from ripieno_sim.devices.marlin_printer import MarlinPrinter
from ripieno_sim.devices.modbus_units import ModbusUnits
from ripieno_sim.devices.printing_sensor import PrintingSensor
from ripieno_sim.line.ptys import PtyPort


class OnAPty:
    """What `PtyPort` needs of a device."""

    finished = False

    def __init__(self, simulated: Any) -> None:
        self._simulated, self.now_us = simulated, 0

    def send(self, written: bytes, now_us: int) -> None:
        self._simulated.send(written, now_us)

    def advance(self, now_us: int) -> bytes:
        self.now_us = now_us
        return bytes(self._simulated.advance(now_us))

    def next_deadline_us(self) -> int | None:
        due_us: int | None = self._simulated.next_deadline_us()
        return due_us


@pytest.mark.parametrize(
    ("driver", "make", "output"),
    [
        (LINES, PrintingSensor, ""),
        (MODBUS, ModbusUnits, "kicker"),
        (GCODE, MarlinPrinter, "shot"),
        (GCODE, GrblMill, "coolant"),
    ],
)
def test_it_serves_and_acts_through_the_real_port(driver: Any, make: Any, output: str, tmp_path: Path) -> None:
    async def main() -> None:
        simulated, path = make(1), tmp_path / "port"
        async with PtyPort(OnAPty(simulated), path):
            world = SerialBench(driver, simulated, port=str(path))
            world.lines = SerialLines()  # type: ignore[assignment]
            async with world.running(2.5) as device:
                assert world.of(DeviceUp)
                kinds = []
                for index in range(3 if output else 0):
                    kinds.append((await device.fire(pulse(index, output, late=2.0, hold_s=0.05))).kind)
                    await asyncio.sleep(0.2)

        assert world.readings()[-1].health is Health.GOOD
        assert kinds == [OutcomeKind.EXECUTED] * simulated.acts(output)
        assert simulated.acts(output) == (3 if output else 0)

    asyncio.run(main())
