"""The kit passes drivers that keep their contract, and names the promise that a planted bad one breaks."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from drivers import bad_kickers as bad

from ripieno.contracts.driver import Driver
from ripieno_daemon.cli.main import main
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_drivers.conformance import CHECKS, Stopwatch, examine, simulated_devices
from ripieno_drivers.conformance.stopwatch import Moment
from ripieno_drivers.modbus_rtu import DRIVER as MODBUS
from ripieno_sim.devices.modbus_guarded import GuardedUnits
from ripieno_sim.devices.modbus_units import ModbusUnits

GUIDE = Path(__file__).parents[2] / "docs/write-a-driver.md"


def problems(driver: Driver, only: str = "") -> str:
    report = examine(driver, bad.SIMULATED, only=only)
    assert report.checks
    return "\n".join(f"{check.name}: {problem}" for check in report.checks for problem in check.problems)


def test_the_guides_driver_keeps_every_promise() -> None:
    report = examine(bad.GOOD, bad.SIMULATED)

    assert problems(bad.GOOD, "declaration") == ""
    assert [(check.name, check.problems) for check in report.checks if not check.passed] == []
    assert sum(check.figures["struck"] for check in report.checks) >= 25
    assert not any(check.skipped for check in report.checks if check.name != "setpoints")


@pytest.mark.parametrize(
    ("driver", "only", "reason"),
    [
        (bad.made(bad.Retries), "fault: reply lost", "one pulse was executed"),
        (bad.made(bad.Assumes), "fault: request lost", "said to be EXECUTED, and the device did nothing"),
        (bad.made(bad.Gives), "fault: reply lost", "said to be NOT_EXECUTED (no answer), and the device did it"),
        (bad.made(bad.Gives), "fault: reset when done", "said to be NOT_EXECUTED"),
        (bad.made(bad.Hasty), "durable first", "it was done before its intent was durable"),
        (bad.made(bad.Blocks), "lifecycle", "it blocks the loop: 3"),
        (bad.made(bad.Computes), "lifecycle", "in which nothing else could run, at most 20 are allowed"),
        (bad.made(bad.Lingers), "lifecycle", "cancelled, run() took 3.0 s; 1 s is the limit"),
        (bad.made(bad.Lingers), "lifecycle", "leaves tasks running: forgotten"),
        (bad.made(bad.Spins), "no port", "without a port it tried"),
        (bad.made(bad.Hoards), "garbage", "it grew by"),
        (
            bad.made(bad.kicker.Kicker, pulse_contract="exactly-once"),
            "fault: reply lost",
            "it claims exactly-once, and",
        ),
        (bad.made(bad.kicker.Kicker, pulse_contract="exactly-once"), "restart", "it claims exactly-once, and"),
        (bad.made(bad.kicker.Kicker, pulse_contract="surely"), "declaration", "pulse_contract is 'surely'"),
        (bad.made(bad.kicker.Kicker, outputs=frozenset()), "declaration", "binds kick as a pulse"),
    ],
)
def test_a_broken_promise_is_named(driver: Driver, only: str, reason: str) -> None:
    assert reason in problems(driver, only)


@pytest.mark.parametrize("name", ["lines", "modbus-rtu", "gcode", "link"])
def test_our_own_drivers_keep_their_promises(name: str) -> None:
    """The whole kit is `ripieno driver test NAME`; here what is quick enough for every run."""
    devices = simulated_devices(name)
    assert devices
    for device, factory in devices.items():
        for only in ("declaration", "lifecycle", "refusals", "when done", "reply lost"):
            report = examine(installed_drivers()[name], factory, device=device, only=only)
            assert [(check.name, check.problems) for check in report.checks if not check.passed] == []


def test_the_command_prints_what_it_found_and_exits_by_it(tmp_path: Path, capsys: Any) -> None:
    assert main(["driver", "test", "lines", "--only", "lifecycle", "--json", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["passed"] and [check["name"] for check in found["reports"][0]["checks"]] == ["lifecycle"]
    assert "lifecycle" in capsys.readouterr().out


def test_unknown_drivers_and_those_without_a_device_are_said(capsys: Any) -> None:
    assert main(["driver", "test", "nothing"]) == 2
    assert "there is no driver 'nothing'" in capsys.readouterr().out
    assert main(["driver", "test", "folder-camera"]) == 2
    assert "no simulated device" in capsys.readouterr().out


def test_the_guide_shows_the_driver_that_is_tested() -> None:
    assert bad.EXAMPLE.read_text() in GUIDE.read_text()
    assert all(f"`{name}`" in GUIDE.read_text() for name in CHECKS)


def test_a_processor_that_others_have_taken_is_not_held_against_a_driver() -> None:
    """On a busy machine a turn lasts long without computing or waiting: only those two count."""
    began = Moment(real_ns=0, used_ns=0, waits=5)

    assert Stopwatch.held_up_ns(began, Moment(90_000_000, 1_000_000, 5)) == 1_000_000
    assert Stopwatch.held_up_ns(began, Moment(90_000_000, 1_000_000, 6)) == 90_000_000
    assert Stopwatch.held_up_ns(began, Moment(90_000_000, 80_000_000, 5)) == 80_000_000


def test_a_wait_and_a_computation_are_told_by_the_real_stopwatch() -> None:
    stopwatch = Stopwatch()
    began = stopwatch.now()
    time.sleep(0.03)
    waited = stopwatch.held_up_ns(began, stopwatch.now())
    began = stopwatch.now()
    while stopwatch.now().used_ns - began.used_ns < 30_000_000:
        pass
    computed = stopwatch.held_up_ns(began, stopwatch.now())

    assert waited >= 30_000_000
    assert computed >= 30_000_000


def test_a_unit_with_a_watchdog_lets_go_when_the_host_dies_and_one_without_does_not() -> None:
    """The claim follows the settings; a module that does not obey it is found out."""

    class Deaf(GuardedUnits):
        def _obey(self, unit: int, function: int, data: bytes) -> bytes:
            reply = super()._obey(unit, function, data)
            self._bites_us = None
            return reply

    kept = examine(MODBUS, GuardedUnits, only="setpoints")
    broken = examine(MODBUS, Deaf, only="setpoints")

    assert (kept.falls_safe, examine(MODBUS, ModbusUnits, only="declaration").falls_safe) == (True, False)
    assert [(check.problems, check.figures["lapsed"]) for check in kept.checks] == [([], 1)]
    assert broken.checks[0].problems == ["it says that it falls safe; flow stays at 105.5"]
