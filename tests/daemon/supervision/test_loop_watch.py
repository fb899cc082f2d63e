"""A loop that is blocked is noticed from outside, and the line that blocks it is named (P5)."""

from __future__ import annotations

import asyncio
import time

import pytest
import uvloop

from ripieno_daemon.ports.loop_watch import Blocked, LoopWatch


def a_driver_that_sleeps(seconds: float) -> None:
    time.sleep(seconds)  # the line that must be named


def run(seconds: float, uv: bool) -> tuple[list[Blocked], list[Blocked]]:
    during: list[Blocked] = []
    after: list[Blocked] = []

    async def main() -> None:
        watch = LoopWatch(during.append, after.append, blocked_s=0.3)
        watch.start()
        await asyncio.sleep(0.05)
        a_driver_that_sleeps(seconds)
        await asyncio.sleep(0.4)
        watch.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if uv else None) as runner:
        runner.run(main())
    return during, after


@pytest.mark.parametrize("uv", [False, True], ids=["asyncio", "uvloop"])
def test_the_blocking_line_is_named_while_it_blocks_and_its_length_afterwards(uv: bool) -> None:
    during, after = run(1.2, uv)

    assert len(during) == 1
    assert "test_loop_watch.py:" in during[0].place and "in a_driver_that_sleeps" in during[0].place
    assert "time.sleep(seconds)" in during[0].stack
    assert len(after) == 1
    assert after[0].seconds > 1.0


def test_a_loop_that_turns_is_left_alone() -> None:
    """Negative control: shorter than the limit is no block."""
    assert run(0.0, True) == ([], [])
