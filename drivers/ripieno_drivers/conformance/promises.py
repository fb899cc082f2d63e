"""Checks of the contract that is claimed: faults at every chunk of an act, restarts, durable intents, setpoints."""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.errors import RipienoError
from ripieno.values import Outcome, OutcomeKind

from .line import FAULTS, Fault
from .report import CheckReport
from .world import UP_S, World

CHUNKS: Final = 8
"""How many chunks of an act are struck at most; most acts have fewer."""
LEASE_S: Final = 1.0
NEVER: Final = "there was nothing on the line for it to strike"
RESOLVED_S: Final = 20.0


async def fault(world: World, found: CheckReport, kind: str) -> None:
    """One kind of fault, struck at the first chunk of an act, then the second, until an act ends without it."""
    world.start()
    if wrong := await world.recovers():
        found.problems.append(f"before any fault: {wrong}")
        return
    for output in world.outputs("pulse"):
        for at in range(CHUNKS):
            one = Fault(kind, at)
            world.lines.arm(one)
            outcome, wrong = await world.judged(world.pulse(output))
            if not one.struck:
                break
            await asyncio.sleep(4)  # what is late is there by then
            found.figures["struck"] += 1
            if outcome is not None:
                found.figures[outcome.kind.value] += 1
            where = f"{kind} (chunk {at + 1} of an act of {output}: {FAULTS[kind]})"
            wrong = wrong or _too_little(world, outcome, kind)
            if not wrong:
                world.lines.arm(None)
                wrong = await world.recovers()
            if wrong:
                found.problems.append(f"{where}: {wrong}")
                return  # what follows would be its consequence
    world.lines.arm(None)
    if not found.figures["struck"]:
        found.skipped = NEVER


async def plain_fault(world: World, found: CheckReport, kind: str) -> None:
    """The same for a device without pulses: afterwards its inputs report again.

    Where the host says nothing, what does not need its words happens at any instant.
    """
    world.start()
    if wrong := await world.recovers():
        found.problems.append(f"before any fault: {wrong}")
        return
    for at in range(3):
        one = Fault(kind, at)
        world.lines.arm(one)
        await asyncio.sleep(2)
        if not one.struck:
            one.struck = world.lines.strike(kind)
        found.figures["struck"] += one.struck
        if wrong := await world.recovers():
            found.problems.append(f"{kind} ({FAULTS[kind]}): {wrong}")
            return
    if not found.figures["struck"]:
        found.skipped = NEVER


def _too_little(world: World, outcome: Outcome | None, kind: str) -> str:
    """Exactly-once leaves doubt only where the device lost its memory."""
    doubt = outcome is not None and outcome.kind is OutcomeKind.IN_DOUBT
    if world.driver.pulse_contract == "exactly-once" and doubt and not kind.startswith("reset"):
        return f"it claims exactly-once, and the device kept its memory, but the outcome is IN_DOUBT ({outcome.why})"  # type: ignore[union-attr]
    return ""


async def restarts(world: World, found: CheckReport) -> None:
    """The host is killed at any instant of an act; the next start tells a true outcome of every open intent."""
    for output in world.outputs("pulse"):
        for at_s in (0.0005, 0.0025, 0.004, 0.006, 0.009, 0.015, 0.03, 0.06, 0.2):
            world.start()
            if wrong := await world.recovers():
                found.problems.append(f"after a restart: {wrong}")
                return
            pulse, before = world.pulse(output), world.simulated.acts(output)
            firing = asyncio.create_task(world.device.fire(pulse), name="fire")
            await asyncio.sleep(at_s)
            told = firing.result() if firing.done() and not firing.exception() else None
            if told is not None:
                world.intents.known(told)
            world.lines.kill_host()
            settled = dict(world.settled)
            await world.stop()
            await asyncio.gather(firing, return_exceptions=True)
            world.settled.clear()  # a killed process tells nobody anything
            world.settled.update(settled)
            world.make()
            world.start()
            found.figures["killed"] += 1
            is_open = any(intent.act == pulse.act for intent in world.intents.open(""))
            if told is None and is_open:
                await world.until(lambda act=pulse.act: act in world.settled, RESOLVED_S)  # type: ignore[misc]
                told = world.settled.get(pulse.act)
                if told is None:
                    found.problems.append(
                        f"killed after {at_s * 1000:g} ms: the open intent is not settled by the next start"
                    )
                    return
            done = world.simulated.acts(output) - before
            if told is None and done:
                found.problems.append(f"killed after {at_s * 1000:g} ms: done, and no intent tells of it")
            wrong = world.judge(pulse, told, done) if told is not None else ""
            wrong = wrong or _too_little(world, told, "killed")
            if wrong:
                found.problems.append(f"killed after {at_s * 1000:g} ms of an act of {output}: {wrong}")
                return
            await world.stop()
            world.make()


async def durable_first(world: World, found: CheckReport) -> None:
    """Nothing is sent before its intent is durable; a disk that refuses, or is too slow, means NOT_EXECUTED."""
    world.start()
    await world.until(world.is_up, UP_S)
    for output in world.outputs("pulse"):
        if wrong := await world.recovers():
            found.problems.append(wrong)
            return
        before = world.simulated.acts(output)
        world.intents.write_s = 0.5
        firing = asyncio.create_task(world.fire(world.pulse(output, late=2.0)), name="fire")
        await asyncio.sleep(0.45)
        if world.simulated.acts(output) != before:
            found.problems.append(f"{output}: it was done before its intent was durable")
        await asyncio.wait({firing}, timeout=20)
        world.intents.write_s, world.intents.full = 0.002, True
        await asyncio.sleep(2)
        for what, pulse in (("the disk refused its intent", world.pulse(output)), ("its window closed first", None)):
            if pulse is None:
                world.intents.write_s, world.intents.full, pulse = 1.0, False, world.pulse(output, late=0.2)
            outcome, wrong = await world.judged(pulse)
            if wrong or outcome is None or outcome.kind is not OutcomeKind.NOT_EXECUTED:
                found.problems.append(f"{output}: {what}: {wrong or (outcome and outcome.kind.value)}")
        world.intents.write_s = 0.002


async def setpoints(world: World, found: CheckReport) -> None:
    """A value arrives, is renewed, and, where the driver says that the device falls safe, lapses when the host dies."""
    world.start()
    await world.until(world.is_up, UP_S)
    await asyncio.sleep(1)
    for output in world.outputs("setpoint"):
        rest, setpoint = world.simulated.level(output), world.setpoint(output, LEASE_S)
        world.device.set(setpoint)
        if not await world.until(lambda: _is_at(world, output, setpoint.value), 3):  # noqa: B023  # awaited at once
            found.problems.append(
                f"{output} is at {world.simulated.level(output)} 3 s after it was set to {setpoint.value:g}"
            )
            continue
        await asyncio.sleep(3 * LEASE_S)
        if not _is_at(world, output, setpoint.value):
            found.problems.append(f"{output} was not renewed: it has lapsed to {world.simulated.level(output)}")
        if world.falls_safe(output):
            world.lines.kill_host()
            await asyncio.sleep(LEASE_S + 1)
            if not _is_at(world, output, rest):
                found.problems.append(f"it says that it falls safe; {output} stays at {world.simulated.level(output)}")
            found.figures["lapsed"] += 1
            return  # this host is dead
    if world.outputs("setpoint"):
        took_s = await world.stop()
        if took_s > 1:
            found.problems.append(f"run() took {took_s:.1f} s to end")
        await asyncio.sleep(0.1)  # its last bytes are on the way
        for output in world.outputs("setpoint"):
            if _is_at(world, output, world.setpoint(output).value):
                found.problems.append(f"stopped in order, it leaves {output} at {world.simulated.level(output)}")


def _is_at(world: World, output: str, value: float | None) -> bool:
    level = world.simulated.level(output)
    return level is not None and value is not None and abs(level - value) < 1e-6 + abs(value) / 100


async def withdrawals(world: World, found: CheckReport) -> None:
    """A withdrawn pulse has an outcome, and a true one."""
    world.start()
    await world.until(world.is_up, UP_S)
    for output in world.outputs("pulse"):
        for at_s in (0.0, 0.001, 0.003, 0.01):
            await asyncio.sleep(2)
            pulse, before = world.pulse(output), world.simulated.acts(output)
            firing = asyncio.create_task(world.fire(pulse), name="fire")
            await asyncio.sleep(at_s)
            world.device.withdraw(pulse.act)
            await asyncio.wait({firing}, timeout=30)
            await asyncio.sleep(1)
            try:
                told = firing.result() if firing.done() else None
            except RipienoError as error:
                found.problems.append(f"fire() raised {error}")
                continue
            if wrong := world.judge(pulse, told, world.simulated.acts(output) - before):
                found.problems.append(f"withdrawn after {at_s * 1000:g} ms: {wrong}")
