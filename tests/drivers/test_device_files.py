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
PATTERN = "pattern: 'F=(?P<force>\\S+) kN', units: {force: kN}, ranges: {force: [0.0, 50.0]}"
COLUMNS = "columns: {force: 0}, ranges: {force: [0.0, 50.0]}"
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
        (
            "reports: {nozzle: T}, ranges: {nozzle",
            "reports: {nozzles: T}, ranges: {nozzles",
            "inputs.heat: reports no 'nozzle', and the pipeline's reading has this field",
        ),
        (
            "units: {force: kN}",
            "units: {force: N}",
            "inputs.press: reports 'force' in N, and the pipeline wants kN",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(right: str, mistake: str, told: str) -> None:
    assert right in TEXT
    assert any(told in one for one in wrong(TEXT.replace(right, mistake)))


def test_a_field_that_a_point_does_not_report_is_told_with_its_place_and_the_mend() -> None:
    """It used to be found out at the first reading, by a daemon that ended."""
    text = TEXT.replace(PATTERN, COLUMNS.replace("force", "forse"))
    with pytest.raises(ConfigError) as refused:
        compiled(text)
    (problem,) = refused.value.problems

    line = next(number for number, one in enumerate(text.splitlines(), 1) if one.startswith("  press:"))
    assert (problem.line, problem.column, problem.path) == (line, 3, "inputs.press")
    assert problem.hint == "did you mean 'forse'?"


def test_a_field_more_than_the_pipeline_wants_is_no_mistake() -> None:
    text = TEXT.replace(
        PATTERN, COLUMNS.replace("{force: 0}", "{force: 0, time: 1}").replace("50.0]}", "50.0], time: [0, 1e9]}")
    )

    assert next(one for one in compiled(text).devices if one.name == "scale").points[0].settings["columns"] == {
        "force": 0,
        "time": 1,
    }


def test_an_output_on_a_unit_with_a_watchdog_falls_safe_by_itself() -> None:
    """The pulse still needs something outside: nobody can promise that it is done once."""
    text = TEXT.replace('interlock: "the module\'s own watchdog"', "watchdog_unit: 1, watchdog_register: 90")

    assert [one for one in wrong(text) if "interlock" not in one] == [
        "outputs.gate.device: device 'bus' does a pulse at-most-once, and 'gate' is a pulse",
    ]


def test_an_output_on_another_unit_than_the_one_with_the_watchdog_does_not() -> None:
    text = TEXT.replace('interlock: "the module\'s own watchdog"', "watchdog_unit: 2, watchdog_register: 90")

    assert [one.partition(":")[0] for one in wrong(text)] == ["outputs.gate.device", "outputs.flow.device"]
