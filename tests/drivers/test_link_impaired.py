"""A line that becomes slow is told and works on; a pulse that is acknowledged and moves nothing is found out."""

from __future__ import annotations

import random
from typing import Any

from ripieno.contracts.driver import Point
from ripieno_drivers.link.confirming import Confirming
from ripieno_drivers.link.settings import LinkPoint
from ripieno_drivers.link.slowness import Slowness


def told(round_trips_us: list[int]) -> list[str]:
    slowness, found = Slowness(), []
    for one in round_trips_us:
        if slowness.exchanged(one):
            found.append(slowness.why)
    return found


def test_a_line_that_becomes_ten_times_as_slow_is_told_once_and_when_it_is_over() -> None:
    draw = random.Random(4)
    usual = [draw.randint(1800, 2600) for _ in range(40)]

    found = told([*usual, *(one * 12 for one in usual), *usual])

    assert len(found) == 2 and found[1] == ""
    assert found[0].startswith("the line is slow: answers take ") and "usual are 1.8 ms" in found[0]


def test_single_pauses_and_a_line_that_is_fast_anyway_are_not_told() -> None:
    """A busy host, a frame sent again: not the line."""
    assert told([2000, 2000, 90_000] * 40) == []
    assert told([300] * 20 + [9000] * 40) == []


def test_a_line_that_is_slow_from_the_first_is_told_too() -> None:
    assert len(told([80_000] * 30)) == 1


def rig(within_s: float = 0.3) -> Confirming:
    return Confirming([Point("gate", "pulse", LinkPoint(channel=0, confirmed_by=1, confirm_s=within_s))])


def test_a_pulse_without_motion_is_doubted_and_the_next_with_motion_ends_it() -> None:
    confirming, found = rig(), []
    for number, moves in enumerate([True, True, False, False, True]):
        at_us = number * 1_000_000
        confirming.acted("gate", at_us)
        if moves:
            confirming.edge(1, True, at_us + 80_000)
            confirming.edge(1, False, at_us + 400_000)
        found.append((confirming.look(at_us + 400_000), confirming.look(at_us + 600_000), dict(confirming.doubts)))

    assert [changed for _, changed, _ in found] == [[], [], ["gate"], [], ["gate"]]
    assert all(early == [] for early, _, _ in found), "not before the switch had its time"
    assert found[2][2] == {
        "gate": "gate: a pulse was acknowledged, and input 1 did not rise within 300 ms: is it stuck?"
    }
    assert found[4][2] == {}


def test_a_gate_that_stays_open_from_one_pulse_to_the_next_has_moved() -> None:
    confirming = rig()
    confirming.acted("gate", 0)
    confirming.edge(1, True, 50_000)
    confirming.acted("gate", 300_000)

    assert confirming.look(2_000_000) == [] and confirming.doubts == {}


def test_what_a_lost_session_may_have_swallowed_is_not_held_against_the_gate() -> None:
    confirming = rig()
    confirming.acted("gate", 0)
    confirming.session_lost()

    assert confirming.look(2_000_000) == []


def test_another_input_or_an_output_without_one_says_nothing() -> None:
    confirming = Confirming(
        [
            Point("gate", "pulse", LinkPoint(channel=0, confirmed_by=1)),
            Point("horn", "pulse", LinkPoint(channel=2)),
        ]
    )
    confirming.acted("horn", 0)
    confirming.acted("gate", 0)
    confirming.edge(3, True, 10_000)
    changed: list[Any] = confirming.look(5_000_000)

    assert changed == ["gate"]
