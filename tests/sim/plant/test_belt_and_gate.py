"""Where the belt is, and what the gate lets through."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno_sim.plant import GATE, Belt, Conveyor, ConveyorSettings, End, Gate, Motion
from ripieno_sim.plant.gate import TRAVEL_US
from ripieno_sim.seeds import stream


class Listener:
    """Writes down what the board would be told."""

    def __init__(self) -> None:
        self.edges: list[tuple[int, bool, int]] = []

    def input_edge(self, number: int, rising: bool, now_us: int) -> None:
        self.edges.append((number, rising, now_us))

    def speed_changed(self) -> None:
        pass


def ran(conveyor: Conveyor, until_us: int = 10**9) -> None:
    """Let a conveyor run until it has nothing to do."""
    while (due_us := conveyor.next_deadline_us()) is not None and due_us <= until_us:
        conveyor.advance(due_us)


def conveyor(parts: int = 5) -> tuple[Conveyor, Listener]:
    built, listener = Conveyor(1, ConveyorSettings(parts=parts, motion=Motion(disturb=False))), Listener()
    built.attach(listener)
    return built, listener


@settings(deadline=None)
@given(seed=st.integers(0, 1000), data=st.data())
def test_time_and_count_are_exact_inverses_whatever_the_speed(seed: int, data: st.DataObject) -> None:
    belt, now_us = Belt(Motion(), stream(seed, "belt")), 0
    belt.start(0)
    for _ in range(20):
        change_us = belt.next_change_us()
        assert change_us is not None
        if belt.speed:
            count = belt.count_at(now_us) + data.draw(st.integers(1, 100_000))
            at_us = belt.time_of_count(count)
            assert at_us is not None
            assert belt.count_at(at_us) >= count > belt.count_at(at_us - 1)
        else:
            assert belt.time_of_count(belt.count_at(now_us) + 1) is None
            assert belt.count_at(change_us) == belt.count_at(now_us)
        now_us = change_us
        belt.advance(now_us)


def test_a_minute_of_belt_has_its_jams_and_changes_of_speed_and_a_quiet_one_has_none() -> None:
    belt, changes = Belt(Motion(), stream(3, "belt")), 0
    belt.start(0)
    while (due_us := belt.next_change_us()) is not None and due_us < 60_000_000:
        changes += belt.advance(due_us)
        assert belt.speed == 0 or 3_000 <= belt.speed <= 5_750

    assert 2 <= belt.jams <= 4
    assert changes >= 2 * belt.jams + 3
    quiet = Belt(Motion(disturb=False), stream(3, "belt"))
    quiet.start(0)
    assert quiet.next_change_us() is None
    assert quiet.count_at(60_000_000) == 300_000


def test_parts_pass_the_photo_eye_at_ten_a_second_and_leave_the_belt() -> None:
    built, listener = conveyor()
    ran(built)

    assert listener.edges == [(0, n % 2 == 0, 400_000 + n // 2 * 100_000 + n % 2 * 40_000) for n in range(10)]
    assert built.finished
    assert [part.end for part in built.parts] == [End.DIVERTED] * 5
    assert built.parts[0].ended_us == 400_000 + 1_280_000
    assert built.next_deadline_us() is None


def test_the_camera_sees_each_part_at_its_place() -> None:
    seen: list[tuple[int, int, int]] = []
    built = Conveyor(
        1,
        ConveyorSettings(parts=3, motion=Motion(disturb=False)),
        lambda part, count, t_us: seen.append((part.index, count - part.start_count, t_us)),
    )
    ran(built)

    assert seen == [(n, 1_200, 400_000 + n * 100_000 + 240_000) for n in range(3)]


def test_only_a_fully_open_gate_lets_a_part_through() -> None:
    built, listener = conveyor(3)
    arrives_us = 400_000 + 1_280_000
    for index, lead_us in ((0, TRAVEL_US), (1, TRAVEL_US - 1), (2, 30_000)):
        at_us = arrives_us + index * 100_000
        ran(built, at_us - lead_us)
        built.output(GATE, 1, index + 1, at_us - lead_us)
        ran(built, at_us + 20_000)
        built.output(GATE, 0, None, at_us + 20_000)
    ran(built)

    assert [part.end for part in built.parts] == [End.PASSED, End.DIVERTED, End.PASSED]
    assert [opening.nearest for opening in built.gate.openings] == [0, 1, 2]
    assert [opening.passed for opening in built.gate.openings] == [[0], [], [2]]
    assert [rising for number, rising, _ in listener.edges if number == 1] == [True, False] * 3
    assert built.oracle.executions == {1: 1, 2: 1, 3: 1}


@pytest.mark.parametrize(("says_when", "twice"), [(True, 0), (False, 1)])
def test_an_opening_that_the_plant_hears_of_too_late_is_its_own_parts(says_when: bool, twice: int) -> None:
    """A board in an emulator that got no processor: 80 ms late, the belt is at the next part. That is no second act.

    False, the negative control: judged by when it was heard, the next part has two.
    """
    built, _ = conveyor(3)
    arrives_us = 400_000 + 1_280_000
    acted_us, heard_us = arrives_us - 20_000, arrives_us + 60_000
    ran(built, heard_us)
    if says_when:
        built.output_told_late(GATE, 1, 1, heard_us, acted_us)
    else:
        built.output(GATE, 1, 1, heard_us)
    built.output(GATE, 0, None, heard_us + 5_000)
    ran(built, arrives_us + 80_000)
    built.output(GATE, 1, 2, arrives_us + 80_000)
    ran(built, arrives_us + 120_000)
    built.output(GATE, 0, None, arrives_us + 120_000)
    ran(built)
    tally = built.tally({0: "pass", 1: "pass", 2: "divert"})

    assert [part.end for part in built.parts] == [End.DIVERTED, End.PASSED, End.DIVERTED]
    assert (tally.parts_opened_twice, tally.executed_twice, tally.decided_pass_but_diverted) == (twice, 0, 1)


def test_an_opening_for_one_part_that_lets_another_through_is_seen() -> None:
    built, _ = conveyor(3)
    arrives_us = 400_000 + 1_280_000
    ran(built, arrives_us - 30_000)
    built.output(GATE, 1, 1, arrives_us - 30_000)
    ran(built)
    tally = built.tally({0: "pass", 1: "divert"})

    assert built.gate.openings[0].passed == [0, 1, 2]
    assert tally.opened_for_another == 1
    assert tally.decided_divert_but_passed == 1
    assert tally.undecided == tally.undecided_passed == 1


def test_a_gate_turned_back_half_way_needs_only_the_rest() -> None:
    gate = Gate()
    gate.drive(True, 1, 0, 0, 0)
    gate.drive(False, None, 0, 0, 8_000)
    gate.drive(True, 2, 0, 0, 10_000)

    assert gate.next_deadline_us() == 10_000 + TRAVEL_US - 6_000


def test_a_stuck_gate_never_opens() -> None:
    gate = Gate()
    gate.stuck = True
    gate.drive(True, 1, 0, 0, 0)

    assert gate.next_deadline_us() is None
    assert not gate.arrive(0)


def test_an_act_twice_is_seen_by_the_oracle() -> None:
    built, _ = conveyor(1)
    built.output(GATE, 1, 7, 0)
    built.output(GATE, 0, None, 1)
    built.output(GATE, 1, 7, 2)

    tally = built.tally({})
    assert tally.executed_twice == tally.parts_opened_twice == 1
