"""A reading that lacks a field which the pipeline declares: that field is unknown, with one alarm; nothing ends."""

from __future__ import annotations

import math

from engine.test_streams import LOAD, SPEED, Shop, machine

from ripieno import engine as rooms
from ripieno.values import UNKNOWN, Health, Reading
from ripieno_daemon.conducting.arrivals import Arrivals
from ripieno_daemon.conducting.timeline import Timeline


class StandingClock:
    def monotonic_ns(self) -> int:
        return 5_000_000_000

    def wall_ns(self) -> int:
        return 1_750_000_000_000_000_000

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def test_a_field_that_is_missing_is_unknown_and_the_others_are_not() -> None:
    plan = machine()
    shop, clock = Shop(plan), StandingClock()
    arrivals = Arrivals(plan, Timeline(clock), lambda: shop.engine, lambda: (1, 1))
    told: list[rooms.Effect] = []
    for _ in range(3):
        now_ns = clock.monotonic_ns()
        event = arrivals.event(Reading("spindle", {"speed": 3000.0}, now_ns, now_ns, Health.GOOD))
        assert isinstance(event, rooms.ReadingSeen)
        assert math.isnan(event.values[0])
        told += shop.tell(event)

    assert shop.value(LOAD) is UNKNOWN
    assert shop.value(SPEED) == 3000.0
    assert [one.text for one in told if isinstance(one, rooms.Alarm)] == ["spindle.load: is no finite number"]
