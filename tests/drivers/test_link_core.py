"""The protocol without I/O: windows, clocks, sessions; docs/link-protocol.md sections 3, 4 and 6."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno_drivers.link.boardclock import BoardClock, nearest, signed
from ripieno_drivers.link.core import Link
from ripieno_drivers.link.window import MAX_RTO_US, WINDOW, Outbound, Receiver, Sender


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("loss", [0.0, 0.1, 0.4])
def test_every_frame_arrives_once_and_in_order_over_a_line_that_loses_both_ways(seed: int, loss: float) -> None:
    draw, sender, receiver = random.Random(seed), Sender(10.0), Receiver()
    taken: list[bytes] = []
    wanted = [bytes([index & 0xFF, index >> 8]) for index in range(600)]
    waiting = list(wanted)
    now_us = 0
    while len(taken) < len(wanted):
        while waiting and sender.queue(Outbound(0x24, waiting[0])):
            waiting.pop(0)
        due = sender.due(now_us)
        assert len(due) <= 2 * WINDOW
        for seq, frame, _ in due:
            if draw.random() >= loss and receiver.takes(seq):
                taken.append(frame.payload)
        if due:
            sender.left(now_us + 100 * len(due))
        now_us += 1000
        if receiver.owes_nak and draw.random() >= loss:
            sender.refused(receiver.expected, now_us)
        elif draw.random() >= loss:
            sender.acknowledged(receiver.expected, now_us)
        receiver.owes_nak = False
        assert now_us < 600_000_000

    assert taken == wanted


def test_a_lost_frame_is_sent_again_after_a_time_that_doubles_to_200_ms() -> None:
    sender = Sender(87.0)
    sender.queue(Outbound(0x24, b"\1\0"))
    sender.due(0)
    sender.left(0)
    gaps, last = [], 0
    for _ in range(7):
        at = sender.next_deadline(last)
        assert at is not None
        assert not sender.due(int(at) - 1)
        assert sender.due(int(at) + 1)[0][2]
        sender.left(int(at) + 1)
        gaps.append(int(at) - last)
        last = int(at) + 1

    assert gaps[0] == 20_000 + 40 * 87
    assert all(b <= 2 * a + 1 and b >= a for a, b in itertools.pairwise(gaps))
    assert gaps[-1] == MAX_RTO_US


def test_a_nak_causes_a_resend_at_most_once_per_30_byte_times() -> None:
    sender = Sender(10.0)
    for index in range(3):
        sender.queue(Outbound(0x24, bytes([index, 0])))
    sender.due(0)
    sender.left(0)
    sender.refused(1, 1000)
    assert [seq for seq, _, again in sender.due(1000) if again] == [1, 2]
    sender.left(1000)
    sender.refused(1, 1200)
    assert sender.due(1200) == []
    sender.refused(1, 1301)
    assert [seq for seq, _, _ in sender.due(1301)] == [1, 2]


def test_a_receiver_says_one_nak_until_progress() -> None:
    receiver = Receiver()
    assert not receiver.takes(2)
    assert receiver.owes_nak
    receiver.owes_nak = False
    assert not receiver.takes(3)
    receiver.damaged()
    assert not receiver.owes_nak
    assert receiver.takes(0)
    receiver.damaged()
    assert receiver.owes_nak
    assert not receiver.takes(0), "behind: acknowledged again, otherwise ignored"
    assert receiver.owes_ack


def test_an_acknowledgement_outside_the_window_is_ignored() -> None:
    sender = Sender(10.0)
    sender.queue(Outbound(0x24, b"\1\0"))
    sender.due(0)
    sender.acknowledged(5, 10)
    sender.acknowledged(200, 10)
    assert not sender.is_idle
    sender.acknowledged(1, 10)
    assert sender.is_idle


@given(value=st.integers(-(2**62), 2**62), step=st.integers(-(2**31), 2**31 - 1))
def test_a_count_is_followed_over_its_wrap(value: int, step: int) -> None:
    assert nearest((value + step) & 0xFFFFFFFF, value) == value + step
    assert -(2**31) <= signed(value) < 2**31


@given(
    start=st.integers(0, 2**32 - 1),
    waits=st.lists(st.integers(1_000, 200_000_000), min_size=1, max_size=60),
    ago=st.integers(0, 3_600_000_000),
)
def test_board_times_come_back_as_host_times_over_the_wrap(start: int, waits: list[int], ago: int) -> None:
    """PINGs with a symmetric trip of 2 ms; an instant up to an hour back is told right."""
    clock, now = BoardClock(), 5_000_000_000
    zero = now - start
    clock.begin(start, now)
    for wait in waits:
        now += wait
        clock.exchanged(now - 1000, now + 1000, (now - zero) & 0xFFFFFFFF)

    assert clock.uncertainty_us == 1000
    assert clock.to_board_us(now) & 0xFFFFFFFF == (now - zero) & 0xFFFFFFFF
    assert clock.host_us_of((now - ago - zero) & 0xFFFFFFFF, now) == now - ago


@given(chunks=st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 500_000))))
def test_noise_neither_raises_nor_opens_a_session(chunks: list[tuple[bytes, int]]) -> None:
    link, now_us = Link(baud=115200, nonce=lambda: 7), 0
    for noise, wait_us in chunks:
        now_us += wait_us
        assert link.receive(noise, now_us) == []
        link.poll(now_us)
        assert link.next_deadline(now_us) is not None

    assert not link.is_up


def test_hello_goes_out_every_25_ms_under_one_nonce() -> None:
    nonces = itertools.count(1)
    link, sent = Link(baud=115200, nonce=lambda: next(nonces)), []
    for now_us in range(0, 100_000, 1000):
        sent.append(link.poll(now_us))
    hellos = [wire for wire in sent if wire]

    assert len(hellos) == 4
    assert len(set(hellos)) == 1
    assert hellos[0][0] == 0, "after a pause one zero goes first"


def test_without_a_session_nothing_can_be_asked() -> None:
    link = Link(baud=115200, nonce=lambda: 7)

    assert not any((link.query(1), link.cancel(1), link.arm(1), link.set(0, 1, 100)))
