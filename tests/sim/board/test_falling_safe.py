"""A silent line, a stop and a reset leave every output safe (docs/link-protocol.md, section 7)."""

from sim.bench import FLOW, GATE, Bench, gate

from ripieno_sim.codec import Arm, Cause, Estop, EventKind, Ping, Query, SetValue, State, Status, Trigger, Type


def energised() -> Bench:
    """Return a bench with both outputs away from safe and an act that waits."""
    bench = Bench()
    bench.connect()
    bench.tell(Type.SET, SetValue(FLOW, 9_000, 3_000))
    bench.tell(Type.ACT, gate(1, hold_ms=2_000))
    bench.tell(Type.ACT, gate(2, Trigger.COUNT, at=10_000_000))
    return bench


def test_three_hundred_milliseconds_of_silence_put_everything_safe() -> None:
    bench = energised()
    bench.settle()
    bench.tell(Type.PING, Ping(5))
    spoke_us = bench.now_us
    bench.run(299_999, beat=False)
    assert bench.board.orders.pins.mask() == 3
    bench.run(1, beat=False)

    assert {each[3] for each in bench.machine.done[-2:]} == {spoke_us + 300_000}
    assert bench.board.orders.pins.mask() == bench.board.orders.armed == 0
    assert State.SAFE in bench.board.state()
    (safe,) = bench.events(EventKind.SAFE)
    assert (safe.source, safe.number) == (1, 3)
    assert bench.told(2).status == Status.CANCELLED


def test_only_arm_leaves_safe() -> None:
    bench = energised()
    bench.run(400_000, beat=False)
    bench.tell(Type.ACT, gate(3))
    bench.tell(Type.SET, SetValue(FLOW, 9_000, 1_000))
    assert bench.told(3).status == Status.SAFE
    bench.tell(Type.ARM, Arm(1))
    assert State.SAFE in bench.board.state()
    bench.tell(Type.ARM, Arm(2))

    assert State.SAFE not in bench.board.state()
    bench.tell(Type.ACT, gate(4))
    assert bench.told(4).status == Status.DONE


def test_a_fall_that_nobody_heard_of_is_told_in_the_next_session() -> None:
    bench = energised()
    bench.acknowledging = False
    bench.run(1_000_000, beat=False)
    bench.acknowledging = True
    bench.connect(armed=0)
    bench.run(50_000)

    (safe,) = bench.events(EventKind.SAFE)
    assert safe.source == 1


def test_outputs_boot_safe_and_not_armed() -> None:
    bench = Bench()
    bench.connect(armed=0)

    assert bench.board.orders.armed == bench.board.orders.pins.mask() == 0
    assert State.SAFE not in bench.board.state()


def test_a_reset_drops_the_pins_at_once_and_says_boot_three_times() -> None:
    bench = energised()
    bench.board.reset(bench.now_us, Cause.WATCHDOG, keep_ram=True)
    assert {(c, v) for c, v, _, t in bench.machine.done if t == bench.now_us and v in (0, 10_000)} == {
        (GATE, 0),
        (FLOW, 10_000),
    }
    bench.frames.clear()
    bench.run(200_000, beat=False)

    assert [frame.kind for frame in bench.frames] == [Type.BOOT] * 3


def test_a_damaged_frame_without_a_session_is_answered_with_boot_at_most_twenty_times_a_second() -> None:
    bench = Bench()
    bench.run(100_000)
    bench.frames.clear()
    for _ in range(1_000):
        bench.raw(b"\x05abcd\0")
        bench.run(1_000)

    assert 15 <= len(bench.frames) <= 21


def test_an_estop_from_the_line_is_confirmed_and_arm_does_not_clear_it() -> None:
    bench = energised()
    bench.tell(Type.ESTOP, Estop(5))
    bench.tell(Type.ARM, Arm(3))
    bench.run(20_000)
    bench.tell(Type.ACT, gate(9))

    assert Estop(5) in bench.messages()
    assert bench.board.orders.pins.mask() == bench.board.orders.armed == 0
    assert State.ESTOP in bench.board.state()
    assert bench.told(2).status == bench.told(9).status == Status.SAFE
    assert [event.source for event in bench.events(EventKind.ESTOP)] == [1]
    assert [event.source for event in bench.events(EventKind.SAFE)] == [2]


def test_the_button_clears_an_estop_only_when_the_input_is_released() -> None:
    bench = energised()
    bench.machine.levels = 4
    bench.board.input_edge(2, True, bench.now_us)
    bench.board.press_reset_of_estop(bench.now_us)
    assert State.ESTOP in bench.board.state()
    bench.machine.levels = 0
    bench.board.input_edge(2, False, bench.now_us)
    bench.board.press_reset_of_estop(bench.now_us)

    assert State.ESTOP not in bench.board.state()


def test_an_estop_that_is_still_pressed_is_latched_again_after_a_reset() -> None:
    bench = energised()
    bench.machine.levels = 4
    bench.board.reset(bench.now_us, Cause.PIN, keep_ram=True)

    assert State.ESTOP in bench.board.state()


def test_a_new_session_leaves_outputs_to_their_own_bounds() -> None:
    bench = energised()
    bench.connect(armed=0)
    assert bench.board.orders.pins.mask() == 3
    bench.tell(Type.QUERY, Query(2))
    bench.run(4_000_000)

    assert bench.told(2).status == Status.CANCELLED
    assert bench.board.orders.pins.mask() == 0


def test_a_short_hang_loses_no_frame_and_ends_late_what_should_have_ended() -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, gate(1, hold_ms=20))
    began_us = bench.now_us
    bench.board.hang(bench.now_us, 100_000)
    bench.tell(Type.ACT, gate(2, late=65_535))
    bench.run(150_000, beat=False)

    assert bench.machine.done[0] == (GATE, 1, 1, began_us)
    assert (GATE, 1, 2, began_us + 100_000) in bench.machine.done
    assert bench.told(2).status == Status.DONE


def test_a_frame_that_a_hang_kept_too_long_is_late() -> None:
    bench = Bench()
    bench.connect()
    at = bench.board.orders.clock.at(bench.now_us) + 20_000
    bench.tell(Type.ACT, gate(1, Trigger.TIME, at=at, late=50))
    bench.board.hang(bench.now_us, 100_000)
    bench.run(150_000, beat=False)

    assert bench.told(1).status == Status.LATE
    assert bench.machine.pulses(1) == 0


def test_bytes_beyond_the_receive_buffer_are_lost_and_reported() -> None:
    bench = Bench()
    bench.connect()
    bench.settle()
    bench.board.hang(bench.now_us, 100_000)
    bench.raw(b"\0" * 300)
    bench.run(150_000)

    (fault,) = bench.events(EventKind.FAULT)
    assert (fault.source, fault.number) == (1, 300 - 256)


def test_a_long_hang_is_ended_by_the_watchdog_with_the_journal_intact() -> None:
    bench = energised()
    bench.settle()
    epoch = bench.board.journal.epoch
    hung_us = bench.now_us
    bench.board.hang(hung_us, 10_000_000)
    bench.run(600_000, beat=False)
    assert {each[3] for each in bench.machine.done[2:]} == {hung_us + 500_000}
    welcome = bench.connect(armed=0)
    bench.tell(Type.QUERY, Query(1))
    bench.tell(Type.QUERY, Query(2))

    assert (welcome.reset_cause, welcome.journal_epoch) == (Cause.WATCHDOG, epoch)
    assert State.JOURNAL_SURVIVED in State(welcome.state)
    assert (bench.told(1).status, bench.told(2).status) == (Status.DONE, Status.CANCELLED)


def test_a_lost_count_is_said_until_the_next_item_starts() -> None:
    bench = Bench()
    bench.connect()
    bench.board.reset(bench.now_us, Cause.BROWN_OUT, keep_ram=True, keep_count=False)
    welcome = bench.connect()
    assert State.POSITION_VALID not in State(welcome.state)
    bench.board.input_edge(0, True, bench.now_us)

    assert State.POSITION_VALID in bench.board.state()
