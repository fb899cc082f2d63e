"""Acts are released 250 ms ahead: what is held outlives sessions, and never the position that it was told in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ripieno.values import Act, OutcomeKind, Trigger
from ripieno_drivers.link import codec
from ripieno_drivers.link.holding import LOST

from .bench import Bench, pulse
from .virtual import run


def acts(bench: Bench) -> list[codec.Frame]:
    return [frame for frame in bench.board.received if frame.type == codec.ACT]


async def moving(bench: Bench, counts: int, for_s: float) -> None:
    """The belt moves by `counts` each 20 ms, and the board says so."""
    for _ in range(round(for_s / 0.02)):
        bench.board.count += counts
        bench.board.sample()
        await asyncio.sleep(0.02)


def test_an_act_by_time_is_sent_250_ms_ahead() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            begin = bench.clock.monotonic_ns() + 1_000_000_000
            firing = asyncio.create_task(device.fire(pulse(trigger=Trigger.TIME, begin=begin)))
            await asyncio.sleep(0.74)
            assert not acts(bench)
            assert not bench.intents.log, "nothing durable is said of an act that may still be taken back for nothing"

            await asyncio.sleep(0.02)
            assert len(acts(bench)) == 1
            assert (await firing).kind is OutcomeKind.EXECUTED

    run(main())


def test_where_the_settings_say_so_an_act_leaves_as_soon_as_it_is_asked_for() -> None:
    async def main() -> None:
        bench = Bench(release="at_once")
        async with bench.running() as device:
            begin = bench.clock.monotonic_ns() + 1_000_000_000
            firing = asyncio.create_task(device.fire(pulse(trigger=Trigger.TIME, begin=begin)))
            await asyncio.sleep(0.02)
            assert len(acts(bench)) == 1
            await firing

    run(main())


def test_an_act_by_position_is_sent_when_the_belt_will_be_there_in_250_ms() -> None:
    """1000 counts/s: 250 counts, and a margin of 20 mm for a belt that goes faster."""

    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            await moving(bench, 20, 0.2)
            firing = asyncio.create_task(device.fire(pulse(trigger=Trigger.POSITION, begin=200.0, late=5.0)))
            while not acts(bench):
                await moving(bench, 20, 0.02)
            assert 2000 - 250 - 200 - 45 <= bench.board.count <= 2000 - 250 - 200 + 25
            await firing

    run(main())


def test_a_belt_that_stands_lets_nothing_go_and_one_that_starts_does() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            await moving(bench, 0, 0.2)
            firing = asyncio.create_task(device.fire(pulse(trigger=Trigger.POSITION, begin=135.0, late=5.0)))
            await moving(bench, 0, 5.0)
            assert not acts(bench)
            await moving(bench, 20, 0.06)
            assert len(acts(bench)) == 1
            await firing

    run(main())


@pytest.mark.parametrize(("epoch", "count", "kind"), [(None, 1300, "sent"), (None, 0, LOST), (0xABC, 1300, LOST)])
def test_what_is_held_outlives_a_reset_but_not_the_position(epoch: int | None, count: int, kind: str) -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            await moving(bench, 10, 0.2)
            firing = asyncio.create_task(device.fire(pulse(trigger=Trigger.POSITION, begin=200.0, late=50.0)))
            await asyncio.sleep(0)
            bench.board.count = count
            bench.board.reset(epoch)
            await moving(bench, 10, 0.5)
            if kind == LOST:
                outcome = await firing
                assert (outcome.kind, outcome.why) == (OutcomeKind.NOT_EXECUTED, LOST)
                assert not acts(bench)
                return
            bench.board.count = 1990
            await moving(bench, 1, 0.1)
            assert (await firing).kind is OutcomeKind.EXECUTED
            assert len(acts(bench)) == 1

    run(main())


@pytest.mark.parametrize("how", ["withdrawn", "cancelled", "stopped", "line lost for long"])
def test_what_is_held_can_be_taken_back_and_was_never_sent(how: str) -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            begin = bench.clock.monotonic_ns() + 10_000_000_000
            firing: asyncio.Task[Any] = asyncio.create_task(device.fire(pulse(trigger=Trigger.TIME, begin=begin)))
            await asyncio.sleep(0.1)
            if how == "withdrawn":
                device.withdraw(Act("part-0000e0c0-1", "gate", 0))
            elif how == "cancelled":
                firing.cancel()
            elif how == "line lost for long":
                bench.board.deaf = bench.board.mute = True
                await asyncio.sleep(2.0)
            if how != "stopped":
                done = (await asyncio.gather(firing, return_exceptions=True))[0]
                assert isinstance(done, asyncio.CancelledError) or done.kind is OutcomeKind.NOT_EXECUTED
        done = (await asyncio.gather(firing, return_exceptions=True))[0]
        assert isinstance(done, asyncio.CancelledError) or done.kind is OutcomeKind.NOT_EXECUTED
        assert not acts(bench)
        assert not bench.intents.log
        assert not len(device.service.holding)

    run(main())


def test_a_far_act_that_can_never_be_sent_is_refused_at_once() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            begin = bench.clock.monotonic_ns() + 60_000_000_000
            outcome = await asyncio.wait_for(device.fire(pulse(trigger=Trigger.TIME, begin=begin, hold_s=70.0)), 0.01)
            assert "hold" in outcome.why

    run(main())
