"""Whoever looks every second notices that nobody looked for a while; a start that took long is no sleep."""

from __future__ import annotations

from drivers.virtual import LoopClock, run

from ripieno_daemon.ports.notify import SystemdNotify
from ripieno_daemon.service.standing import LOOK_S, Standing


def alarms(start_s: float, sleep_s: float, begins: bool = True) -> list[str]:
    async def live() -> list[str]:
        clock = LoopClock()
        standing = Standing(clock, SystemdNotify(""), lambda event, text: None)
        await clock.sleep(start_s)
        if begins:
            standing.begin_looking()
        await clock.sleep(LOOK_S + sleep_s)
        standing.look()
        return [one.code for one in standing.alarms.listed()]

    return run(live())


def test_a_compile_step_of_some_seconds_is_no_sleep() -> None:
    assert alarms(5.0, 0.0) == []


def test_a_sleep_is_told() -> None:
    assert alarms(5.0, 4.0) == ["asleep"]


def test_without_its_begin_the_start_would_count() -> None:
    """Negative control."""
    assert alarms(5.0, 0.0, begins=False) == ["asleep"]
