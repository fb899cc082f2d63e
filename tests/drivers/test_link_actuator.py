"""What a LinkDevice promises, against a tiny board in virtual time; docs/link-protocol.md section 5."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ripieno.contracts.driver import Intent
from ripieno.errors import CommandRefused, LinkDown, StorageError
from ripieno.values import Act, DeviceDown, DeviceUp, Edge, Outcome, OutcomeKind, Position, Setpoint, Trigger
from ripieno_drivers.link import codec
from ripieno_drivers.link.messages import EventKind, Status

from .bench import POINTS, Bench, Intents, pulse
from .tiny_board import TinyBoard
from .virtual import run


def test_a_pulse_is_done_once_and_reported_with_when_and_where() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            before_ns = bench.clock.monotonic_ns()
            outcome = await device.fire(pulse())

            assert outcome.kind is OutcomeKind.EXECUTED
            assert bench.board.executed == [1]
            assert outcome.position_mm == 100.0
            assert before_ns <= outcome.sent_ns <= outcome.at_ns <= bench.clock.monotonic_ns()
            assert bench.settled == []

    run(main())


def test_no_byte_of_an_act_leaves_before_its_intent_is_durable() -> None:
    """Rule 1. Writes finish in any order; acts still leave in the order of their ids."""

    async def main() -> None:
        bench = Bench()

        async def slow(intent: Intent) -> None:
            await asyncio.sleep(0.02 if intent.command_id == 1 else 0.001)

        bench.intents.before = slow
        bench.board.answer = lambda cmd_id, args: bench.intents.log.append(("act", cmd_id)) or Status.DONE
        async with bench.running() as device:
            outcomes = await asyncio.gather(*(device.fire(pulse(index)) for index in range(3)))

            assert {outcome.kind for outcome in outcomes} == {OutcomeKind.EXECUTED}
            assert [entry for entry in bench.intents.log if entry[0] == "act"] == [("act", 1), ("act", 2), ("act", 3)]
            for cmd_id in (1, 2, 3):
                assert bench.intents.log.index(("durable", cmd_id)) < bench.intents.log.index(("act", cmd_id))

    run(main())


def test_a_refusing_disk_means_not_executed_and_nothing_sent() -> None:
    async def main() -> None:
        bench = Bench()

        async def full(intent: Intent) -> None:
            raise StorageError("no space left on device")

        bench.intents.before = full
        async with bench.running() as device:
            outcome = await device.fire(pulse())
            await asyncio.sleep(0.1)

            assert (outcome.kind, outcome.why, outcome.sent_ns) == (OutcomeKind.NOT_EXECUTED, "storage", 0)
            assert not [frame for frame in bench.board.received if frame.type == codec.ACT]

    run(main())


def test_an_intent_that_becomes_durable_after_the_window_is_not_sent() -> None:
    async def main() -> None:
        bench = Bench()

        async def slow(intent: Intent) -> None:
            await asyncio.sleep(0.2)

        bench.intents.before = slow
        async with bench.running() as device:
            outcome = await device.fire(pulse(late=0.05))

            assert (outcome.kind, outcome.why) == (OutcomeKind.NOT_EXECUTED, "storage")
            assert bench.board.executed == []

    run(main())


def test_without_a_session_nothing_is_written_or_sent() -> None:
    async def main() -> None:
        bench = Bench()
        bench.lines.missing = True
        async with bench.running() as device:
            outcome = await device.fire(pulse())

            assert (outcome.kind, outcome.why) == (OutcomeKind.NOT_EXECUTED, "link down")
            assert bench.intents.log == []
            assert [report.why for report in bench.of(DeviceDown)] == ["/dev/tiny: no such port"]

    run(main())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.DONE, OutcomeKind.EXECUTED),
        (Status.NONE, OutcomeKind.NOT_EXECUTED),
        (Status.LATE, OutcomeKind.NOT_EXECUTED),
        (Status.SAFE, OutcomeKind.NOT_EXECUTED),
        (Status.FULL, OutcomeKind.NOT_EXECUTED),
        (Status.CANCELLED, OutcomeKind.NOT_EXECUTED),
        (Status.REFUSED, OutcomeKind.NOT_EXECUTED),
        (Status.IN_DOUBT, OutcomeKind.IN_DOUBT),
        (Status.FORGOTTEN, OutcomeKind.IN_DOUBT),
        (Status.MISMATCH, OutcomeKind.IN_DOUBT),
    ],
)
@pytest.mark.parametrize("earlier_run", [False, True])
def test_each_status_means_what_rule_4_says(status: Status, kind: OutcomeKind, earlier_run: bool) -> None:
    """The same by DONE in a session and by QUERY for an intent of an earlier run."""

    async def main() -> Outcome:
        if earlier_run:
            intent = Intent(Act("part-1", "gate", 0), "board", 9, 0xE0C0, 0xC0FFEE)
            bench = Bench(intents=Intents([intent], highest=9))
            bench.board.commands[9] = (status, 0xC0FFEE)
            async with bench.running():
                assert len(bench.settled) == 1
                return bench.settled[0]
        bench = Bench()
        bench.board.answer = lambda cmd_id, args: status
        async with bench.running() as device:
            return await device.fire(pulse())

    assert run(main()).kind is kind


def test_under_another_epoch_an_open_intent_is_in_doubt_without_asking() -> None:
    async def main() -> None:
        intent = Intent(Act("part-1", "gate", 0), "board", 9, 0xDEAD, 0xC0FFEE)
        bench = Bench(intents=Intents([intent], highest=9))
        bench.board.commands[9] = (Status.DONE, 0xC0FFEE)
        async with bench.running() as device:
            assert [outcome.kind for outcome in bench.settled] == [OutcomeKind.IN_DOUBT]
            assert not [frame for frame in bench.board.received if frame.type == codec.QUERY]

            await device.fire(pulse())
            assert bench.board.executed == [10], "ids go on above every id ever used"

    run(main())


def test_an_answer_about_other_arguments_is_doubt() -> None:
    async def main() -> None:
        intent = Intent(Act("part-1", "gate", 0), "board", 9, 0xE0C0, 1)
        bench = Bench(intents=Intents([intent], highest=9))
        bench.board.commands[9] = (Status.DONE, 2)
        async with bench.running():
            assert [outcome.kind for outcome in bench.settled] == [OutcomeKind.IN_DOUBT]

    run(main())


@pytest.mark.parametrize("journal_kept", [True, False])
def test_a_reset_between_act_and_done_is_asked_about_or_in_doubt(journal_kept: bool) -> None:
    async def main() -> Outcome:
        bench = Bench()
        bench.board.answer = lambda cmd_id, args: None
        async with bench.running() as device:
            firing = asyncio.create_task(device.fire(pulse()))
            await asyncio.sleep(0.01)
            bench.board.commands[1] = (Status.DONE, bench.board.commands[1][1])
            bench.board.reset(None if journal_kept else 0xFEED)
            outcome = await firing
            assert len([frame for frame in bench.board.received if frame.type == codec.ACT]) == 1
            assert [type(report) for report in bench.reports if isinstance(report, DeviceUp | DeviceDown)] == [
                DeviceUp,
                DeviceDown,
                DeviceUp,
            ]
            return outcome

    assert run(main()).kind is (OutcomeKind.EXECUTED if journal_kept else OutcomeKind.IN_DOUBT)


@pytest.mark.parametrize(("clock_ahead_us", "is_timed"), [(77_000_000, True), (5_000_000, False)])
def test_a_boot_id_that_comes_again_with_another_clock_gives_no_time(clock_ahead_us: int, is_timed: bool) -> None:
    """The act was done before the reset, and its DONE was lost; its time is of a clock that is gone."""

    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            bench.board.mute = True
            firing = asyncio.create_task(device.fire(pulse(late=1.0)))
            await asyncio.sleep(0.05)
            bench.board.boot_id -= 1
            bench.board.reset()
            bench.board.clock_ahead_us = clock_ahead_us
            bench.board.mute = False
            outcome = await firing

            assert outcome.kind is OutcomeKind.EXECUTED
            assert bool(outcome.at_ns) == is_timed

    run(main())


def test_an_overdue_act_is_asked_about_and_never_sent_again() -> None:
    async def main() -> None:
        bench = Bench()
        bench.board.answer = lambda cmd_id, args: None
        async with bench.running() as device:
            firing = asyncio.create_task(device.fire(pulse(late=0.05)))
            await asyncio.sleep(1.0)
            queries = [frame for frame in bench.board.received if frame.type == codec.QUERY]
            assert 4 <= len(queries) <= 5, "PENDING: every 200 ms, from 100 ms after the window"

            bench.board.commands[1] = (Status.LATE, bench.board.commands[1][1])
            assert (await firing).kind is OutcomeKind.NOT_EXECUTED
            assert len([frame for frame in bench.board.received if frame.type == codec.ACT]) == 1

    run(main())


def test_an_act_by_count_is_overdue_when_the_belt_has_left_it_behind() -> None:
    async def main() -> None:
        bench = Bench()
        bench.board.answer = lambda cmd_id, args: None
        async with bench.running() as device:
            firing = asyncio.create_task(device.fire(pulse(trigger=Trigger.POSITION, begin=110.0, late=5.0)))
            await asyncio.sleep(1.0)
            assert not [frame for frame in bench.board.received if frame.type == codec.QUERY]

            bench.board.count = 2051
            bench.board.commands[1] = (Status.DONE, bench.board.commands[1][1])
            assert (await firing).kind is OutcomeKind.EXECUTED

    run(main())


def test_what_the_line_never_took_is_not_executed() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            bench.lines.takes = 0
            outcome = await device.fire(pulse(late=1.0))

            assert (outcome.kind, outcome.why, outcome.sent_ns) == (OutcomeKind.NOT_EXECUTED, "link down", 0)
            assert bench.board.executed == []

    run(main())


def test_one_byte_on_the_line_is_enough_to_have_to_ask() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            await asyncio.sleep(0.0505)  # between two PINGs
            bench.lines.takes = 1
            firing = asyncio.create_task(device.fire(pulse(late=1.0)))
            while not bench.intents.log:  # noqa: ASYNC110  # virtual time; the fake has no event
                await asyncio.sleep(0.0001)
            await asyncio.sleep(0.005)
            bench.lines.takes = 0
            await asyncio.sleep(1.0)
            assert not firing.done()

            bench.lines.takes = 1 << 20
            outcome = await firing
            assert outcome.kind is OutcomeKind.NOT_EXECUTED
            assert outcome.sent_ns > 0
            assert [frame.type for frame in bench.board.received].count(codec.QUERY) == 1

    run(main())


def test_a_stuck_line_keeps_the_queue_bounded() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            bench.lines.takes = 0
            firing = [asyncio.create_task(device.fire(pulse(index, late=1.0))) for index in range(300)]
            await asyncio.sleep(0.2)
            assert len(device.service.outgoing) < 1024
            assert len(device.service.acts._unresolved) <= 64 + 8

            outcomes = await asyncio.gather(*firing)
            assert {outcome.kind for outcome in outcomes} == {OutcomeKind.NOT_EXECUTED}

    run(main())


@pytest.mark.parametrize(
    "fields",
    [
        {"hold_s": 0.0},
        {"hold_s": 66.0},
        {"value": 3e9},
        {"value": float("nan")},
        {"late": 7.0},
        {"late": -1.0},
        {"output": "nowhere"},
        {"output": "flow"},
        {"trigger": Trigger.TIME, "begin": 1e20},
        {"trigger": Trigger.POSITION, "begin": 1e12},
        {"trigger": Trigger.POSITION, "begin": 200.0, "late": 1.0, "span_mm": 7000.0},
    ],
    ids=str,
)
def test_a_pulse_that_does_not_fit_the_board_is_refused_before_it_is_written(fields: dict[str, object]) -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            outcome = await device.fire(pulse(**fields))

            assert outcome.kind is OutcomeKind.NOT_EXECUTED
            assert outcome.why
            assert bench.intents.log == []

    run(main())


def test_withdrawing_takes_back_what_is_pending() -> None:
    async def main() -> None:
        bench = Bench()
        bench.board.answer = lambda cmd_id, args: None
        async with bench.running() as device:
            wanted = pulse(trigger=Trigger.POSITION, begin=115.0)
            firing = asyncio.create_task(device.fire(wanted))
            await asyncio.sleep(0.05)
            device.withdraw(wanted.act)

            assert (await firing).why == "cancelled before it ran"

    run(main())


def test_the_outcome_of_a_cancelled_fire_goes_to_the_daemon() -> None:
    async def main() -> None:
        bench = Bench()
        bench.board.answer = lambda cmd_id, args: None
        async with bench.running() as device:
            firing = asyncio.create_task(device.fire(pulse()))
            await asyncio.sleep(0.02)
            firing.cancel()
            await asyncio.sleep(0)
            bench.board.done(1, Status.DONE)
            await asyncio.sleep(0.1)

            assert [outcome.kind for outcome in bench.settled] == [OutcomeKind.EXECUTED]

    run(main())


def test_a_setpoint_is_renewed_every_third_of_its_lease_while_armed() -> None:
    async def main() -> None:
        bench = Bench(rearm="person")
        async with bench.running() as device:
            device.set(Setpoint("flow", 98.5, 0.3))
            await asyncio.sleep(1.0)
            assert not [frame for frame in bench.board.received if frame.type == codec.SET]

            device.rearm()
            await asyncio.sleep(1.0)
            sets = [frame.payload for frame in bench.board.received if frame.type == codec.SET]
            assert 10 <= len(sets) <= 11
            assert set(sets) == {bytes([1]) + (985).to_bytes(4, "little") + (300).to_bytes(2, "little")}

            with pytest.raises(CommandRefused):
                device.set(Setpoint("gate", 1.0, 1.0))

    run(main())


def test_auto_arms_after_the_burst_and_never_over_an_emergency_stop() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running() as device:
            frames = [frame.type for frame in bench.board.received]
            assert frames[: frames.index(codec.ARM)].count(codec.PING) >= 16
            assert bench.board.armed == 0b11

            device.estop(1)
            await asyncio.sleep(2.0)
            assert bench.board.armed == 0
            frames = [frame.type for frame in bench.board.received]
            assert codec.ARM not in frames[frames.index(codec.ESTOP) :]

    run(main())


def test_a_person_arms_where_the_settings_say_so() -> None:
    async def main() -> None:
        bench = Bench(rearm="person")
        async with bench.running() as device:
            assert bench.board.armed == 0

            device.rearm()
            await asyncio.sleep(0.05)
            assert bench.board.armed == 0b11

    run(main())


def test_an_output_may_wait_for_a_person_while_another_does_not() -> None:
    points = tuple(replace(p, settings=replace(p.settings, rearm="person")) if p.name == "gate" else p for p in POINTS)

    async def main() -> None:
        bench = Bench(rearm="auto", points=points)
        async with bench.running() as device:
            assert bench.board.armed == 0b10
            bench.board.armed = 0
            bench.board.event(EventKind.SAFE, 1, 0b10)
            await asyncio.sleep(1.0)
            assert bench.board.armed == 0b10, "the flow came back by itself, the gate did not"

            device.rearm()
            await asyncio.sleep(0.05)
            assert bench.board.armed == 0b11

    run(main())


def test_an_output_may_come_back_by_itself_where_the_board_waits_for_a_person() -> None:
    points = tuple(replace(p, settings=replace(p.settings, rearm="auto")) if p.name == "flow" else p for p in POINTS)

    async def main() -> None:
        bench = Bench(rearm="person", points=points)
        async with bench.running():
            assert bench.board.armed == 0b10

    run(main())


def test_edges_and_positions_carry_the_boards_numbers_and_the_hosts_time() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running():
            happened_ns = bench.clock.monotonic_ns()
            bench.board.event(1, 0, 42)
            bench.board.event(2, 0, 42)
            bench.board.event(1, 5, 1)
            await asyncio.sleep(1.0)
            rise, fall = bench.of(Edge)
            assert (rise.input, rise.rising, rise.epoch, rise.number, rise.position_mm) == (
                "eye",
                True,
                0xE0C0,
                42,
                100.0,
            )
            assert (fall.rising, fall.number) == (False, 42)
            assert abs(rise.at_ns - happened_ns) < 1_000_000
            assert rise.arrived_ns > rise.at_ns
            assert 9 <= len(bench.of(Position)) <= 14
            assert bench.of(Position)[-1].edges == 7

    run(main())


def test_a_stop_cancels_what_is_pending_and_lets_setpoints_lapse() -> None:
    async def main() -> None:
        bench = Bench()
        bench.board.answer = lambda cmd_id, args: None
        async with bench.running() as device:
            device.set(Setpoint("flow", 98.5, 1.0))
            firing = asyncio.create_task(device.fire(pulse(trigger=Trigger.POSITION, begin=115.0)))
            await asyncio.sleep(0.1)
        assert (await firing).why == "cancelled before it ran"
        assert [frame.payload[-2:] for frame in bench.board.received if frame.type == codec.SET][-1] == b"\x01\x00"
        assert bench.lines.line is not None
        assert bench.lines.line.closed

    run(main())


def test_a_stop_that_nobody_answers_ends_within_its_bound_and_leaves_the_intent_open() -> None:
    async def main() -> None:
        bench = Bench()
        bench.board.answer = lambda cmd_id, args: None
        async with bench.running() as device:
            firing = asyncio.create_task(device.fire(pulse(trigger=Trigger.POSITION, begin=115.0)))
            await asyncio.sleep(0.1)
            bench.board.deaf = bench.board.mute = True
            began_ns = bench.clock.monotonic_ns()
        assert bench.clock.monotonic_ns() - began_ns <= 310_000_000
        with pytest.raises(LinkDown):
            await firing

    run(main())


def test_a_lost_line_is_reopened_and_said_once() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running():
            assert bench.lines.line is not None
            bench.lines.missing = True
            bench.lines.line.on_lost("/dev/tiny: unplugged")
            await asyncio.sleep(5.0)
            bench.lines.missing = False
            await asyncio.sleep(3.0)
            kinds = [type(report).__name__ for report in bench.reports if isinstance(report, DeviceUp | DeviceDown)]
            assert kinds == ["DeviceUp", "DeviceDown", "DeviceDown", "DeviceUp"]  # unplugged; no such port
            assert bench.lines.opened == 2

    run(main())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"uid": b"tiny-board-2".hex()}, "another board answers: uid"),
        ({"config_crc": 0x4321}, "channel table has config_crc 0x00001234"),
    ],
)
def test_a_wrong_board_is_refused_once_and_asked_slowly(settings: dict[str, object], words: str) -> None:
    async def main() -> None:
        bench = Bench(**settings)
        async with bench.running(settle_s=10.0) as device:
            assert len(bench.of(DeviceDown)) == 1
            assert words in bench.of(DeviceDown)[0].why
            assert 10 <= len(bench.board.received) <= 12
            assert (await device.fire(pulse())).why == "link down"

            bench.board.uid, bench.board.config_crc = b"tiny-board-2", 0x4321
            await asyncio.sleep(1.5)
            assert len(bench.of(DeviceUp)) == 1

    run(main())


def test_a_board_of_another_protocol_version_is_refused() -> None:
    async def main() -> None:
        board = TinyBoard()
        board.proto = 2
        bench = Bench(board)
        async with bench.running(settle_s=1.0):
            assert "speaks version 2" in bench.of(DeviceDown)[0].why

    run(main())


def test_silence_ends_the_session_and_the_next_one_begins_by_itself() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running():
            bench.board.mute = True
            await asyncio.sleep(1.0)
            assert bench.of(DeviceDown)[0].why == "silent for 350 ms"

            bench.board.mute = False
            await asyncio.sleep(0.2)
            assert len(bench.of(DeviceUp)) == 2

    run(main())


def test_a_board_without_a_bound_channel_is_not_asked_for_ever() -> None:
    async def main() -> None:
        bench = Bench()
        bench.board.channels = 0b01
        async with bench.running(settle_s=5.0):
            assert [frame.type for frame in bench.board.received].count(codec.ARM) == 1
            assert len([text for text in bench.said if "armed" in text]) == 1

    run(main())


def test_a_board_that_fell_safe_by_itself_is_armed_again_where_the_settings_say_so() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running():
            bench.board.armed = 0
            bench.board.event(3, 1, 1)
            await asyncio.sleep(0.3)

            assert bench.board.armed == 0b11

    run(main())


def test_an_edge_that_comes_before_the_clock_is_known_is_timed_when_it_is() -> None:
    """WELCOME may be an old answer: its time says little."""

    async def main() -> None:
        bench = Bench()
        bench.board.pongs = False
        async with bench.running(settle_s=0.05):
            happened_ns = bench.clock.monotonic_ns()
            bench.board.event(1, 0, 42)
            await asyncio.sleep(0.05)
            assert bench.reports == []

            bench.board.pongs = True
            await asyncio.sleep(0.1)
            assert [type(report) for report in bench.reports[:2]] == [DeviceUp, Edge]
            assert abs(bench.of(Edge)[0].at_ns - happened_ns) < 1_000_000

    run(main())
