"""Runs every check, each in a world and a loop of its own, and watches how long the loop was kept from others."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from ripieno.contracts.driver import Driver

from . import hardship, living, promises
from .line import FAULTS
from .report import CheckReport, Report
from .services import examine_service, is_service
from .services.world import ServiceWorld
from .simulated import Factory
from .stopwatch import Blocked, Stopwatch
from .virtual import VirtualLoop
from .world import World

Check = Callable[[World, CheckReport], Awaitable[None]]
LONGEST_TURN_S: Final = 0.02
"""A turn of the loop that is longer holds up everything else in the daemon. It is what the turn computed, or where it
waited for something, how long it took; what the simulated device computes in that turn is part of it.
"""
TRIES: Final = 3
"""A turn that is too long must be so in as many runs: the machine itself may stall."""
REAL_S: Final = 60.0
VIRTUAL_S: Final = 20_000.0

CHECKS: Final[dict[str, tuple[str, Check]]] = {
    "lifecycle": (
        "comes up, ends within 1 s of its cancellation, leaves nothing behind, starts again",
        living.lifecycle,
    ),
    "no port": ("without a port it is down, tries on a ladder, and comes up when there is one", living.no_port),
    "cancelled": ("cancelled at any instant it ends in time and tells nothing untrue", living.cancelled_anywhere),
    "callers": ("a cancelled caller un-sends nothing, and the outcome is not lost", living.callers_cancelled),
    "refusals": ("unknown outputs and numbers that are none are refused", living.refusals),
    "stuck peer": ("a line that takes nothing for 40 s: noticed, bounded, every pulse resolved", hardship.stuck),
    "silent peer": ("a device that says nothing for 40 s: noticed, bounded, every pulse resolved", hardship.silent),
    "garbage": ("1.6 MB of noise: nothing breaks, nothing grows", hardship.flood),
    "restart": ("killed at any instant of an act, the next start tells a true outcome", promises.restarts),
    "durable first": ("nothing is sent before its intent is durable", promises.durable_first),
    "withdrawn": ("a withdrawn pulse has a true outcome", promises.withdrawals),
    "setpoints": ("a setpoint arrives, is renewed, and ends safe", promises.setpoints),
}
NEEDS_PULSES: Final = frozenset({"callers", "restart", "durable first", "withdrawn"})
NEEDS_SETPOINTS: Final = frozenset({"setpoints"})


def examine(
    driver: Driver,
    factory: Factory,
    *,
    device: str = "",
    stopwatch: Stopwatch | None = None,
    only: str = "",
    tell: Callable[[str], None] = lambda name: None,
) -> Report:
    """Run the checks (those whose name contains `only`) and return what they found; nothing is raised for a bad driver.

    Args:
        factory: makes a simulated device, or a simulated service, from a seed.
        device: what the report calls it.
        tell: called with each check's name before it runs.
    """
    stopwatch = stopwatch or Stopwatch()
    report = Report(driver.name, device or driver.name, driver.pulse_contract, _fall_safe(driver, factory))
    simulated = factory(0)
    points = [(name, kind) for name, kind, _ in simulated.points]
    kinds = {kind for _, kind in points}
    if only in "declaration":
        declared = CheckReport("declaration", "what the driver says of itself fits together")
        living.declaration(driver, points, declared)
        report.checks.append(declared)
    if is_service(simulated):

        def run_service(make: Callable[[], ServiceWorld], check: Any, found: CheckReport) -> None:
            _run(make, check, found, stopwatch)

        services: Any = factory
        report.checks += examine_service(driver, services, run_service, only, tell)
        return report
    checks = dict(CHECKS)
    for kind, meaning in FAULTS.items():
        run = promises.fault if "pulse" in kinds else promises.plain_fault
        claim = f"struck at any chunk of an act ({meaning}): at most once, outcomes true, and it recovers"
        checks[f"fault: {kind}"] = (claim, partial(run, kind=kind))
    for name, (claim, check) in checks.items():
        if only not in name:
            continue
        tell(name)
        found = CheckReport(name, claim)
        report.checks.append(found)
        if (name in NEEDS_PULSES and "pulse" not in kinds) or (name in NEEDS_SETPOINTS and "setpoint" not in kinds):
            found.skipped = "the simulated device has no such output"
            continue
        _run(partial(World, driver, factory), check, found, stopwatch)
    return report


def _fall_safe(driver: Driver, factory: Factory) -> bool:
    """Return whether the driver says of every output of its simulated device that it falls safe by itself."""
    simulated = factory(0)
    settings = driver.settings(**simulated.settings)
    moving = [own for _, kind, own in simulated.points if kind in ("pulse", "setpoint")]
    return bool(moving) and all(driver.is_safe_alone(settings, driver.point(**own)) for own in moving)


def _run(make: Callable[[], Any], check: Any, found: CheckReport, stopwatch: Stopwatch) -> None:
    """Run one check; what it finds counts at once, a turn that was too long only when it is so each time."""
    longest_s = _once(make, check, found, stopwatch)
    for _ in range(1, TRIES):
        if longest_s <= LONGEST_TURN_S or any("real time" in one for one in found.problems):
            break
        again = CheckReport(found.name, found.claim)
        longest_s = min(longest_s, _once(make, check, again, stopwatch))
    else:
        if longest_s > LONGEST_TURN_S:
            found.problems.append(
                f"it blocks the loop: {longest_s * 1000:.0f} ms in which nothing else could run, "
                f"at most {LONGEST_TURN_S * 1000:.0f} are allowed"
            )
    found.figures["longest turn ms"] = round(longest_s * 1000)


def _once(make: Callable[[], Any], check: Any, found: CheckReport, stopwatch: Stopwatch) -> float:
    loop = VirtualLoop(stopwatch)

    async def main() -> None:
        async with asyncio.timeout(VIRTUAL_S):
            with loop.unwatched():
                gc.collect()
                world = make()
            try:
                await check(world, found)
            finally:
                await world.stop()
                world.close()

    try:
        with stopwatch.limit(REAL_S), asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())
    except Blocked as error:
        found.problems.append(f"it blocks the loop: {error}")
    except TimeoutError:
        found.problems.append(f"not done after {VIRTUAL_S:g} s of virtual time")
    except Exception as error:  # whatever a driver raises is the finding
        found.problems.append(f"{type(error).__name__}: {error}")
    return loop.longest_turn_s
