"""What the rules ask of the inside of the Python board, asked of the firmware from outside."""

import os
import struct
from itertools import pairwise

import pytest
from sim.bench import Bench, gate

from ripieno_sim.board import BoardSettings
from ripieno_sim.codec import Cause, Decoder, Done, EventKind, Frame, Query, State, Status, Trigger, Type, open_body
from ripieno_sim.firmware import CBoard
from ripieno_sim.firmware.library import library
from ripieno_sim.plant import CHANNELS

pytestmark = pytest.mark.usefixtures("on_the_firmware")

RING, HEAD, ANSWER = 256, 22 * 4, 24  # journal.h


def with_answers(*cmd_ids: int) -> Bench:
    """Return a bench whose board has run these commands."""
    bench = Bench()
    bench.connect()
    for cmd_id in cmd_ids:
        bench.tell(Type.ACT, gate(cmd_id, hold_ms=1, late=65_535))
        bench.run(2_000, beat=False)
    return bench


def answer_at(bench: Bench, cmd_id: int) -> int:
    """Return where in the journal's RAM the answer of a command lies."""
    return bench.board.journal.ram.raw.index(struct.pack("<II", cmd_id, Status.DONE), 2 * HEAD)


def asked(bench: Bench, *cmd_ids: int) -> list[int]:
    """Return what a board says of commands in a new session after a warm reset."""
    bench.board.reset(bench.now_us, Cause.PIN, keep_ram=True)
    bench.connect(armed=0)
    for cmd_id in cmd_ids:
        bench.tell(Type.QUERY, Query(cmd_id))
        bench.run(2_000, beat=False)
    return [bench.told(cmd_id).status for cmd_id in cmd_ids]


def test_the_bench_holds_the_firmware() -> None:
    assert type(Bench().board) is CBoard


def test_the_build_that_was_named_is_the_one_that_is_asked() -> None:
    name = library()._name

    assert name == os.environ.get("RIPIENO_FIRMWARE", name)


def test_another_table_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="another table"):
        Bench(settings=BoardSettings(table=CHANNELS[:1]))


def test_an_answer_that_still_waits_is_never_overwritten() -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, gate(1, Trigger.COUNT, at=10_000_000))
    for cmd_id in range(2, 2 * RING):
        bench.tell(Type.ACT, gate(cmd_id, hold_ms=1, late=65_535))
        bench.run(1_000, beat=cmd_id % 50 == 0)
    bench.tell(Type.QUERY, Query(1))

    assert bench.told(1).status == Status.PENDING


def test_a_damaged_answer_makes_ids_without_one_unknown() -> None:
    bench = with_answers(1, 3, 5)
    epoch = bench.board.journal.epoch
    place = answer_at(bench, 3)
    bench.board.journal.ram[place + 4] = b"\x0f"

    assert asked(bench, 3, 2, 5, 6) == [Status.FORGOTTEN, Status.FORGOTTEN, Status.DONE, Status.NONE]
    assert bench.board.journal.epoch == epoch
    (fault,) = bench.events(EventKind.FAULT)
    assert (fault.source, fault.number) == (3, 1)


@pytest.mark.parametrize("byte", range(0, HEAD, 5))
def test_a_head_torn_by_a_reset_is_restored_from_the_other(byte: int) -> None:
    bench = with_answers(1, 2)
    epoch = bench.board.journal.epoch
    for place in range(byte, HEAD):
        bench.board.journal.ram[place] = b"\xa5"

    assert asked(bench, 2, 3) == [Status.DONE, Status.NONE]
    assert (bench.board.journal.epoch, bench.board.journal.last_cmd_id) == (epoch, 2)
    assert State.JOURNAL_SURVIVED in bench.board.state()


def test_with_both_heads_lost_the_journal_begins_anew() -> None:
    bench = with_answers(1, 2)
    epoch = bench.board.journal.epoch
    for place in (4, HEAD + 4):
        bench.board.journal.ram[place] = bytes([bench.board.journal.ram.raw[place] ^ 1])

    assert asked(bench, 1, 2) == [Status.NONE, Status.NONE]
    assert bench.board.journal.epoch != epoch
    assert State.JOURNAL_SURVIVED not in bench.board.state()


def test_numbers_wrap_after_256_frames() -> None:
    bench = Bench()
    bench.connect()
    for cmd_id in range(1, 601):
        bench.tell(Type.QUERY, Query(cmd_id))
        bench.run(1_000, beat=cmd_id % 50 == 0)
    bench.settle()

    assert [m.cmd_id for m in bench.messages() if isinstance(m, Done)] == list(range(1, 601))


def watch(bench: Bench) -> list[tuple[int, Frame, bool]]:
    """Return a list that grows with each frame of the session: when it went out, what it was, if a zero led it in."""
    seen: list[tuple[int, Frame, bool]] = []
    poll = bench.board.poll

    def watched(now_us: int) -> bytes:
        wire = poll(now_us)
        for body in Decoder().feed(wire):
            frame = open_body(body or b"", bench.token)
            if frame is not None:
                seen.append((now_us, frame, wire[0] == 0))
        return wire

    bench.board.poll = watched
    return seen


def test_the_pause_before_a_resend_doubles_up_to_200_ms() -> None:
    """40 byte times at 115200 baud are 3.5 ms; a frame that is on the wire may hold a resend up by one frame."""
    bench = Bench(settings=BoardSettings(table=CHANNELS, baud=115_200))
    bench.connect(armed=0)
    bench.acknowledging = False
    seen = watch(bench)
    bench.tell(Type.QUERY, Query(1))
    bench.run(1_000_000)

    sent_us = [t_us for t_us, frame, _ in seen if frame.kind == Type.STATUS]
    pauses = [after - before for before, after in pairwise(sent_us)]
    for pause, wanted in zip(pauses, [23_472, 46_944, 93_888, 187_777, 200_000, 200_000], strict=False):
        assert wanted - 6_000 < pause < wanted + 6_000
    assert len(pauses) >= 6
    assert all(led_in for _, frame, led_in in seen if frame.kind == Type.STATUS and _ != sent_us[0])


def test_at_most_eight_frames_are_out_unconfirmed() -> None:
    bench = Bench()
    bench.connect(armed=0)
    bench.settle()
    bench.acknowledging = False
    seen = watch(bench)
    for cmd_id in range(1, 20):
        bench.tell(Type.QUERY, Query(cmd_id))
    bench.run(300_000)

    numbers = {frame.seq for _, frame, _ in seen if frame.kind == Type.STATUS}
    assert len(numbers) == 8
