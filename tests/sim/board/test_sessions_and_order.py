"""Frames arrive in order, each once, and what is lost is sent again (docs/link-protocol.md, sections 1, 3 and 4)."""

from sim.bench import Bench, gate

from ripieno_sim.board.reliable import Reliable
from ripieno_sim.codec import Done, EventKind, Ping, Query, Sample, Status, Type, encode


def test_a_pong_carries_its_tag_and_samples_come_every_twenty_milliseconds() -> None:
    bench = Bench()
    bench.connect()
    bench.frames.clear()
    bench.tell(Type.PING, Ping(77))
    bench.run(1_000_000)

    assert bench.frames[0].kind == Type.PONG
    assert bench.frames[0].message is not None
    assert bench.frames[0].message[0] == 77
    samples = [m for m in bench.messages() if isinstance(m, Sample)]
    assert 49 <= len(samples) <= 51
    assert samples[-1].readings == ((1, 10_000),)


def test_a_gap_is_objected_to_once_and_progress_allows_another_objection() -> None:
    bench = Bench()
    bench.connect()
    seq = bench.seq
    bench.tell(Type.QUERY, Query(1), seq=seq + 1)
    bench.tell(Type.QUERY, Query(2), seq=seq + 2)
    bench.settle()
    assert [frame.kind for frame in bench.frames].count(Type.NAK) == 1
    bench.tell(Type.QUERY, Query(1))
    bench.raw(b"\x05zzzz\0")
    bench.raw(b"\x05zzzz\0")
    bench.run(5_000)

    assert [frame.kind for frame in bench.frames].count(Type.NAK) == 2
    assert bench.statuses(2) == []


def test_an_unconfirmed_answer_is_sent_again_until_it_is_confirmed() -> None:
    bench = Bench()
    bench.connect()
    bench.acknowledging = False
    bench.tell(Type.ACT, gate(1))
    bench.run(90_000)
    assert bench.statuses(1) == []
    bench.acknowledging = True
    bench.run(200_000)

    assert bench.statuses(1) == [Status.DONE]
    assert bench.machine.pulses(1) == 1


def test_the_boards_own_bytes_thrown_back_are_no_sign_of_life() -> None:
    bench = Bench()
    bench.connect()
    echo = encode(Type.SAMPLE, 0, 0, Sample(1, 2, 3, 4, 5, 6, 7), bench.token)
    for _ in range(40):
        bench.run(10_000, beat=False)
        bench.raw(echo)

    assert bench.events(EventKind.SAFE)


def test_a_frame_after_a_pause_is_led_in_by_a_zero() -> None:
    bench = Bench()
    bench.run(1)

    wire = b""
    while not wire:
        due_us = bench.board.next_deadline_us()
        assert due_us is not None
        wire = bench.board.poll(due_us)
    assert wire.startswith(b"\0")


def test_events_without_room_are_counted_and_reported() -> None:
    bench = Bench()
    bench.connect()
    bench.run(50_000)
    bench.acknowledging = False
    for _ in range(50):
        bench.board.input_edge(0, True, bench.now_us)
        bench.board.input_edge(0, False, bench.now_us)
    bench.acknowledging = True
    bench.run(1_000_000)

    (fault,) = bench.events(EventKind.FAULT)
    assert fault.source == 2
    heard = len(bench.events(EventKind.RISING)) + len(bench.events(EventKind.FALLING))
    assert heard + fault.number == 100


def test_numbers_wrap_and_a_round_trip_is_learnt() -> None:
    sender, now_us = Reliable(byte_ns=10_000, room=8), 0
    for number in range(600):
        assert sender.push(Type.STATUS, Done(number, 0, 0, 0, 0))
        frame = sender.next_frame(now_us)
        assert frame is not None
        assert frame.seq == number & 0xFF
        now_us += 60_000
        assert [done.message for done in sender.acknowledge(number + 1 & 0xFF, now_us)] == [frame.message]
    sender.push(Type.STATUS, Done(1, 0, 0, 0, 0))
    sender.next_frame(now_us)

    deadline_us = sender.next_deadline_us()
    assert deadline_us is not None
    assert 60_000 <= deadline_us - now_us <= 100_000


def test_the_pause_before_a_resend_doubles_up_to_200_ms() -> None:
    sender, pauses, now_us = Reliable(byte_ns=10_000, room=8), [], 0
    sender.push(Type.STATUS, Done(1, 0, 0, 0, 0))
    sender.next_frame(now_us)
    for _ in range(6):
        deadline_us = sender.next_deadline_us()
        assert deadline_us is not None
        pauses.append(deadline_us - now_us)
        now_us = deadline_us
        sender.advance(now_us)
        again = sender.next_frame(now_us)
        assert again is not None
        assert again.sent_times > 1

    assert pauses == [20_400, 40_800, 81_600, 163_200, 200_000, 200_000]


def test_the_window_is_eight() -> None:
    sender = Reliable(byte_ns=10_000, room=64)
    for number in range(20):
        sender.push(Type.STATUS, Done(number, 0, 0, 0, 0))
    sent = 0
    while sender.next_frame(0) is not None:
        sent += 1

    assert sent == 8
    assert not sender.has_frame()
