"""The kit for services passes our drivers, and names the promise that a planted bad one breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from drivers import bad_bookers as bad

from ripieno.contracts.driver import Driver
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_drivers.conformance import examine, simulated_devices
from ripieno_drivers.conformance.services.examine import BOOKING, LIVING, RECORDS

GUIDE = Path(__file__).parents[2] / "docs/write-a-driver.md"
OURS = ["http-booking", "http-records", "sqlite-booking", "sqlite-records", "mqtt-messages", "files"]


def problems(driver: Driver, only: str) -> str:
    (factory,) = simulated_devices(driver.name).values()
    report = examine(driver, factory, only=only)
    assert report.checks
    return "\n".join(f"{check.name}: {problem}" for check in report.checks for problem in check.problems)


@pytest.mark.parametrize("name", OURS)
def test_our_own_drivers_keep_every_promise(name: str) -> None:
    (factory,) = simulated_devices(name).values()
    report = examine(installed_drivers()[name], factory)

    assert [(check.name, check.problems) for check in report.checks if not check.passed] == []
    assert sum(check.figures["struck"] for check in report.checks) >= 4
    assert len(report.checks) >= 12


@pytest.mark.parametrize(
    ("driver", "only", "reason"),
    [
        (bad.made(bad.HTTP, bad.FreshKeys), "book fault: after", "one act had its effect 2 times"),
        (bad.made(bad.HTTP, bad.FreshKeys), "asked twice", "one act had its effect"),
        (bad.made(bad.HTTP, bad.NoKeys), "book fault: silent", "one act had its effect 2 times"),
        (bad.made(bad.HTTP, bad.Optimist), "book fault: before", "EXECUTED, and the service knows nothing of it"),
        (bad.made(bad.HTTP, bad.Optimist), "booked while away", "EXECUTED, and the service knows nothing of it"),
        (bad.made(bad.HTTP, bad.Pessimist), "book fault: after", "and the service has done it"),
        (bad.made(bad.HTTP, bad.Pessimist), "book fault: before", "a booking that the service would take is not-exec"),
        (bad.made(bad.BOOK, bad.Leaves), "book closed", "waits for ever after run() has ended; LinkDown"),
        (bad.made(bad.BOOK, bad.Doubles), "booked", "one act had its effect 2 times"),
        (bad.made(bad.BOOK, bad.Keeps), "service lifecycle", "run() took 3.0 s; 1 s is the limit"),
        (bad.made(bad.BOOK, bad.Keeps), "service lifecycle", "it keeps 1 connections or databases open"),
        (bad.made(bad.LOOK, bad.Mixes), "looks at once", "is there"),
        (bad.made(bad.LOOK, bad.Raises), "looks while away", "look() raised DeviceError"),
        (bad.made(bad.LOOK, bad.Shrugs), "looks while away", "FAILED with its reason is expected"),
        (bad.made(bad.LOOK, bad.Shrugs), "look fault: before", "is there"),
        (bad.made(bad.LOOK, bad.Chooses), "records", "two records are there"),
    ],
)
def test_a_broken_promise_is_named(driver: Driver, only: str, reason: str) -> None:
    assert reason in problems(driver, only)


def test_the_guide_tells_of_every_check() -> None:
    assert all(f"`{name}`" in GUIDE.read_text() for name in (*LIVING, *BOOKING, *RECORDS))
