"""Hundreds of pulses over a line that flips, drops, duplicates and delays, with resets and unplugs, all from one seed.

What must hold: at most once, every claim of certainty true, an outcome for each. Counted by the device.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from drivers.bench import pulse
from drivers.serial_bench import SerialBench
from drivers.virtual import run

from ripieno.values import OutcomeKind
from ripieno_drivers.gcode import DRIVER as GCODE
from ripieno_drivers.modbus_rtu import DRIVER as MODBUS
from ripieno_sim.devices.marlin_printer import MarlinPrinter
from ripieno_sim.devices.modbus_units import ModbusUnits
from ripieno_sim.line import LineFaults

PULSES = 200
MIXES = {
    "bad line": (LineFaults(drop_per_byte=2e-3, flip_per_byte=2e-3, noise=0.01), 0.0),
    "late and twice": (LineFaults(duplicate=0.02, noise=0.01, burst=0.02), 0.0),
    "resets and unplugs": (LineFaults(flip_per_byte=5e-4), 0.15),
}


async def soak(world: SerialBench, output: str, mix: str, seed: int) -> Counter[str]:
    draw, found = random.Random(seed), Counter[str]()
    faults, trouble = MIXES[mix]
    world.lines.to_device = lambda chunk: faults.mangle(chunk, draw) if chunk else chunk
    world.lines.to_host = lambda chunk: faults.mangle(chunk, draw) if chunk else chunk
    async with world.running(3) as device:
        for index in range(PULSES):
            if draw.random() < trouble:
                delay_s, loop = draw.uniform(0, 0.03), asyncio.get_running_loop()
                if draw.random() < 0.5:
                    loop.call_later(delay_s, lambda: world.simulated.reset(world.lines.now_us()))
                elif world.lines.host is not None:
                    loop.call_later(delay_s, lambda: world.lines.host is not None and world.lines.unplug())
                    loop.call_later(1, setattr, world.lines, "missing", False)
            before = world.simulated.acts(output)
            async with asyncio.timeout(60):
                outcome = await device.fire(pulse(index, output, late=1.0, hold_s=0.02))
            await asyncio.sleep(0.5)
            done = world.simulated.acts(output) - before
            found[outcome.kind.value] += 1
            found["done"] += done
            found["doubled"] += done > 1
            found["false"] += (
                outcome.kind is OutcomeKind.EXECUTED
            ) != done and outcome.kind is not OutcomeKind.IN_DOUBT
    return found


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize(
    ("driver", "make", "output"),
    [(MODBUS, ModbusUnits, "kicker"), (MODBUS, ModbusUnits, "counted"), (GCODE, MarlinPrinter, "shot")],
)
def test_nothing_is_done_twice_and_nothing_untrue_is_said(driver: Any, make: Any, output: str, mix: str) -> None:
    async def main() -> Counter[str]:
        return await soak(SerialBench(driver, make(1)), output, mix, 7)

    found = run(main(), 100_000)

    assert found["doubled"] == found["false"] == 0
    assert found["executed"] + found["not-executed"] + found["in-doubt"] == PULSES
    assert found["executed"] > PULSES / 4
