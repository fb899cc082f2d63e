"""What a channel tells: each change once, again while nobody reacts, no flood, and a lamp by what it shows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ripieno.errors import CommandRefused, LinkDown
from ripieno.plan.tree import ChannelPlan
from ripieno.values import Booking, Outcome, OutcomeKind
from ripieno_daemon.alarms import Alarms, Instant, Notice, Notices, Policy
from ripieno_daemon.alarms.lamps import is_lit
from ripieno_daemon.alarms.posting import MOST_WAITING, Posting

SECOND, MINUTE = 1_000_000_000, 60_000_000_000


class Story:
    """A list and one channel that looks at it, second by second."""

    def __init__(self, severity: str = "low", repeat_s: int = 0, latch: bool = False) -> None:
        self.alarms, self.notices = Alarms(), Notices(severity, repeat_s * SECOND)
        self.alarms.policy = Policy(latch=latch)
        self.now_ns = 0
        self.told: list[Notice] = []

    def tell(self, code: str, subject: str = "", text: str = "wrong", lasts: bool = True) -> None:
        self.alarms.tell(code, subject, text, Instant(self.now_ns, self.now_ns), lasts)
        self._look()

    def over(self, code: str, subject: str = "") -> None:
        self.alarms.over(code, subject, Instant(self.now_ns, self.now_ns))
        self._look()

    def acknowledge(self, name: str) -> None:
        self.alarms.acknowledge(name, "anna")
        self._look()

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_ns += SECOND
            self.alarms.calm(Instant(self.now_ns, self.now_ns))
            self._look()

    def _look(self) -> None:
        self.told += self.notices.look(self.alarms.listed(), self.now_ns)

    @property
    def words(self) -> list[str]:
        return [f"{one.what} {one.alarm.name}" for one in self.told]


def test_each_change_is_told_once() -> None:
    story = Story()
    story.tell("stuck")
    story.wait(5)
    story.acknowledge("stuck")
    story.wait(5)
    story.over("stuck")
    story.wait(5)

    assert story.words == ["raised stuck", "acknowledged stuck", "returned stuck"]
    assert [one.alarm.state for one in story.told] == ["unacknowledged", "acknowledged", "returned"]
    assert len({one.key for one in story.told}) == 3


def test_an_event_that_is_acknowledged_is_gone_and_said_to_be_acknowledged() -> None:
    story = Story()
    story.tell("stopped", "device gate", lasts=False)
    story.acknowledge("all")

    assert story.words == ["raised stopped/device gate", "acknowledged stopped/device gate"]


def test_with_latch_a_return_and_who_has_seen_it_then_are_both_told() -> None:
    story = Story(latch=True)
    story.tell("stuck")
    story.over("stuck")
    story.wait(3)
    story.acknowledge("stuck")

    assert story.words == ["raised stuck", "returned stuck", "acknowledged stuck"]


def test_what_is_less_severe_is_not_told() -> None:
    story = Story(severity="high")
    for code in ("starts", "config", "stuck"):
        story.tell(code)

    assert story.words == ["raised stuck"]


def test_one_that_nobody_acknowledges_is_told_again_under_another_key() -> None:
    story = Story(repeat_s=60)
    story.tell("stuck")
    story.wait(130)
    story.acknowledge("stuck")
    story.wait(200)

    assert story.words == ["raised stuck", "repeated stuck", "repeated stuck", "acknowledged stuck"]
    assert len({one.key for one in story.told}) == 4


def test_chatter_is_told_when_it_begins_and_when_it_is_over() -> None:
    story = Story()
    for _ in range(20):
        story.tell("device", "gate", "down")
        story.wait(1)
        story.over("device", "gate")
        story.wait(1)
    story.wait(61)

    assert story.words == [
        *["raised device/gate", "returned device/gate"] * 2,
        "raised device/gate",
        "returned device/gate",
    ]
    assert [one.alarm.chatters for one in story.told[-2:]] == [True, True]


def test_in_a_flood_ten_are_told_and_the_rest_is_a_count_once_a_minute() -> None:
    story = Story()
    for number in range(60):
        story.tell("stopped", f"part {number}", lasts=False)
        story.wait(1)
    story.wait(60)

    whats = [one.what for one in story.told]
    floods = [one for one in story.told if one.what == "flood"]
    assert whats.count("raised") == 10
    assert len(floods) == 2 and sum(one.suppressed for one in floods) == 50 == story.notices.suppressed
    assert floods[0].alarm.severity == "medium" and "more (" in floods[0].alarm.text


def test_a_flood_of_less_severe_ones_hides_none_that_is_more_severe() -> None:
    story = Story()
    for number in range(30):
        story.tell("stopped", f"part {number}", lasts=False)
    story.tell("stuck")

    assert "raised stuck" in story.words


def test_what_was_told_by_count_does_not_flood_when_it_is_acknowledged() -> None:
    story = Story()
    for number in range(40):
        story.tell("stopped", f"part {number}", lasts=False)
    story.wait(2)
    story.acknowledge("all")

    assert [word.split()[0] for word in story.words].count("acknowledged") == 10


def test_after_a_flood_alarms_are_told_one_by_one_again() -> None:
    story = Story()
    for number in range(30):
        story.tell("stopped", f"part {number}", lasts=False)
    story.wait(601)
    story.tell("stuck")
    story.tell("stopped", "another", lasts=False)

    assert story.words[-2:] == ["raised stuck", "raised stopped/another"]


@pytest.mark.parametrize(
    ("shows", "states"),
    [
        ("unacknowledged", [False, True, False, False]),
        ("active", [False, True, True, False]),
        ("well", [True, False, False, True]),
    ],
)
def test_a_lamp_shows_what_it_is_to_show(shows: str, states: list[bool]) -> None:
    channel = ChannelPlan("lamp", "alarms.lamp", "indicator", "medium", shows=shows)
    alarms, seen = Alarms(), []

    def look() -> None:
        seen.append(is_lit(channel, alarms.listed()))

    alarms.tell("starts", "", "too low for this lamp", Instant(0, 0))
    look()
    alarms.tell("stuck", "", "stuck", Instant(1, 1))
    look()
    alarms.acknowledge("stuck", "anna")
    look()
    alarms.over("stuck", "", Instant(2, 2))
    look()

    assert seen == states


class Bookings:
    """A system that is away, then there, and says no to some."""

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self.sent: list[Booking] = []
        self.fails: type[Exception] | None = None

    async def run(self) -> None: ...
    async def fire(self, pulse: Any, note: bytes = b"") -> Any: ...
    def withdraw(self, act: Any) -> None: ...
    def set(self, setpoint: Any) -> None: ...
    def rearm(self) -> None: ...

    async def book(self, booking: Booking) -> Outcome:
        await self.there.wait()
        if self.fails is not None:
            raise self.fails("it is not possible")
        self.sent.append(booking)
        return Outcome(booking.act, OutcomeKind.EXECUTED)


def notices(count: int) -> list[Notice]:
    story = Story()
    for number in range(count):
        story.alarms.tell("stuck", str(number), "x", Instant(number, number))
    return [Notice("raised", one.name, one) for one in reversed(story.alarms.listed())]


async def turn() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_queue_is_bounded_and_what_is_dropped_is_counted() -> None:
    async def run() -> tuple[Posting, list[str], Bookings]:
        ended: list[str] = []
        posting, device = Posting("p", (("device", "d"),), lambda notice, how, why: ended.append(how)), Bookings()
        posting.bind(device)
        task = asyncio.ensure_future(posting.run())
        for notice in notices(100):
            posting.put(notice)
            posting.put(notice)
        await turn()
        waiting = posting.waiting
        device.there.set()
        for _ in range(20):
            await turn()
        task.cancel()
        assert waiting == MOST_WAITING
        return posting, ended, device

    posting, ended, device = asyncio.run(run())

    assert posting.ended == {"delivered": 100, "refused": 0, "dropped": 100}
    assert ended.count("dropped") == 100 and len(device.sent) == 100
    assert dict(device.sent[0].fields)["device"] == "d"


def test_a_driver_that_was_opened_anew_gets_the_same_message_and_a_refusal_is_the_end_of_one() -> None:
    async def run() -> tuple[list[str], Bookings, Bookings]:
        ended: list[str] = []
        first, second = Bookings(), Bookings()
        first.fails, second.fails = LinkDown, None
        for one in (first, second):
            one.there.set()
        posting = Posting("p", (), lambda notice, how, why: ended.append(how))
        posting.bind(first)
        task = asyncio.ensure_future(posting.run())
        one, other = notices(2)
        posting.put(one)
        await turn()
        posting.bind(second)
        await turn()
        second.fails = CommandRefused
        posting.put(other)
        await turn()
        task.cancel()
        return ended, first, second

    ended, first, second = asyncio.run(run())

    assert ended == ["delivered", "refused"]
    assert first.sent == [] and [str(one.act) for one in second.sent] == ["alarm:stuck/0/p/0"]
