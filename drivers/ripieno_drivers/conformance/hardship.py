"""Checks under load: a line that takes nothing, a device that says nothing, a flood of garbage; memory and the loop."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import tracemalloc
from typing import Final

from ripieno.errors import RipienoError
from ripieno.values import DeviceDown, Health, OutcomeKind, Reading

from .report import CheckReport
from .virtual import unwatched
from .world import UP_S, World

HARD_S: Final = 40.0
ACTS: Final = 400
GROWTH_BYTES: Final = 1_000_000
FLOOD_CHUNK: Final = 4096
FLOOD_CHUNKS: Final = 400


async def stuck(world: World, found: CheckReport) -> None:
    """For 40 s the line takes not one byte, and 400 pulses are asked for."""
    await _hard(world, found, "stuck")


async def silent(world: World, found: CheckReport) -> None:
    """For 40 s the line takes everything, nothing comes back, and 400 pulses are asked for."""
    await _hard(world, found, "mute")


async def _hard(world: World, found: CheckReport, how: str) -> None:
    world.start()
    if wrong := await world.recovers():
        found.problems.append(f"before: {wrong}")
        return
    seen, outputs = len(world.reports), world.outputs("pulse")
    before = {output: world.simulated.acts(output) for output in outputs}
    setattr(world.lines, how, True)
    if how == "stuck":
        world.lines.mute = True
    firing: list[asyncio.Task[object]] = []
    held = _Memory()
    for number in range(ACTS):
        if outputs:
            pulse = world.pulse(outputs[number % len(outputs)])
            firing.append(asyncio.create_task(world.fire(pulse), name="fire"))
        await asyncio.sleep(HARD_S / ACTS)
    world_reports = world.reports[seen:]
    noticed = any(
        isinstance(one, DeviceDown) or (isinstance(one, Reading) and one.health is Health.MISSING)
        for one in world_reports
    )
    if not noticed:
        found.problems.append(
            f"{HARD_S:g} s long nothing came, and neither DeviceDown nor a missing reading was reported"
        )
    growth = held.growth()
    found.figures["bytes grown"] = growth
    if growth > GROWTH_BYTES:
        found.problems.append(f"it grew by {growth / 1e6:.1f} MB in {HARD_S:g} s")
    world.lines.stuck = world.lines.mute = False
    if firing:
        _, waiting = await asyncio.wait(firing, timeout=30)
        if waiting:
            found.problems.append(f"{len(waiting)} of {ACTS} pulses have no outcome 30 s after the line is well again")
        executed = doubted = 0
        for task in firing:
            if not task.done():
                continue
            try:
                kind = getattr(task.result(), "kind", None)
            except RipienoError:
                continue
            executed += kind is OutcomeKind.EXECUTED
            doubted += kind is OutcomeKind.IN_DOUBT
        await asyncio.sleep(5)
        done = sum(world.simulated.acts(output) - before[output] for output in outputs)
        found.figures.update({"executed": executed, "in doubt": doubted, "done": done})
        if not executed <= done <= executed + doubted:
            found.problems.append(f"{executed} said to be executed and {doubted} in doubt, but the device did {done}")
    if wrong := await world.recovers():
        found.problems.append(f"afterwards: {wrong}")


async def flood(world: World, found: CheckReport) -> None:
    """1.6 MB of noise on the line, into the device's own words: nothing breaks, nothing grows."""
    world.start()
    if wrong := await world.recovers():
        found.problems.append(f"before: {wrong}")
        return
    held = _Memory()
    words = _words(world)
    for number in range(FLOOD_CHUNKS):
        noise = hashlib.shake_128(b"flood/%d" % number).digest(FLOOD_CHUNK)
        kind = number % 4
        chunk = noise if kind == 0 else bytes(FLOOD_CHUNK) if kind == 1 else b"\n" * FLOOD_CHUNK if kind == 2 else words
        world.lines.noise(chunk)
        await world.until(lambda: False, 0.02)
    growth = held.growth()
    found.figures["bytes grown"] = growth
    if growth > GROWTH_BYTES:
        found.problems.append(f"it grew by {growth / 1e6:.1f} MB")
    if wrong := await world.recovers():
        found.problems.append(f"afterwards: {wrong}")
    if not await world.until(world.is_up, UP_S):
        found.problems.append("it stays down")


def _words(world: World) -> bytes:
    """Letters and digits without a line end: what a reader of lines would keep for ever."""
    return b"0123456789abcdef" * (FLOOD_CHUNK // 16)


class _Memory:
    """What was allocated since; the reports that the kit itself keeps are let go."""

    def __init__(self) -> None:
        with unwatched():
            gc.collect()
        self._was_on = tracemalloc.is_tracing()
        if not self._was_on:
            tracemalloc.start()
        self._before = tracemalloc.get_traced_memory()[0]

    def growth(self) -> int:
        with unwatched():
            gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - self._before
        if not self._was_on:
            tracemalloc.stop()
        return max(0, kept)
