"""A booking leaves when its cause would survive a crash, and not before; a device that has stopped is asked nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from drivers.virtual import LoopClock, run
from language.bundles import compiled

from ripieno.errors import LinkDown
from ripieno.values import Booking, Message, Outcome, OutcomeKind
from ripieno_daemon.conducting.conductor import Conductor
from ripieno_daemon.conducting.outputs import Outputs
from ripieno_daemon.conducting.timeline import Timeline
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.ports import InlineStorage, SystemEntropy

PIPELINE = """\
ripieno: 1
name: desk
version: "1"
inputs:
  told: {kind: message, fields: {text: text}}
outputs:
  reply: {kind: message}
items:
  question: {starts: told, decide_within: 10s}
rules:
  known: {each: question, when: told.text != "", verdict: answered, do: 'reply.send(question, text=told.text)'}
  rest:  {each: question, after: question.undecided, do: 'reply.send(question)'}
"""


class NoIntents:
    def open(self, device: str) -> list[Any]:
        return []


class Device:
    """Takes bookings, and notes how much was durable when each came."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.booked: list[tuple[str, int]] = []
        self.closed = False

    async def book(self, booking: Booking) -> Outcome:
        if self.closed:
            raise LinkDown("closed")
        self.booked.append((str(booking.act), self._ledger.head()[0]))
        return Outcome(booking.act, OutcomeKind.EXECUTED)

    def rearm(self) -> None:
        """Nothing moves."""

    def __getattr__(self, name: str) -> Any:
        if name in ("run", "fire", "withdraw", "set"):
            return lambda *_: None
        raise AttributeError(name)


def conducted(folder: Path, work: Callable[[Conductor, Ledger, Device], Awaitable[Any]]) -> Any:
    """Run a conductor over a real ledger on a disk that takes 50 ms."""

    async def main() -> Any:
        clock: Any = LoopClock()
        nothing: Any = None
        storage = InlineStorage(folder, clock, lambda name: 0.05)
        ledger = await Ledger.open(storage.database("ledger.sqlite"), clock, SystemEntropy(), group_ms=250)
        intents: Any = NoIntents()
        timeline = Timeline(clock)
        conductor = Conductor(compiled(PIPELINE), "d" * 64, ledger, intents, timeline, nothing, print, clock)
        ledger.on_commit = conductor.committed
        device: Any = Device(ledger)
        conductor.bind({"told": device, "reply": device}, {"told": "desk", "reply": "desk"})
        async with asyncio.TaskGroup() as group:
            parts = [group.create_task(ledger.run()), group.create_task(conductor.run())]
            conductor.begin(set())
            found = await work(conductor, ledger, device)
            for part in parts:
                part.cancel()
        await ledger.close()
        return found

    return run(main())


def told(conductor: Conductor, key: str) -> None:
    now_ns = LoopClock().monotonic_ns()
    conductor.arrive(Message("told", key, {"text": "Where?"}, now_ns, now_ns))


async def answered(conductor: Conductor, ledger: Ledger, device: Device) -> tuple[int, int]:
    """Return the record of the message, and what was durable when its answer left."""
    event = ledger.next_id
    told(conductor, "mail-1")
    while not device.booked:  # noqa: ASYNC110  # virtual time
        await asyncio.sleep(0.01)
    return event, device.booked[0][1]


@contextmanager
def hasty() -> Any:
    """The protection taken out: an answer leaves as soon as it is decided."""

    async def book(self: Conductor, effect: Any, record: int) -> None:
        await self._outputs.book(effect)

    with mock.patch.object(Conductor, "_book", book):
        yield


def test_an_answer_leaves_when_its_question_is_durable(tmp_path: Path) -> None:
    event, durable = conducted(tmp_path, answered)

    assert durable >= event > 0


def test_without_the_wait_it_would_leave_before(tmp_path: Path) -> None:
    """Negative control."""
    with hasty():
        event, durable = conducted(tmp_path, answered)

    assert durable < event


@pytest.mark.parametrize("rebinds", [1, 3])
def test_a_device_that_has_stopped_is_not_asked_but_the_next_one(tmp_path: Path, rebinds: int) -> None:
    async def work(conductor: Conductor, ledger: Ledger, device: Device) -> list[list[tuple[str, int]]]:
        device.closed = True
        told(conductor, "mail-1")
        await asyncio.sleep(2)
        made: list[Any] = [Device(ledger) for _ in range(rebinds)]
        for one in made:
            one.closed = one is not made[-1]
            conductor.bind({"told": one, "reply": one}, {"told": "desk", "reply": "desk"})
            await asyncio.sleep(1)
        return [one.booked for one in (device, *made)]

    *before, last = conducted(tmp_path, work)

    assert before == [[]] * rebinds
    assert len(last) == 1


def ends_after(folder: Path) -> float:
    """Return after how many seconds a stop has no act under way, where a booking waits for a device that has gone."""

    async def work(conductor: Conductor, ledger: Ledger, device: Device) -> float:
        device.closed = True
        told(conductor, "mail-1")
        await asyncio.sleep(2)
        conductor.hold()
        began = asyncio.get_running_loop().time()
        await conductor.quiet(0.3)
        return asyncio.get_running_loop().time() - began

    found = conducted(folder, work)
    assert isinstance(found, float)
    return found


def test_a_stop_does_not_wait_for_a_device_that_is_not_opened_again(tmp_path: Path) -> None:
    assert ends_after(tmp_path) < 0.01


def test_a_booking_that_knows_of_no_end_takes_all_the_time_there_is(tmp_path: Path) -> None:
    """Negative control."""
    with mock.patch.object(Outputs, "end", lambda self: None):
        assert ends_after(tmp_path) == pytest.approx(0.3)
