"""The watchdog is fed by progress: being alive is none, being idle is."""

from __future__ import annotations

import asyncio

from daemon.supervision.virtual_time import Clock

from ripieno_daemon.supervision import Feeder, Progress, Stuck


class Ledger:
    """What the watchdog sees of one."""

    def __init__(self) -> None:
        self.waiting, self.attempts = 0, 0

    def mark(self) -> int | None:
        return self.attempts if self.waiting else None


def test_a_part_that_turns_is_well_and_one_that_does_not_is_named() -> None:
    clock = Clock()
    progress = Progress(clock.monotonic_ns)
    turned = progress.turns("device conveyor", 3.0, lambda: "its task does not turn")

    clock.pass_s(2.9)
    turned()
    clock.pass_s(2.9)
    well = progress.stuck()
    clock.pass_s(0.2)
    found = progress.stuck()

    assert well == []
    assert [(one.part, one.evidence) for one in found] == [("device conveyor", "its task does not turn")]


def test_an_idle_part_is_well_for_ever() -> None:
    clock, ledger = Clock(), Ledger()
    progress = Progress(clock.monotonic_ns)
    progress.asked("ledger", 30.0, ledger.mark, lambda: "")

    for _ in range(100):
        clock.pass_s(29)
        assert progress.stuck() == []


def test_a_disk_that_refuses_is_no_hang_and_one_that_does_nothing_is() -> None:
    """A full disk must not cost the line its control; a dead one must."""
    clock, ledger = Clock(), Ledger()
    progress = Progress(clock.monotonic_ns)
    progress.asked("ledger", 30.0, ledger.mark, lambda: "records wait")
    ledger.waiting = 7

    for _ in range(100):
        clock.pass_s(10)
        ledger.attempts += 1
        assert progress.stuck() == []
    for _ in range(3):
        clock.pass_s(10)
        assert progress.stuck() == []
    clock.pass_s(10)

    assert [one.part for one in progress.stuck()] == ["ledger"]


def test_a_part_that_ended_in_order_is_not_missed() -> None:
    clock = Clock()
    progress = Progress(clock.monotonic_ns)
    progress.turns("device conveyor", 3.0)
    progress.drop("device conveyor")
    clock.pass_s(100)

    assert progress.stuck() == []


def feed(progress: Progress, clock: Clock, looks: int) -> tuple[list[str], list[list[Stuck] | None]]:
    sent: list[str] = []
    told: list[list[Stuck] | None] = []
    feeder = Feeder(progress, clock, sent.append, 4.0, told.append)

    async def run() -> None:
        task = asyncio.ensure_future(feeder.run())
        for _ in range(looks):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    return sent, told


def test_the_watchdog_is_fed_four_times_in_its_time() -> None:
    clock = Clock()

    sent, told = feed(Progress(clock.monotonic_ns), clock, 8)

    assert sent == ["WATCHDOG=1"] * len(sent) and sent
    assert set(clock.slept) == {1.0}
    assert told == []


def test_a_stuck_part_starves_the_watchdog_and_is_told_once() -> None:
    """The process lives and its loop turns, and yet it is not fed: this is the difference that matters."""
    clock = Clock()
    progress = Progress(clock.monotonic_ns)
    progress.turns("device conveyor", 3.0)

    sent, told = feed(progress, clock, 30)

    assert len(sent) == 4, "fed at 0, 1, 2 and 3 s, and never again"
    assert [[one.part for one in stuck] for stuck in told if stuck] == [["device conveyor"]]
