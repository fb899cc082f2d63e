"""Which pictures go on: the newest, or every one; each slot comes back exactly once, whatever happens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ripieno_drivers.cameras.capture.words import Shot
from ripieno_drivers.cameras.handover import NOTHING, Handover


def shot(number: int, offset: int = 0) -> Shot:
    return Shot(number, number, offset, number, 4, 3, "good", "", 0)


def test_while_a_picture_is_at_work_the_newest_waits_and_others_are_passed_over() -> None:
    handover = Handover(every=False, readers=1)

    assert handover.offer(shot(1)).report == shot(1)
    assert handover.offer(shot(2)) == NOTHING
    assert handover.offer(shot(3)) == (None, (shot(2),))
    assert handover.seen(1) == (shot(3), (shot(1),))
    assert handover.seen(3) == (None, (shot(3),))


def test_every_picture_goes_on_at_once() -> None:
    handover = Handover(every=True, readers=1)

    assert [handover.offer(shot(number)).report for number in (1, 2, 3)] == [shot(1), shot(2), shot(3)]
    assert handover.seen(2) == (None, (shot(2),))


def test_a_slot_comes_back_when_the_last_reader_has_seen_it() -> None:
    handover = Handover(every=True, readers=2)
    handover.offer(shot(1))

    assert handover.seen(1) == NOTHING
    assert handover.seen(1) == (None, (shot(1),))


def test_a_picture_without_a_slot_holds_nothing_up() -> None:
    handover = Handover(every=False, readers=1)

    assert handover.offer(shot(1, offset=-1)).report == shot(1, offset=-1)
    assert handover.offer(shot(2)).report == shot(2)


def test_a_camera_that_nobody_reads_keeps_no_slot() -> None:
    assert Handover(every=False, readers=0).offer(shot(1)) == (None, (shot(1),))


@given(every=st.booleans(), readers=st.integers(1, 3), moves=st.lists(st.integers(0, 5), max_size=60))
def test_no_slot_is_lost_and_none_comes_back_twice(every: bool, readers: int, moves: list[int]) -> None:
    handover, number = Handover(every, readers), 0
    reported: list[int] = []
    freed: list[int] = []
    pending: list[int] = []
    for move in moves:
        if move == 0 or not pending:
            number += 1
            told = handover.offer(shot(number))
        else:
            told = handover.seen(pending.pop(move % len(pending)))
        freed += [one.stamp for one in told.free]
        if told.report is not None:
            reported.append(told.report.stamp)
            pending += [told.report.stamp] * readers
    while pending:
        told = handover.seen(pending.pop())
        freed += [one.stamp for one in told.free]
        if told.report is not None:
            reported.append(told.report.stamp)
            pending += [told.report.stamp] * readers

    assert sorted(freed) == list(range(1, number + 1))
    assert reported == sorted(reported)
    assert not every or len(reported) == number
