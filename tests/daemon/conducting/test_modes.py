"""How long an override lasts, whatever the clocks do; what a torn file leaves; whose word on observing counts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from engine.plans import line
from hypothesis import given
from hypothesis import strategies as st

from ripieno.errors import CommandRefused, StorageError
from ripieno.plan import BrokerPlan, Plan, StoragePlan
from ripieno_daemon.conducting.mode_file import FILE_BYTES, PLACE_BYTES, ModeFile
from ripieno_daemon.conducting.mode_limits import Limits
from ripieno_daemon.conducting.modes import Instant, Modes, Override

S = 1_000_000_000
HOUR = 3600 * S
NOW = Instant(t=50 * S, monotonic_ns=1000 * S, wall_ns=1_750_000_000 * S, boot="one")


def plan(observe: tuple[str, ...] = ()) -> Plan:
    return Plan(
        format=1,
        device="line-1",
        site="",
        runtime="auto",
        pipelines=(line(),),
        devices=(),
        broker=BrokerPlan("none", "", 0, ""),
        storage=StoragePlan("state", 0, 0),
        observe=observe,
    )


def override(how: str = "bypass", for_ns: int = HOUR, at: Instant = NOW) -> Override:
    return Override("gate", how, None, "ada", "", for_ns, at.wall_ns, at.t, at.monotonic_ns, at.boot)


def restarted(before: Modes, now: Instant, observe: tuple[str, ...] = ()) -> Modes:
    kept = msgpack.unpackb(msgpack.packb(before.as_map()), raw=False)
    return Modes(plan(observe), kept, now)


# --- how long it lasts ----------------------------------------------------------------------------------------------


@given(ran=st.integers(0, 2 * HOUR), step=st.integers(-10 * HOUR, 10 * HOUR))
def test_while_the_machine_runs_no_step_of_the_wall_clock_makes_it_longer_or_shorter(ran: int, step: int) -> None:
    later = replace(NOW, t=NOW.t + ran, monotonic_ns=NOW.monotonic_ns + ran, wall_ns=NOW.wall_ns + ran + step)

    assert override().left_ns(later) == HOUR - ran


@given(ran=st.integers(0, HOUR), off=st.integers(0, 2 * HOUR), step=st.integers(-10 * HOUR, 10 * HOUR))
def test_over_a_boot_it_ends_rather_early_than_late(ran: int, off: int, step: int) -> None:
    """`ran`: while the daemon ran, in which the wall clock may have stepped; `off`: while the machine was off."""
    gap = replace(NOW, boot="two", monotonic_ns=off % 100, wall_ns=NOW.wall_ns + ran + step + off, t=NOW.t + ran + off)

    left = override().left_ns(gap)

    assert left <= HOUR - ran - off
    if step == 0:
        assert left == HOUR - ran - off


def test_where_the_clock_went_back_over_a_boot_nobody_knows_and_it_is_over() -> None:
    """A device without a battery clock starts in the past: the engine's time goes on as if nothing had passed."""
    after = replace(NOW, boot="two", monotonic_ns=5 * S, wall_ns=0, t=NOW.t + S, is_gap_known=False)
    before = Modes(plan(), {}, NOW)
    before.take(override(), NOW)

    (one,) = restarted(before, after).over

    assert "clock went back" in one[1]
    assert restarted(before, after).overrides == {}
    assert restarted(before, replace(after, boot="one", monotonic_ns=NOW.monotonic_ns + S)).overrides, "the same boot"


def test_negative_control_by_the_wall_clock_alone_a_step_back_makes_it_longer() -> None:
    stepped = replace(NOW, monotonic_ns=NOW.monotonic_ns + 2 * HOUR, wall_ns=NOW.wall_ns + 2 * HOUR - 3 * HOUR)
    one = override()

    assert one.until_ns > stepped.wall_ns
    assert one.left_ns(stepped) <= 0


def test_it_is_over_at_its_time_and_only_then() -> None:
    modes = Modes(plan(), {}, NOW)
    modes.take(override(for_ns=10 * S), NOW)

    assert modes.deadline() == NOW.t + 10 * S
    assert modes.expired(NOW.t + 10 * S - 1) == []
    assert modes.expired(NOW.t + 10 * S) == ["gate"]
    assert (modes.how("gate"), modes.give("gate"), modes.how("gate")) == ("bypass", override(for_ns=10 * S), "")


def test_an_output_that_the_plan_no_longer_has_is_nobodys() -> None:
    before = Modes(plan(), {}, NOW)
    before.take(replace(override(), output="kicker"), NOW)

    assert [(one.output, why) for one, why in restarted(before, NOW).over] == [
        ("kicker", "the plan has no such output any more")
    ]


# --- who says whether it observes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_then", "said", "file_now", "observes"),
    [
        (False, True, False, True),
        (True, False, True, False),
        (False, True, True, True),
        (True, False, False, False),
        (True, True, False, False),
        (False, False, True, True),
    ],
)
def test_a_persons_word_holds_until_the_file_says_something_else(
    file_then: bool, said: bool, file_now: bool, observes: bool
) -> None:
    before = Modes(plan(("line",) if file_then else ()), {}, NOW)
    before.switch("line", said, "ada", "", NOW)
    after = restarted(before, NOW, ("line",) if file_now else ())

    assert after.observes("line") is observes
    assert ("line" in after.switched) is (file_then == file_now)


def test_an_override_stands_above_observing_and_observing_is_left_when_it_ends() -> None:
    modes = Modes(plan(("line",)), {}, NOW)
    modes.take(override(), NOW)
    assert (modes.how("gate"), modes.how("flow")) == ("bypass", "observe")
    modes.give("gate")

    assert modes.how("gate") == "observe"


# --- the file -------------------------------------------------------------------------------------------------------


class Torn:
    """A file whose writes may end in the middle."""

    def __init__(self, content: bytes = bytes(FILE_BYTES)) -> None:
        self.content, self.left = bytearray(content), -1

    def read(self) -> bytes:
        return bytes(self.content)

    async def write(self, pieces: Any) -> None:
        for offset, piece in pieces:
            kept = piece if self.left < 0 else piece[: self.left]
            self.content[offset : offset + len(kept)] = kept
            if self.left >= 0:
                raise StorageError("the power is gone")

    def close(self) -> None:
        pass


@given(old=st.lists(st.text(max_size=20), max_size=4), new=st.text(max_size=40), cut=st.integers(0, 200))
def test_a_power_cut_at_any_byte_leaves_the_old_modes_or_the_new(old: list[str], new: str, cut: int) -> None:
    disk = Torn()

    async def lives() -> None:
        for text in old:
            await ModeFile(disk).write(lambda text=text: {"text": text})  # type: ignore[misc]
        disk.left = cut
        with pytest.raises(StorageError):
            await ModeFile(disk).write(lambda: {"text": new})

    asyncio.run(lives())

    assert ModeFile(disk).kept in ({"text": old[-1]} if old else {}, {"text": new})


def test_negative_control_in_one_place_alone_a_torn_write_loses_both() -> None:
    disk = Torn()

    async def lives() -> None:
        await ModeFile(disk).write(lambda: {"text": "old"})
        place = bytes(disk.content[PLACE_BYTES:])
        disk.content[:PLACE_BYTES] = place  # both places hold the old one, and both are torn
        for at in (0, PLACE_BYTES):
            disk.content[at + 18] ^= 0xFF

    asyncio.run(lives())

    assert ModeFile(disk).kept is None


def test_with_a_damaged_file_everything_observes_until_a_person_says_otherwise() -> None:
    modes = Modes(plan(), None, NOW)
    assert (modes.how("gate"), modes.how("flow")) == ("observe", "observe")
    assert "damaged" in modes.said("line")["why"]
    modes.switch("line", False, "ada", "", NOW)

    assert restarted(modes, NOW).how("gate") == ""


def test_writes_wait_for_one_another_and_the_last_state_wins() -> None:
    disk, state = Torn(), {"n": 0}

    async def lives() -> None:
        file = ModeFile(disk)

        async def change(n: int) -> None:
            state["n"] = n
            await file.write(lambda: dict(state))

        await asyncio.gather(*(change(n) for n in range(1, 6)))

    asyncio.run(lives())

    assert ModeFile(disk).kept == {"n": 5}


# --- what may be asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "what", "value"),
    [
        ("gate", "pulse", None),
        ("gate", "off", None),
        ("flow", "off", 100.0),
        ("flow", "97.5", 97.5),
        ("flow", "95", 95.0),
    ],
)
def test_within_its_limits_an_output_takes_what_a_person_wants(output: str, what: str, value: float | None) -> None:
    assert Limits(Modes(plan(), {}, NOW), HOUR).value(output, what, 100.0) == value


@pytest.mark.parametrize(
    ("output", "what"),
    [
        ("gate", "1"),
        ("gate", "open"),
        ("flow", "pulse"),
        ("flow", "nan"),
        ("flow", "inf"),
        ("flow", "121"),
        ("flow", "94"),
    ],
)
def test_outside_of_them_it_does_not(output: str, what: str) -> None:
    with pytest.raises(CommandRefused):
        Limits(Modes(plan(), {}, NOW), HOUR).value(output, what, 100.0)


@pytest.mark.parametrize("for_s", [None, 0.0, -1.0, 3600.1, float("nan"), float("inf")])
def test_how_long_is_asked_for_and_bounded(for_s: float | None) -> None:
    with pytest.raises(CommandRefused):
        Limits(Modes(plan(), {}, NOW), HOUR).span(for_s)
