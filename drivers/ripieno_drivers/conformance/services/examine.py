"""Runs the checks of a driver of services, each in a world and a loop of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from ripieno.contracts.driver import Driver

from ..report import CheckReport
from . import bookings, living, lookups
from .service import Service
from .trouble import FAULTS
from .world import BOOKS, ServiceWorld

Check = Callable[[ServiceWorld, CheckReport], Awaitable[None]]
LIVING: Final[dict[str, tuple[str, Check]]] = {
    "service lifecycle": ("cancelled at any instant it ends within 1 s and leaves nothing", living.lifecycle),
    "service away at first": ("nobody is reached: down, once, tried on a ladder, and up later", living.away_at_first),
}
BOOKING: Final[dict[str, tuple[str, Check]]] = {
    "booked": ("each act has one effect, and its outcome is true", bookings.booked),
    "asked twice": ("an act that is asked for again, also after a restart, has one effect", bookings.asked_twice),
    "book cancelled": ("callers cancelled, the process killed, at any instant: one effect", bookings.cancelled),
    "book closed": ("who waits is told when the device ends", bookings.closed),
    "booked while away": ("300 bookings wait for a service that is away for 30 s", bookings.away),
}
RECORDS: Final[dict[str, tuple[str, Check]]] = {
    "records": ("what is there is found, what is not is not, two are a failure", lookups.found_and_not),
    "looks at once": ("many at once, some cancelled: nobody gets another's record", lookups.at_once),
    "looks while away": ("nobody is reached: each look fails with a reason, in time", lookups.away),
}


def checks_for(service: Service) -> dict[str, tuple[str, Check]]:
    """Return the checks that make sense for what this service serves."""
    checks = dict(LIVING)
    if any(kind in BOOKS for _, kind, _ in service.points):
        checks |= BOOKING
        for kind, meaning in FAULTS.items():
            claim = f"struck at any exchange of a booking ({meaning}): one effect, and it goes on"
            checks[f"book fault: {kind}"] = (claim, partial(bookings.fault, kind=kind))
    if service.records:
        checks |= RECORDS
        for kind, meaning in FAULTS.items():
            claim = f"a look-up is struck ({meaning}): it fails with a reason, and the next one is right"
            checks[f"look fault: {kind}"] = (claim, partial(lookups.fault, kind=kind))
    return checks


def examine_service(
    driver: Driver,
    factory: Callable[[int], Service],
    run: Callable[[Callable[[], Any], Callable[[Any, CheckReport], Awaitable[None]], CheckReport], None],
    only: str,
    tell: Callable[[str], None],
) -> list[CheckReport]:
    """Run the checks whose name contains `only`. `run(world, check, found)` does one, in a loop of its own."""
    reports = []
    for name, (claim, check) in checks_for(factory(0)).items():
        if only in name:
            tell(name)
            found = CheckReport(name, claim)
            run(partial(ServiceWorld, driver, factory), check, found)
            reports.append(found)
    return reports
