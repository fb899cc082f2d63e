"""Board, line and plant together: cheap, repeatable, and as exact as the parts."""

import time
from collections.abc import Callable

from sim.small_host import SmallHost

from ripieno_sim import Rig, conveyor_rig
from ripieno_sim.codec import Act, EventKind, Trigger
from ripieno_sim.plant import FLOW, ConveyorSettings, End, Motion, Part
from ripieno_sim.seeds import stream

TO_GATE, LEAD, SPAN = 6_400, 120, 260  # counts: eye to gate, opened ahead of the part, kept open from then on


def ran(rig: Rig, host: SmallHost, decide: Callable[[SmallHost, int], None]) -> int:
    """Run a rig to its end; return its steps."""
    now_us = 0
    while not rig.finished or host.open:
        due_us = rig.next_deadline_us()
        now_us = host.next_deadline_us() if due_us is None else min(due_us, host.next_deadline_us())
        arrived = rig.advance(now_us)
        if arrived:
            host.receive(arrived, now_us)
            decide(host, now_us)
        if written := host.poll(now_us):
            rig.send(written, now_us)
    return rig.steps


def open_for_all(host: SmallHost, _now_us: int) -> None:
    """Open the gate for each part that the photo-eye reports."""
    for event in host.events:
        if event.kind == EventKind.RISING and event.source == 0:
            at = event.position + TO_GATE - LEAD & 0xFFFFFFFF
            host.order(Act(0, Trigger.COUNT << 6, 1, at, 40, 2_000, SPAN))
    host.events.clear()


def test_every_part_passes_through_a_gate_opened_by_count_in_spite_of_jams_and_speed() -> None:
    rig, host = conveyor_rig(11, 300), SmallHost(stream(11, "host"))
    ran(rig, host, open_for_all)

    tally = rig.plant.tally(dict.fromkeys(range(300), "pass"))
    assert rig.plant.belt.jams > 0
    assert tally.good_passed + tally.bad_passed == tally.ended == tally.parts == 300
    assert tally.executed_twice == tally.opened_for_another == tally.parts_opened_twice == 0
    assert len(rig.plant.gate.openings) == 300


def test_without_a_host_every_part_is_diverted() -> None:
    rig = conveyor_rig(1, 20)
    while not rig.finished:
        due_us = rig.next_deadline_us()
        assert due_us is not None
        rig.advance(due_us)

    assert {part.end for part in rig.plant.parts} == {End.DIVERTED}


def test_the_same_seed_gives_the_same_run() -> None:
    runs = []
    for _ in range(2):
        rig, host = conveyor_rig(5, 60), SmallHost(stream(5, "host"))
        steps = ran(rig, host, open_for_all)
        runs.append((steps, rig.now_us, rig.plant.parts, rig.plant.gate.openings, rig.board.journal.ram))

    assert runs[0] == runs[1]


def test_flow_reaches_the_parts_that_are_laid_after_it() -> None:
    rig = conveyor_rig(3, plant=ConveyorSettings(parts=60, motion=Motion(disturb=False)))
    rig.advance(2_000_000)
    laid = len(rig.plant.parts)
    rig.plant.output(FLOW, 8_000, None, 2_000_000)
    rig.advance(10_000_000)

    flows = [part.flow for part in rig.plant.parts]
    assert set(flows[:laid]) == {1.0}
    assert abs(flows[-1] - 0.8) < 1e-6


def test_pictures_come_with_the_part_and_its_moment() -> None:
    taken: list[tuple[Part, int, int]] = []
    rig = conveyor_rig(3, 30, shutter=lambda part, count, t_us: taken.append((part, count, t_us)))
    rig.advance(60_000_000)

    assert [part.index for part, _, _ in taken] == list(range(30))
    assert all(count == part.start_count + 1_200 for part, count, _ in taken)
    assert [t_us for _, _, t_us in taken] == sorted(t_us for _, _, t_us in taken)


def test_three_hundred_parts_cost_half_a_second() -> None:
    """The demo shares two cores with a daemon; the limit is generous because machines differ."""
    rig, host, spent_s = conveyor_rig(1, 300), SmallHost(stream(1, "host")), 0.0
    now_us = 0
    while not rig.finished:
        due_us = rig.next_deadline_us()
        assert due_us is not None
        now_us = min(due_us, host.next_deadline_us())
        began_s = time.process_time()
        arrived = rig.advance(now_us)
        spent_s += time.process_time() - began_s
        if arrived:
            host.receive(arrived, now_us)
            open_for_all(host, now_us)
        if written := host.poll(now_us):
            rig.send(written, now_us)

    print(f"{spent_s:.2f} s of CPU for {now_us / 1e6:.0f} s of belt, {rig.steps} steps")
    assert spent_s < 1.5
