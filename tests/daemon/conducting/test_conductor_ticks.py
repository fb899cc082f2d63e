"""The conductor keeps time for the engine: a deadline is a tick; while it stops there are none."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from unittest import mock

from engine.plans import line

from ripieno_daemon.conducting.conductor import Conductor
from ripieno_daemon.conducting.timeline import Timeline
from ripieno_sim.stage.loop import VirtualLoop
from ripieno_sim.stage.ports import VirtualClock

NOBODY = cast(Any, None)


def turns_in_a_second(*, stopping: bool) -> tuple[int, int]:
    """Return how often the conductor's wait for time ends in a second of a deadline that has passed, and its ticks."""

    async def count() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        clock, turns, ticks = VirtualClock(loop), 0, 0
        made = Conductor(line(), "", NOBODY, NOBODY, Timeline(clock), NOBODY, lambda _: None, clock)
        if stopping:
            made.hold()

        def step(event: object) -> int:
            nonlocal ticks
            ticks += 1
            return 0

        with (
            mock.patch.object(made.engine, "next_deadline", lambda: 0 if ticks == 0 else None),
            mock.patch.object(made, "_step", step),
        ):
            ends = loop.time() + 1.0
            while loop.time() < ends and turns < 100:
                waiting = asyncio.create_task(made._next_tick())
                done, _ = await asyncio.wait({waiting}, timeout=ends - loop.time())
                turns += len(done)
                waiting.cancel()
        return turns, ticks

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(count())


def test_a_deadline_that_has_passed_is_one_tick() -> None:
    assert turns_in_a_second(stopping=False) == (1, 1)


def test_a_deadline_that_passes_while_the_daemon_stops_costs_no_turn() -> None:
    """Found by `ripieno sim run`: the loop turned as fast as it could until the process had ended."""
    assert turns_in_a_second(stopping=True) == (0, 0)
