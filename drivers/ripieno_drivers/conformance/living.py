"""Checks of a device's life: it comes up, ends when it is cancelled, waits for a port that is not there."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Final

from ripieno.contracts.driver import Driver
from ripieno.errors import CommandRefused, RipienoError
from ripieno.values import Outcome, OutcomeKind

from .report import CheckReport
from .world import UP_S, World

SAFE_S: Final = 1.0
"""contracts.driver.Device.run: cancelled, it leaves the outputs safe within 1 s."""
CONTRACTS: Final = ("exactly-once", "at-most-once", "none")
CANCEL_AT_S: Final = tuple(round(0.0007 * 1.45**step, 4) for step in range(24))
"""From 0.7 ms to 3.6 s: in the opening, the greeting, an act, a time-out."""


def declaration(driver: Driver, world_points: list[tuple[str, str]], found: CheckReport) -> None:
    """What the driver says of itself fits together."""
    add = found.problems.append
    if driver.pulse_contract not in CONTRACTS:
        add(f"pulse_contract is {driver.pulse_contract!r}; one of {', '.join(CONTRACTS)} is expected")
    if driver.pulse_contract == "none" and "pulse" in driver.outputs:
        add("it serves pulses with pulse_contract none: then nothing may be said of them at all")
    for what, cls in (("settings", driver.settings), ("point", driver.point)):
        if not dataclasses.is_dataclass(cls) or not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            add(f"{what} should be a frozen dataclass")
    for name, kind in world_points:
        if kind not in driver.inputs | driver.outputs:
            add(f"the simulated device binds {name} as a {kind}, which the driver does not serve")


async def lifecycle(world: World, found: CheckReport) -> None:
    """Up, reporting; cancelled, it ends in time, gives the port back, and leaves nothing running."""
    before = asyncio.all_tasks()
    for life in ("at first", "after it was stopped and made anew"):
        world.start()
        if wrong := await world.recovers():
            found.problems.append(f"{life}: {wrong}")
            break
        took_s = await world.stop()
        if took_s > SAFE_S:
            found.problems.append(f"cancelled, run() took {took_s:.1f} s; {SAFE_S:g} s is the limit")
        if world.lines.host is not None:
            found.problems.append("cancelled, it keeps the port open")
            world.lines.kill_host()
        if left := [task.get_name() for task in asyncio.all_tasks() - before if not task.done()]:
            found.problems.append(f"cancelled, it leaves tasks running: {', '.join(left)}")
        reports = len(world.reports)
        await asyncio.sleep(2)
        if len(world.reports) > reports:
            found.problems.append("it reports after run() has ended")
        world.make()
    if world.lines.twice:
        found.problems.append("it opened the port a second time while it had it open")


async def cancelled_anywhere(world: World, found: CheckReport) -> None:
    """Cancelled at any instant, in mid-act too, it ends in time and tells nothing untrue."""
    output = next(iter(world.outputs("pulse")), None)
    for at_s in CANCEL_AT_S:
        world.start()
        if output is not None and at_s < 0.1 and not await world.until(world.is_up, UP_S):
            found.problems.append("it does not come up")
            return
        firing, pulse, before = None, None, 0
        if output is not None:
            pulse, before = world.pulse(output), world.simulated.acts(output)
            firing = asyncio.create_task(world.fire(pulse), name="fire")
        await asyncio.sleep(at_s)
        took_s = await world.stop()
        if took_s > SAFE_S:
            found.problems.append(f"cancelled {at_s * 1000:g} ms after a pulse, run() took {took_s:.1f} s")
        if world.lines.host is not None:
            found.problems.append(f"cancelled after {at_s * 1000:g} ms, it keeps the port open")
            world.lines.kill_host()
        if firing is not None and pulse is not None:
            outcome = await _after_the_end(world, firing, found)
            await asyncio.sleep(3)
            done = world.simulated.acts(pulse.output) - before
            if outcome is not None and (wrong := world.judge(pulse, outcome, done)):
                found.problems.append(f"cancelled {at_s * 1000:g} ms after a pulse: {wrong}")
        found.figures["instants"] += 1
        if len(found.problems) >= 5:
            return
        world.make()


async def _after_the_end(world: World, firing: asyncio.Task[Outcome], found: CheckReport) -> Outcome | None:
    done, _ = await asyncio.wait({firing}, timeout=1.0)
    if not done:
        firing.cancel()
        found.problems.append("a caller of fire() waits for ever after run() was cancelled")
        return None
    try:
        return firing.result()
    except RipienoError:
        return None  # it does not know; the intent stays open, and the next start tells


async def callers_cancelled(world: World, found: CheckReport) -> None:
    """A cancelled caller of fire() un-sends nothing: the outcome goes to `settled`, or the intent stays open."""
    world.start()
    if not await world.until(world.is_up, UP_S):
        found.problems.append("it does not come up")
        return
    for output in world.outputs("pulse"):
        for at_s in (0.0, 0.001, 0.003, 0.006, 0.01, 0.02, 0.05):
            await asyncio.sleep(1)
            pulse, before = world.pulse(output), world.simulated.acts(output)
            firing = asyncio.create_task(world.fire(pulse), name="fire")
            await asyncio.sleep(at_s)
            firing.cancel()
            await asyncio.wait({firing}, timeout=1)
            if not firing.done():
                found.problems.append("a cancelled fire() does not end")
                return
            await asyncio.sleep(8)
            done = world.simulated.acts(output) - before
            outcome = world.settled.get(pulse.act) if firing.cancelled() else firing.result()
            if outcome is None and done:
                found.problems.append(f"cancelled after {at_s * 1000:g} ms: done, and `settled` was never told")
            elif outcome is not None and (wrong := world.judge(pulse, outcome, done)):
                found.problems.append(f"cancelled after {at_s * 1000:g} ms: {wrong}")
            found.figures["callers"] += 1


async def no_port(world: World, found: CheckReport) -> None:
    """No port: it says so once, tries again on a ladder, refuses acts, and comes up when there is one."""
    world.lines.missing = True
    world.start()
    await world.until(lambda: False, 30)
    found.figures["attempts in 30 s"] = world.lines.attempts
    if not 3 <= world.lines.attempts <= 200:
        found.problems.append(f"without a port it tried {world.lines.attempts} times in 30 s; a ladder gives some 20")
    if world.is_up() or not world.reports:
        found.problems.append("without a port it does not report DeviceDown")
    if len(world.said) > 10:
        found.problems.append(f"it said the same thing {len(world.said)} times in 30 s")
    for output in world.outputs("pulse"):
        outcome, wrong = await world.judged(world.pulse(output))
        if wrong or outcome is None or outcome.kind is not OutcomeKind.NOT_EXECUTED:
            found.problems.append(f"a pulse without a port: {wrong or (outcome and outcome.kind)}")
    world.lines.missing = False
    if wrong := await world.recovers():
        found.problems.append(f"when the port is there: {wrong}")


async def refusals(world: World, found: CheckReport) -> None:
    """What it has no output for, or what is no number, is refused, not dropped."""
    world.start()
    await world.until(world.is_up, UP_S)
    try:
        outcome = await world.device.fire(dataclasses.replace(world.pulse("nothing-of-this-name")))
        if outcome.kind is not OutcomeKind.NOT_EXECUTED:
            found.problems.append(f"a pulse of an unknown output is {outcome.kind}")
    except CommandRefused:
        pass
    numbers = [("nothing-of-this-name", 1.0), *((name, float("nan")) for name in world.outputs("setpoint"))]
    for name, value in numbers:
        try:
            world.device.set(dataclasses.replace(world.setpoint(name), value=value))
            found.problems.append(f"setting {name} to {value} does not raise CommandRefused")
        except CommandRefused:
            pass
    for output in world.outputs("pulse"):
        before = world.simulated.acts(output)
        outcome = await world.device.fire(world.pulse(output, hold_s=float("nan")))
        await asyncio.sleep(1)
        if outcome.kind is not OutcomeKind.NOT_EXECUTED or world.simulated.acts(output) != before:
            found.problems.append(f"a pulse of {output} whose hold is no number is {outcome.kind}")
