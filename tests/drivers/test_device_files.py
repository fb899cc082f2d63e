"""A device file with the real drivers: compiled, packed, read back and opened; mistakes named; interlocks asked for."""

from __future__ import annotations

from typing import Any

import pytest
from language.bench import BUNDLE, DEVICE, DEVICE_FILE, DRIVERS, sealed, shipped

from ripieno.errors import ConfigError
from ripieno.language import compile_device
from ripieno.plan import Plan, decode, encode
from ripieno_drivers.gcode import DRIVER as GCODE
from ripieno_drivers.lines import DRIVER as LINES
from ripieno_drivers.modbus_rtu import DRIVER as MODBUS

REAL = {**DRIVERS, "modbus-rtu": MODBUS, "gcode": GCODE, "lines": LINES}
PIPELINE = shipped().replace(
    "outputs:\n",
    "  oven: {kind: reading, fields: {zone: degC, pressure: Pa}, max_age: 1s}\n"
    "  press: {kind: reading, fields: {force: kN}, max_age: 1s}\n"
    "  heat: {kind: reading, fields: {nozzle: degC}, max_age: 1s}\n"
    "outputs:\n",
    1,
)
MACHINES = """\
  bus: {driver: modbus-rtu, port: /dev/ttyUSB0, parity: even, rs485: kernel, interlock: "the module's own watchdog"}
  printer: {driver: gcode, port: /dev/ttyACM0, dialect: marlin, begin: [G21, G90]}
  scale: {driver: lines, port: /dev/ttyUSB1, baud: 1200, data_bits: 7, parity: even}
inputs:
  oven:
    device: bus
    unit: 2
    registers: {zone: 0, pressure: 2}
    types: {pressure: float32}
    scales: {zone: 0.1}
    ranges: {zone: [-50.0, 400.0], pressure: [0.0, 1e6]}
  press: {device: scale, pattern: 'F=(?P<force>\\S+) kN', units: {force: kN}, ranges: {force: [0.0, 50.0]}, stuck_s: 5}
  heat: {device: printer, reports: {nozzle: T}, ranges: {nozzle: [-10.0, 300.0]}}
"""
TEXT = (
    DEVICE.replace("inputs:\n", MACHINES)
    .replace("gate: {device: conveyor, channel: 0}", "gate: {device: bus, unit: 1, coil: 0}")
    .replace("flow: {device: conveyor, channel: 1, scale: 100}", "flow: {device: bus, register: 10, safe: 100.0}")
)


def compiled(text: str) -> Plan:
    store = {**sealed(PIPELINE), DEVICE_FILE: text.encode()}

    def read(path: str) -> bytes:
        if path not in store:
            raise FileNotFoundError(2, f"{BUNDLE}: No such file")
        return store[path]

    return compile_device(DEVICE_FILE, read, REAL)


def wrong(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        compiled(text)
    return [f"{one.path}: {one.message}" for one in refused.value.problems]


def test_real_drivers_settings_survive_compilation_and_the_plans_bytes() -> None:
    plan = decode(encode(compiled(TEXT)))
    devices: dict[str, Any] = {}
    for device in plan.devices:
        driver = REAL[device.driver]
        devices[device.name] = driver.settings(**device.settings, **device.places)
        for point in device.points:
            devices[point.name] = driver.point(**point.settings)

    assert devices["bus"].rs485 == "kernel" and devices["bus"].port == "/dev/ttyUSB0"
    assert devices["oven"].span == (0, 4)
    assert tuple(devices["oven"].ranges["zone"]) == (-50.0, 400.0)
    assert devices["press"].fields == ("force",)
    assert tuple(devices["printer"].begin) == ("G21", "G90")
    assert "port" not in next(one for one in plan.devices if one.name == "bus").settings


def test_a_device_that_cannot_fall_safe_needs_an_interlock() -> None:
    """Negative control of the test above: the same file without its interlock."""
    text = TEXT.replace(', interlock: "the module\'s own watchdog"', "")

    assert [one for one in wrong(text) if "fall safe" in one] == [
        "outputs.gate.device: device 'bus' does not fall safe by itself, and 'gate' is a pulse",
        "outputs.flow.device: device 'bus' does not fall safe by itself, and 'flow' is a setpoint",
    ]


@pytest.mark.parametrize(
    ("right", "mistake", "told"),
    [
        ("parity: even, rs485", "parity: evn, rs485", "devices.bus.parity"),
        ("registers: {zone: 0", "registers: {zone: 70000", "inputs.oven.registers"),
        ("ranges: {force: [0.0, 50.0]}", "ranges: {}", "`ranges` lacks force"),
        ("reports: {nozzle: T}", "reports: {nozzle: Q}", "inputs.heat.reports"),
        ("begin: [G21, G90]", 'begin: [G21, "M112 ;x"]', "devices.printer.begin"),
        ("coil: 0}", "coil: 0, register: 3}", "give one of"),
    ],
)
def test_mistakes_are_named_with_their_place(right: str, mistake: str, told: str) -> None:
    assert right in TEXT
    assert any(told in one for one in wrong(TEXT.replace(right, mistake)))
