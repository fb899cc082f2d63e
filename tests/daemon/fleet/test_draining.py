"""A stop waits for receipts while some come: not for a broker that is away, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from drivers.virtual import LoopClock, run

from ripieno_daemon.fleet.draining import DRAIN_S, IDLE_S, STEP_S, drained


def waits(backlog_at: Callable[[float], int]) -> float:
    """Return how long a stop waits where so many results wait at each time."""

    async def live() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await drained(lambda: backlog_at(loop.time() - began), LoopClock())
        return loop.time() - began

    return run(live())


def test_nothing_that_waits_is_not_waited_for() -> None:
    assert waits(lambda at_s: 0) == 0


def test_receipts_that_come_are_waited_for() -> None:
    assert waits(lambda at_s: max(0, 5 - int(at_s / 0.2))) == pytest.approx(1.0, abs=2 * STEP_S)


def test_a_broker_that_is_away_costs_a_moment() -> None:
    assert waits(lambda at_s: 7) == pytest.approx(IDLE_S, abs=2 * STEP_S)


def test_a_consumer_that_needs_an_hour_is_not_waited_for() -> None:
    assert waits(lambda at_s: 100_000 - int(at_s * 20)) == pytest.approx(DRAIN_S, abs=2 * STEP_S)
