"""The driver against another's reading of the specification: pymodbus' server on a real pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Mapping
from typing import Any

import pytest
from drivers.bench import Intents, pulse
from drivers.serial_bench import SerialBench

from ripieno.values import DeviceUp, Health, OutcomeKind, Reading, Setpoint
from ripieno_drivers.link.port import SerialLines
from ripieno_drivers.modbus_rtu import DRIVER

pytest.importorskip("pymodbus", reason="pymodbus is not installed; pip install pymodbus==3.16.1 to run this")


class Wires:
    """Two pseudo-terminals, their masters joined: what a null-modem cable is to serial ports."""

    def __init__(self) -> None:
        self.pairs = [os.openpty(), os.openpty()]
        self.names = [os.ttyname(slave) for _, slave in self.pairs]
        loop = asyncio.get_running_loop()
        for (master, slave), (other, _) in zip(self.pairs, reversed(self.pairs), strict=True):
            tty.setraw(slave)
            os.set_blocking(master, False)
            loop.add_reader(master, self._carry, master, other)

    def _carry(self, here: int, there: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(there, os.read(here, 4096))

    def close(self) -> None:
        for master, slave in self.pairs:
            asyncio.get_running_loop().remove_reader(master)
            os.close(master)
            os.close(slave)


def test_coils_registers_and_readings_against_pymodbus() -> None:
    from pymodbus.server import ModbusSerialServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    async def main() -> None:
        wires = Wires()
        blocks: Any = (
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
            [SimData(0, values=[0] * 20, datatype=DataType.REGISTERS)],
            [SimData(0, values=[2105, 0, 7, 8], datatype=DataType.REGISTERS)],
        )
        server = ModbusSerialServer(SimDevice(1, blocks), port=wires.names[0], baudrate=19200)
        serving = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(0.2)

        class Simulated:
            settings: Mapping[str, Any] = {"port": wires.names[1], "baud": 19200, "parity": "none", "rearm": "auto"}
            points = (
                ("kicker", "pulse", {"coil": 3}),
                ("flow", "setpoint", {"register": 10, "scale": 10.0, "safe": 100.0}),
                (
                    "oven",
                    "reading",
                    {"registers": {"zone": 0}, "scales": {"zone": 0.1}, "ranges": {"zone": (0.0, 400.0)}},
                ),
            )

            def next_deadline_us(self) -> None:
                return None

        world = SerialBench(DRIVER, Simulated(), Intents())
        world.lines = SerialLines()  # type: ignore[assignment]
        async with world.running(0.5) as device:
            assert world.of(DeviceUp)
            outcomes = [
                await device.fire(pulse(n, "kicker", late=1.0, hold_s=0.05))
                for n in range(3)
                if not await asyncio.sleep(0.2)
            ]
            device.set(Setpoint("flow", 105.5, 3))
            await asyncio.sleep(0.3)
        readings = world.of(Reading)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        wires.close()

        assert [one.kind for one in outcomes] == [OutcomeKind.EXECUTED] * 3
        assert readings[-1].health is Health.GOOD and readings[-1].fields["zone"] == pytest.approx(210.5)
        assert world.said == []

    asyncio.run(main())
