"""One seed: its world is built, tormented until its time is over, mended, brought to rest, and judged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ripieno_sim.seeds import stream

from ..loop import VirtualLoop
from .evidence import Evidence, gather
from .lives import ENDS, Lives
from .misfortunes import befall
from .terms import RUN_ON_US, US, Happening, Terms, draw_terms
from .watched import WatchedLoop
from .world import World

LAST_S: Final = 1.0
REST_US: Final = 16 * US  # then: bookings, receipts and questions about acts come to their ends
Progress = Callable[[int], None]


def run_seed(
    seed: int, minutes: float, state: Path, without: Sequence[str] = (), progress: Progress = lambda _: None
) -> Evidence:
    """Run a seed and return what was seen; what the daemon wrote stays in `state`.

    Args:
        minutes: of plant time.
        state: an empty folder.
        without: names of faults that are left out.
        progress: called now and then with the plant time in us.

    Raises:
        Spins: something turned while time stood still; there is nothing to judge then.
    """
    terms = draw_terms(seed, minutes, without)
    with asyncio.Runner(loop_factory=WatchedLoop) as runner:
        world, lives = runner.run(_run(terms, state, progress))
    return gather(world, lives)


async def _run(terms: Terms, state: Path, progress: Progress) -> tuple[World, Lives]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    world = World(terms, state, loop)
    lives = Lives(world)
    world.start_consumer()
    for what in terms.happenings:
        world.at(what.at_us, _deed(world, lives, what))
    ends_us = terms.ends_us
    world.at(ends_us, world.mend)
    world.at(ends_us, lives.spare)
    world.at(ends_us + RUN_ON_US, lambda: world.drive.change(runs=False))
    world.at(ends_us + RUN_ON_US + REST_US, lives.finish)
    for number in range(1, 10):
        world.at(ends_us * number // 10, lambda: progress(world.now_us()))
    await lives.run()
    await asyncio.sleep(LAST_S)  # the board falls safe
    world.close()
    await asyncio.sleep(LAST_S)  # who was cancelled ends
    return world, lives


def _deed(world: World, lives: Lives, what: Happening) -> Callable[[], None]:
    def happen() -> None:
        name = what.fault.name
        draw = stream(world.terms.seed, f"{name} {what.number}")
        text = ENDS[name](lives, what.lasts_us, draw) if name in ENDS else befall(world, what)
        if text:
            world.told.faults.append((what.at_us, text))

    return happen
