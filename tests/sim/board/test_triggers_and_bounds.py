"""When an act begins and when its output ends (docs/link-protocol.md, section 2: ACT and SET)."""

import pytest
from sim.bench import FLOW, GATE, Bench, gate

from ripieno_sim.board import BoardSettings
from ripieno_sim.codec import EventKind, Refusal, SetValue, Status, Trigger, Type
from ripieno_sim.plant import CHANNELS


def board_us(bench: Bench) -> int:
    return bench.board.orders.clock.at(bench.now_us)


def test_hold_ends_the_output_to_the_microsecond() -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, gate(1, hold_ms=100))
    began_us = bench.now_us
    bench.run(300_000)

    assert bench.machine.done == [(GATE, 1, 1, began_us), (GATE, 0, None, began_us + 100_000)]


def test_a_newer_act_brings_its_own_bound() -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, gate(1, hold_ms=100))
    bench.run(60_000)
    bench.tell(Type.ACT, gate(2, hold_ms=100))
    again_us = bench.now_us
    bench.run(300_000)

    assert bench.machine.done[1:] == [(GATE, 1, 2, again_us), (GATE, 0, None, again_us + 100_000)]


@pytest.mark.parametrize("start", [0, 2**32 - 60_000], ids=["plain", "across the wrap"])
@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_a_time_trigger_fires_at_its_board_time(start: int, ppm: int) -> None:
    bench = Bench(settings=BoardSettings(table=CHANNELS, clock_start_us=start, drift_ppm=ppm))
    bench.connect()
    at_us = board_us(bench) + 150_000
    bench.tell(Type.ACT, gate(1, Trigger.TIME, at=at_us & 0xFFFFFFFF))
    bench.run(200_000)

    assert bench.told(1).status == Status.DONE
    assert bench.told(1).t_actual_us == at_us & 0xFFFFFFFF


def test_an_act_whose_window_has_passed_is_late() -> None:
    bench = Bench()
    bench.connect()
    bench.run(100_000)
    now_us = board_us(bench)
    bench.tell(Type.ACT, gate(1, Trigger.TIME, at=now_us - 2_001, late=20))
    bench.tell(Type.ACT, gate(2, Trigger.TIME, at=now_us - 2_000, late=20))
    count = bench.machine.count_at(bench.now_us)
    bench.tell(Type.ACT, gate(3, Trigger.COUNT, at=count - 41, late=40))
    bench.tell(Type.ACT, gate(4, Trigger.COUNT, at=count - 40, late=40))

    assert [bench.told(n).status for n in (1, 2, 3, 4)] == [Status.LATE, Status.DONE, Status.LATE, Status.DONE]
    assert bench.machine.pulses(1) == bench.machine.pulses(3) == 0


def test_a_count_trigger_waits_through_a_jam_and_a_change_of_speed() -> None:
    bench = Bench()
    bench.connect()
    count = bench.machine.count_at(bench.now_us)
    bench.tell(Type.ACT, gate(1, Trigger.COUNT, at=count + 1_000, span=200, hold_ms=2000))
    bench.run(100_000)
    bench.set_speed(0)
    bench.run(700_000)
    assert bench.statuses(1) == []
    bench.set_speed(2_500)
    bench.run(400_000)

    began, ended = bench.machine.done
    assert bench.told(1).position == count + 1_000
    assert bench.machine.belt.time_of_count(count + 1_000) is not None
    assert ended[3] - began[3] == 200 * 1_000_000 // 2_500


def test_span_bounds_the_output_by_count_and_hold_by_time_whichever_comes_first() -> None:
    bench = Bench()
    bench.connect()
    count = bench.machine.count_at(bench.now_us)
    bench.tell(Type.ACT, gate(1, Trigger.COUNT, at=count + 100, span=200, hold_ms=2000))
    bench.run(30_000)
    bench.set_speed(0)
    bench.run(3_000_000)

    began, ended = bench.machine.done
    assert ended[3] - began[3] == 2_000_000


def test_a_setpoint_stays_while_its_lease_is_renewed_and_lapses_without() -> None:
    bench = Bench()
    bench.connect()
    for _ in range(5):
        bench.tell(Type.SET, SetValue(FLOW, 9_000, 200))
        last_us = bench.now_us
        bench.run(150_000)
    assert bench.board.orders.pins.values[FLOW] == 9_000
    bench.run(500_000)

    assert bench.machine.done[-1] == (FLOW, 10_000, None, last_us + 200_000)
    (lapsed,) = bench.events(EventKind.LAPSED)
    assert (lapsed.source, lapsed.value) == (FLOW, 10_000)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (SetValue(9, 9_000, 200), Refusal.NO_CHANNEL),
        (SetValue(GATE, 1, 200), Refusal.KIND),
        (SetValue(FLOW, 5_999, 200), Refusal.RANGE),
        (SetValue(FLOW, 14_001, 200), Refusal.RANGE),
        (SetValue(FLOW, 9_000, 0), Refusal.LEASE),
        (SetValue(FLOW, 9_000, 3_001), Refusal.LEASE),
        (SetValue(FLOW, 9_000, 200), Refusal.NOT_ARMED),
    ],
)
def test_a_set_that_cannot_be_obeyed_is_answered_with_the_reason(order: SetValue, reason: Refusal) -> None:
    bench = Bench()
    bench.connect(armed=1)
    bench.tell(Type.SET, order)

    (refused,) = bench.events(EventKind.REFUSED)
    assert (refused.source, refused.number, refused.value) == (order.channel, reason, order.value)
    assert bench.machine.done == []
