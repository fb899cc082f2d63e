"""`ripieno bench cameras`: its figures come from pictures that were seen; how good they are, the machine decides."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ripieno.engine import FrameSeen
from ripieno_sim.stage.bench.cameras import measure, missing, rates_hz
from ripieno_sim.stage.bench.cameras_command import missed

S = 1_000_000_000


def test_a_stall_is_measured(tmp_path: Path) -> None:
    told = asyncio.run(measure(tmp_path, 1, lambda text: None))

    assert 1000 < told["noticed_ms"]["max"] < told["replaced_ms"]["max"] < 60_000
    assert told["other_was_left_alone"]
    assert told["other_rate_hz"]["during"] > 5


def frame(input: str, sequence: int, taken_s: float, health: str = "good") -> FrameSeen:
    return FrameSeen(int(taken_s * S), input, sequence, None, int(taken_s * S), health, "", 0)


def test_the_rates_are_those_of_the_other_camera_in_and_out_of_the_stall() -> None:
    """It slows down to a half while the first one hangs, from 2 s to 4 s."""
    ones = [
        frame("one", 1, 1),
        frame("one", 2, 2),
        frame("one", 3, 3.5, "stale"),
        frame("one", 4, 4),
        frame("one", 5, 5),
    ]
    fast = [frame("two", number, number / 10) for number in range(21)]
    slow = [frame("two", 20 + number, 2 + number / 5) for number in range(1, 11)]
    again = [frame("two", 30 + number, 4 + number / 10) for number in range(1, 11)]

    before, during = rates_hz(sorted(ones + fast + slow + again, key=lambda one: one.t))
    assert (round(before, 6), round(during, 6)) == (10.0, 5.0)


@pytest.mark.parametrize(("sequences", "count"), [([], 0), ([7], 0), ([1, 2, 3], 0), ([1, 4], 2), ([1, 2, 2, 5], 2)])
def test_missing_pictures_are_counted(sequences: list[int], count: int) -> None:
    assert missing(sequences) == count


def test_a_limit_that_is_missed_is_named() -> None:
    good = {"noticed_ms": {"max": 2000.0}, "other_change_percent": 5.0, "other_was_left_alone": True}

    assert missed(good) == []
    assert missed({"noticed_ms": {"max": 2000.1}, "other_change_percent": 5.1, "other_was_left_alone": False}) == [
        "noticed after 2000.1 ms, wanted at most 2000",
        "the other camera's rate changes by 5.1 %, wanted at most 5 %",
        "the other camera's process was replaced, too",
    ]
