"""Two boards, written apart from the same page, do and say the same: each checks the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim.bench import Bench, gate

from ripieno_sim.board import Board
from ripieno_sim.codec import (
    Act,
    Arm,
    Cancel,
    Cause,
    Done,
    Estop,
    Event,
    EventKind,
    Message,
    Ping,
    Query,
    SetValue,
    Trigger,
    Type,
    encode,
)
from ripieno_sim.firmware import CBoard

IDS = st.integers(1, 12)
NEAR = st.integers(-3_000, 60_000)
ODD = st.integers(-(2**31), 2**31 - 1)


@dataclass(frozen=True)
class Order:
    """An ACT; `at` is relative to the board's time or count."""

    cmd_id: int
    trigger: int
    at: int
    value: int
    late: int
    hold_ms: int
    span: int
    channel: int


@dataclass(frozen=True)
class Say:
    """A frame; `again` sends it with the number of the one before, `ahead` with one too high."""

    kind: int
    message: Message
    number: str = "next"


@dataclass(frozen=True)
class Pass:
    """Time passes; a host that does not beat is silent."""

    us: int
    beats: bool


@dataclass(frozen=True)
class Happen:
    """Something that is no frame."""

    what: str
    number: int = 0


ORDERS = st.builds(
    Order,
    IDS,
    st.sampled_from([Trigger.NOW, Trigger.TIME, Trigger.COUNT, Trigger.COUNT, 3]),
    NEAR | ODD,
    st.sampled_from([1, 1, 1, 0, 2, -1]),
    st.integers(0, 200) | st.integers(0, 65_535),
    st.integers(1, 300) | st.sampled_from([0, 2_000, 2_001, 65_535]),
    st.sampled_from([0, 20, 500, 65_535]),
    st.sampled_from([0, 0, 0, 0, 1, 2, 63]),
)
NUMBERS = st.sampled_from(["next"] * 8 + ["again", "ahead"])
SAYS = st.one_of(
    st.builds(lambda i, n: Say(Type.QUERY, Query(i), n), IDS, NUMBERS),
    st.builds(lambda i, n: Say(Type.CANCEL, Cancel(i), n), IDS, NUMBERS),
    st.builds(lambda m, n: Say(Type.ARM, Arm(m), n), st.sampled_from([0, 1, 2, 3, 3, 0xFFFF]), NUMBERS),
    st.builds(
        lambda c, v, lease, n: Say(Type.SET, SetValue(c, v, lease), n),
        st.sampled_from([1, 1, 1, 0, 2, 255]),
        st.integers(6_000, 14_000) | ODD,
        st.integers(1, 400) | st.sampled_from([0, 3_000, 3_001]),
        NUMBERS,
    ),
    st.builds(lambda t: Say(Type.PING, Ping(t)), st.integers(0, 9)),
)
PASSES = st.builds(Pass, st.integers(1, 60_000) | st.integers(1, 700_000), st.sampled_from([True, True, True, False]))
HAPPENINGS = st.one_of(
    st.builds(Happen, st.just("speed"), st.sampled_from([0, 300, 2_500, 5_000])),
    st.builds(Happen, st.just("edge"), st.integers(0, 3)),
    st.builds(Happen, st.sampled_from(["noise", "connect", "hello", "warm", "cold", "lost count", "estop", "button"])),
    st.builds(Happen, st.just("hang"), st.sampled_from([1_000, 90_000, 499_999, 900_000])),
)
STEPS = st.lists(st.one_of(ORDERS, ORDERS, SAYS, SAYS, PASSES, HAPPENINGS), max_size=40)


class Acted:
    """One of the two boards after a script."""

    def __init__(self, board: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("sim.bench.Board", board)
            self.bench = Bench()
        self.welcomes: list[tuple[int, ...]] = []
        self.connect()

    def connect(self) -> None:
        welcome = self.bench.connect()
        self.welcomes.append(
            (
                welcome.state,
                welcome.last_cmd_id,
                welcome.edges,
                welcome.position,
                welcome.now_us,
                welcome.reset_cause,
                welcome.config_crc,
                welcome.ring,
                welcome.window,
                welcome.fw_id,
            )
        )

    def do(self, step: Order | Say | Pass | Happen) -> None:
        bench = self.bench
        if isinstance(step, Order):
            bench.tell(Type.ACT, self._act(step))
        elif isinstance(step, Say):
            seq = {"next": None, "again": bench.seq - 1 & 0xFF, "ahead": bench.seq + 1 & 0xFF}[step.number]
            bench.tell(step.kind, step.message, seq=seq)
        elif isinstance(step, Pass):
            bench.run(step.us, step.beats)
        else:
            self._happen(step)

    def _act(self, order: Order) -> Act:
        bench, at = self.bench, 0
        if order.trigger == Trigger.TIME:
            at = bench.board.orders.clock.at(bench.now_us) + order.at
        elif order.trigger == Trigger.COUNT:
            at = bench.board.orders.count(bench.now_us) + order.at // 100
        target = order.channel | order.trigger << 6
        return gate(order.cmd_id, target=target, value=order.value, at=at & 0xFFFFFFFF, late=order.late,
                    hold_ms=order.hold_ms, span=order.span)  # fmt: skip

    def _happen(self, happening: Happen) -> None:
        bench, board, now_us = self.bench, self.bench.board, self.bench.now_us
        match happening.what:
            case "speed":
                bench.set_speed(happening.number)
            case "edge":
                rising = not bench.machine.levels >> happening.number & 1
                bench.machine.levels ^= 1 << happening.number
                board.input_edge(happening.number, rising, now_us)
            case "noise":
                bench.raw(b"\x05abcd\0")
            case "connect":
                self.connect()
            case "hello":
                bench.hello()
            case "warm":
                board.reset(now_us, Cause.PIN, keep_ram=True)
                self.connect()
            case "lost count":
                board.reset(now_us, Cause.BROWN_OUT, keep_ram=True, keep_count=False)
                self.connect()
            case "cold":
                board.reset(now_us, Cause.POWER, keep_ram=False)
                self.connect()
            case "estop":
                bench.raw(encode(Type.ESTOP, 0, bench.expected, Estop(3), bench.token))
            case "button":
                board.press_reset_of_estop(now_us)
            case "hang":
                board.hang(now_us, happening.number)
                bench.run(1_000_000, beat=False)
                self.connect()

    def said(self) -> dict[str, Any]:
        """Return what it did and said that a host could build on."""
        self.bench.run(400_000)
        messages = self.bench.messages()
        return {
            "pins": self.bench.machine.done,
            "welcomes": self.welcomes,
            "answers": [m for m in messages if isinstance(m, Done)],
            "events": Counter(m for m in messages if isinstance(m, Event)),
            "kinds": {kind: [m for m in messages if isinstance(m, Event) and m.kind == kind] for kind in EventKind},
            "estops": [m for m in messages if isinstance(m, Estop)],
            "state": self.bench.board.state(),
            "armed": self.bench.board.orders.armed,
        }


@settings(max_examples=150, deadline=None)
@given(script=STEPS)
def test_the_same_script_has_the_same_effects_and_answers(script: list[Order | Say | Pass | Happen]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        both = [Acted(board, monkeypatch) for board in (Board, CBoard)]
        for acted in both:
            for step in script:
                acted.do(step)
        python, firmware = (acted.said() for acted in both)

    assert firmware == python


def test_the_comparison_notices_a_difference() -> None:
    """Negative control: another script has other effects."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        one, other = Acted(Board, monkeypatch), Acted(CBoard, monkeypatch)
        one.do(Order(1, Trigger.NOW, 0, 1, 50, 20, 0, 0))
        other.do(Order(1, Trigger.NOW, 0, 1, 50, 21, 0, 0))

        assert one.said() != other.said()
