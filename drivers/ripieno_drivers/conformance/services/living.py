"""Checks of the life of a driver of a service: up, cancelled, gone without a trace, down while nobody is reached."""

from __future__ import annotations

import asyncio
from typing import Final

from ..report import CheckReport
from .world import ServiceWorld

SAFE_S: Final = 1.0
CANCEL_AT_S: Final = (0.0, 0.001, 0.003, 0.006, 0.01, 0.02, 0.1, 1.0)


async def lifecycle(world: ServiceWorld, found: CheckReport) -> None:
    """Up; cancelled at any instant it ends in time, gives back what it has open, and leaves nothing running."""
    before = asyncio.all_tasks()
    for at_s in (*CANCEL_AT_S, None):
        if at_s is None:
            if wrong := await world.up():
                found.problems.append(wrong)
                return
        else:
            world.start()
            await asyncio.sleep(at_s)
        when = "once it is up" if at_s is None else f"after {at_s * 1000:g} ms"
        took_s = await world.stop()
        if took_s > SAFE_S:
            found.problems.append(f"cancelled {when}, run() took {took_s:.1f} s; {SAFE_S:g} s is the limit")
        if world.outside.opened:
            found.problems.append(f"cancelled {when}, it keeps {world.outside.opened} connections or databases open")
            world.outside.opened = 0
        if left := [task.get_name() for task in asyncio.all_tasks() - before if not task.done()]:
            found.problems.append(f"cancelled {when}, it leaves tasks running: {', '.join(left)}")
        reports = len(world.reports)
        await asyncio.sleep(2)
        if len(world.reports) > reports:
            found.problems.append(f"cancelled {when}, it reports after run() has ended")
        world.make()
        found.figures["instants"] += 1


async def away_at_first(world: ServiceWorld, found: CheckReport) -> None:
    """Nobody is reached at the start: down, said once, tried on a ladder, up when there is somebody."""
    world.trouble.away = True
    world.start()
    await world.until(lambda: False, 30)
    found.figures["attempts in 30 s"] = world.trouble.attempts
    if world.driver.outputs and not world.driver.inputs and not world.trouble.attempts:
        found.skipped = "it reaches for nothing before it has something to do"
        return
    if world.trouble.attempts > 200:
        found.problems.append(f"nobody was reached, and it tried {world.trouble.attempts} times in 30 s")
    if len(world.said) > 10:
        found.problems.append(f"it said the same thing {len(world.said)} times in 30 s")
    if world.trouble.attempts and world.is_up():
        found.problems.append("nobody is reached, and it says that it is up")
    world.trouble.away = False
    if not await world.until(world.is_up, 20):
        found.problems.append("it is not up 20 s after there is somebody")
