"""A task that ends is told and begins again; one that ends too often leads further up; none is lost."""

from __future__ import annotations

import asyncio

import pytest
from daemon.supervision.virtual_time import Clock, Entropy

from ripieno.errors import DeviceError, WorkerLost
from ripieno_daemon.supervision import Exhausted, Intensity, Stop, Supervisor, keep, stop_of
from ripieno_daemon.supervision.keeping import pause_s


def crash_at(await_number: int) -> int:
    """Raise at the n-th await of a task; return how often the supervisor saw it end before it went on well."""
    clock, told, lives = Clock(), list[Stop](), 0

    async def work() -> None:
        nonlocal lives
        lives += 1
        for number in range(6):
            if lives == 1 and number == await_number:
                raise KeyError("a bug")
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    async def run() -> None:
        task = asyncio.ensure_future(keep("device x", work, clock, Entropy(), told.append))
        for _ in range(40):
            await asyncio.sleep(0)
        assert not task.done(), "the keeper itself must never end of it"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert lives == 2
    return len(told)


@pytest.mark.parametrize("await_number", range(6))
def test_a_crash_at_any_await_is_told_and_the_task_begins_again(await_number: int) -> None:
    assert crash_at(await_number) == 1


def test_a_task_that_returns_is_a_stop_too() -> None:
    clock, told = Clock(), list[Stop]()

    async def work() -> None:
        return None

    with pytest.raises(Exhausted):
        asyncio.run(keep("outbox", work, clock, Entropy(), told.append))
    assert "returned" in told[0].cause


def test_more_stops_than_allowed_lead_up_and_not_one_less() -> None:
    clock, told = Clock(), list[Stop]()

    async def work() -> None:
        raise DeviceError("no such port")

    with pytest.raises(Exhausted) as raised:
        asyncio.run(keep("device x", work, clock, Entropy(), told.append, Intensity(3, 60.0)))

    assert len(told) == 4
    assert raised.value.stop.cause == "no such port"


def test_stops_that_lie_far_apart_are_no_reason_to_give_up() -> None:
    clock, lives = Clock(), 0

    async def work() -> None:
        nonlocal lives
        lives += 1
        clock.pass_s(31)
        if lives > 50:
            raise asyncio.CancelledError
        raise DeviceError("now and then")

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(keep("device x", work, clock, Entropy(), lambda _: None, Intensity(3, 60.0)))
    assert lives == 51


def test_the_pause_grows_and_has_an_end_and_is_never_alike() -> None:
    longest = [pause_s(count, Entropy(0)) for count in range(1, 12)]
    shortest = [pause_s(count, Entropy(255)) for count in range(1, 12)]

    assert longest == sorted(longest) and longest[0] == 0.1 and longest[-1] == 5.0
    assert all(0.5 * long <= short < long for long, short in zip(longest, shortest, strict=True))


def test_an_exhausted_task_escalates_once_rests_and_is_tried_again() -> None:
    clock, told, escalated, lives = Clock(), list[str](), list[Stop](), 0

    async def work() -> None:
        nonlocal lives
        lives += 1
        if lives <= 6:
            raise ValueError("bad")
        await asyncio.Event().wait()

    async def run() -> None:
        supervisor = Supervisor(clock, Entropy(), lambda stop, then: told.append(then))
        async with asyncio.TaskGroup() as group:
            task = supervisor.begin(group, "device x", work, escalate=escalated.append)
            for _ in range(60):
                await asyncio.sleep(0)
            task.cancel()

    asyncio.run(run())

    assert lives == 7
    assert [stop.part for stop in escalated] == ["device x"]
    assert "rests for 60 s" in told[-1]
    assert 60.0 in clock.slept


def test_a_stop_names_cause_place_and_next_step() -> None:
    clock, told = Clock(), list[Stop]()

    async def work() -> None:
        raise KeyError("belt")

    with pytest.raises(Exhausted):
        asyncio.run(keep("device x", work, clock, Entropy(), told.append))

    assert told[0].cause == "KeyError: 'belt'"
    assert "test_keeping.py:" in told[0].evidence and "in work" in told[0].evidence
    assert told[0].next_step


def test_a_worker_that_died_is_told_with_its_last_words() -> None:
    stop = stop_of(
        "the daemon", WorkerLost("worker 7 ended with code 1", "Traceback ...\nImportError: no such library")
    )

    assert stop.cause == "worker 7 ended with code 1; its last words: ImportError: no such library"


def test_a_cancelled_task_whose_member_fails_at_the_same_time_ends_and_does_not_begin_again() -> None:
    """Python 3.11's task group tells of the failure alone then: a keeper that goes by that never ends."""
    told, lives = list[Stop](), 0

    async def member() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise DeviceError("the disk is gone, too") from None

    async def work() -> None:
        nonlocal lives
        lives += 1
        async with asyncio.TaskGroup() as group:
            group.create_task(member())

    async def run() -> bool:
        task = asyncio.ensure_future(keep("station", work, Clock(), Entropy(), told.append))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=1)
        return task.cancelled()

    assert asyncio.run(run())
    assert (lives, told) == (1, [])
