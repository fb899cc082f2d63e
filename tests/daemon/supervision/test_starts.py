"""Starts of the process are counted over its deaths; five in a minute are allowed."""

from __future__ import annotations

import pytest

from ripieno_daemon.supervision import Starts

S = 1_000_000_000


def lives(*at_s: float) -> Starts:
    kept = ""
    for at in at_s:
        starts = Starts(kept, int(at * S))
        kept = starts.text()
    return starts


def test_five_starts_in_a_minute_are_allowed_and_the_sixth_is_not() -> None:
    assert not lives(100, 101, 102, 103, 104).is_too_often
    assert lives(100, 101, 102, 103, 104, 105).is_too_often


def test_starts_that_are_a_minute_old_do_not_count() -> None:
    assert not lives(100, 101, 102, 103, 104, 161.5).is_too_often


@pytest.mark.parametrize("kept", ["", "{", "[1, 2", '"x"', "[null]", '{"a": 1}', "\x00\x00"])
def test_a_damaged_file_begins_anew(kept: str) -> None:
    assert Starts(kept, 5 * S).count == 1


def test_times_of_another_boot_do_not_count() -> None:
    """The monotonic clock began anew: a later time than now cannot be of this boot."""
    assert Starts("[900000000000, 900000000001, 50000000000]", 100 * S).count == 2
