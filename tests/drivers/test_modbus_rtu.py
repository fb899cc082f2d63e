"""Modbus: the ON of a pulse is written once and its outcome is true; writes go first; a dead unit harms only itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import pytest
from drivers.bench import Intents, pulse
from drivers.serial_bench import SerialBench
from drivers.virtual import run
from hypothesis import given
from hypothesis import strategies as st

from ripieno.contracts.driver import Intent
from ripieno.errors import CommandRefused, StorageError
from ripieno.values import Act, Health, Outcome, OutcomeKind, Setpoint, Trigger
from ripieno_drivers.modbus_rtu import DRIVER, ModbusPoint
from ripieno_drivers.modbus_rtu.frames import Replies, crc16, read, write_coil, write_registers
from ripieno_drivers.modbus_rtu.numbers import number_in, words_for
from ripieno_drivers.serial_line import Framing, Rs485
from ripieno_sim.devices.modbus_units import ModbusUnits

EXECUTED, NOT_EXECUTED, IN_DOUBT = OutcomeKind.EXECUTED, OutcomeKind.NOT_EXECUTED, OutcomeKind.IN_DOUBT
COIL_ON = bytes.fromhex("0105 0000 ff00")
COUNTED_ON = bytes.fromhex("0105 0001 ff00")


def bench(intents: Intents | None = None, **settings: Any) -> SerialBench:
    return SerialBench(DRIVER, ModbusUnits(1), intents, **settings)


def kick(index: int = 0, output: str = "kicker", **fields: Any) -> Any:
    return pulse(index, output, **{"late": 1.0, "hold_s": 0.1} | fields)


def lose(world: SerialBench, head: bytes, times: int = 1) -> Callable[[bytes], bytes]:
    """Return a filter that loses chunks that begin so."""
    left = [times]

    def through(chunk: bytes) -> bytes:
        if chunk.startswith(head) and left[0]:
            left[0] -= 1
            return b""
        return chunk

    return through


def ons(world: SerialBench) -> int:
    return sum(chunk.startswith((COIL_ON, COUNTED_ON)) for chunk in world.lines.sent)


def test_a_pulse_switches_the_coil_on_once_and_off_after_its_hold() -> None:
    async def main() -> None:
        world = bench()
        async with world.running() as device:
            outcome = await device.fire(kick(hold_s=0.3))
            assert outcome.kind is EXECUTED and outcome.sent_ns > 0
            assert world.simulated.coils[0]
            await asyncio.sleep(0.4)

            assert not world.simulated.coils[0]
            assert world.simulated.acts("kicker") == ons(world) == 1

    run(main())


def test_an_on_whose_reply_is_lost_is_not_repeated_and_the_read_back_tells() -> None:
    async def main() -> None:
        world = bench()
        world.lines.to_host = lose(world, COIL_ON)
        async with world.running() as device:
            outcome = await device.fire(kick(hold_s=5))

        assert outcome.kind is EXECUTED
        assert world.simulated.acts("kicker") == ons(world) == 1

    run(main())


def test_an_on_that_was_lost_itself_is_in_doubt_for_a_reset_would_look_the_same() -> None:
    async def main() -> None:
        world = bench()
        world.lines.to_device = lose(world, COIL_ON)
        async with world.running() as device:
            outcome = await device.fire(kick())

        assert outcome.kind is IN_DOUBT and "lost on the way, or reset since" in outcome.why
        assert (world.simulated.acts("kicker"), ons(world)) == (0, 1)

    run(main())


def test_a_device_that_counts_its_acts_settles_what_was_lost() -> None:
    async def main() -> None:
        world = bench()
        async with world.running() as device:
            assert (await device.fire(kick(0, "counted"))).kind is EXECUTED
            await asyncio.sleep(0.5)
            world.lines.to_device = lose(world, COUNTED_ON)
            assert (await device.fire(kick(1, "counted"))).kind is NOT_EXECUTED
            await asyncio.sleep(0.5)
            world.lines.to_host = lose(world, COUNTED_ON)
            assert (await device.fire(kick(2, "counted"))).kind is EXECUTED

        assert world.simulated.acts("counted") == 2

    run(main())


def test_a_reset_between_act_and_read_back_is_in_doubt() -> None:
    async def main() -> None:
        world = bench()

        def reset(chunk: bytes) -> bytes:
            if not chunk.startswith(COIL_ON):
                return chunk
            world.simulated.reset(world.lines.now_us())
            return b""

        world.lines.to_host = reset
        async with world.running() as device:
            outcome = await device.fire(kick())

        assert outcome.kind is IN_DOUBT
        assert world.simulated.acts("kicker") == 1

    run(main())


def test_an_exception_of_the_unit_is_certain() -> None:
    async def main() -> None:
        world = bench()
        world.points["kicker"] = ("pulse", {"unit": 1, "coil": 99})
        async with world.running() as device:
            outcome = await device.fire(kick())

        assert (outcome.kind, outcome.why) == (NOT_EXECUTED, "unit 1 says: illegal data address")

    run(main())


def test_nothing_is_sent_before_its_intent_is_durable_and_nothing_without() -> None:
    class Full(Intents):
        async def write(self, intent: Intent) -> None:
            raise StorageError("full")

    class Slow(Intents):
        async def write(self, intent: Intent) -> None:
            await asyncio.sleep(0.5)
            await super().write(intent)

    async def main() -> None:
        full, slow = bench(Full()), bench(Slow())
        async with full.running() as device:
            assert (await device.fire(kick())).why == "storage"
        async with slow.running() as device:
            began = asyncio.get_running_loop().time()
            outcome = await device.fire(kick())
            assert outcome.kind is EXECUTED and outcome.sent_ns / 1e9 >= began + 0.5
            late = await device.fire(kick(1, late=0.2))

        assert (late.kind, late.why) == (NOT_EXECUTED, "storage")
        assert ons(full) == 0 and ons(slow) == 1

    run(main())


def test_a_pulse_by_time_waits_and_a_withdrawn_or_late_one_is_never_sent() -> None:
    async def main() -> None:
        world = bench()
        async with world.running() as device:
            begin = world.clock.monotonic_ns() + 500_000_000
            timed = asyncio.create_task(device.fire(kick(0, trigger=Trigger.TIME, begin=begin)))
            taken = asyncio.create_task(device.fire(kick(1, trigger=Trigger.TIME, begin=begin + 1_000_000_000)))
            late = await device.fire(kick(2, trigger=Trigger.TIME, begin=begin - 2_000_000_000))
            nowhere = await device.fire(kick(3, trigger=Trigger.POSITION))
            await asyncio.sleep(0.1)
            device.withdraw(Act("part-0000e0c0-1", "kicker", 1))

            assert 0 <= (await timed).sent_ns - begin < 60_000_000
            assert (await taken).why == "withdrawn before it was sent"
            assert (late.kind, nowhere.why) == (NOT_EXECUTED, "this device knows no position")
        assert ons(world) == 1

    run(main())


def test_a_cancelled_caller_un_sends_nothing_and_the_outcome_goes_to_the_daemon() -> None:
    async def main() -> None:
        world = bench()
        async with world.running() as device:
            firing = asyncio.create_task(device.fire(kick()))
            await asyncio.sleep(0.02)
            assert ons(world) == 1 and not firing.done()
            firing.cancel()
            await asyncio.sleep(0.5)

        assert [one.kind for one in world.settled] == [EXECUTED]
        assert world.simulated.acts("kicker") == 1

    run(main())


def test_stopped_in_mid_pulse_it_leaves_the_coil_off_and_the_flow_safe() -> None:
    async def main() -> None:
        world = bench()
        async with world.running() as device:
            device.set(Setpoint("flow", 110, 3))
            await asyncio.sleep(0.3)
            assert world.simulated.level("flow") == 110
            await device.fire(kick(hold_s=60))
            stopped = asyncio.get_running_loop().time()

        assert asyncio.get_running_loop().time() - stopped < 1
        assert not world.simulated.coils[0] and world.simulated.level("flow") == 100

    run(main())


def test_acts_of_an_earlier_run_are_in_doubt() -> None:
    async def main() -> None:
        intent = Intent(Act("part-1", "kicker", 0), "it", 7, 0, 0)
        world = bench(Intents([intent], 7))
        async with world.running():
            assert [(one.act, one.kind) for one in world.settled] == [(intent.act, IN_DOUBT)]

    run(main())


def test_after_a_loss_a_person_must_arm_and_meanwhile_the_flow_is_safe() -> None:
    async def main() -> None:
        world = bench(rearm="person")
        async with world.running() as device:
            assert "not armed" in (await device.fire(kick())).why
            device.set(Setpoint("flow", 110, 3))
            await asyncio.sleep(0.5)
            assert world.simulated.level("flow") == 100
            device.rearm()
            await asyncio.sleep(0.5)
            assert world.simulated.level("flow") == 110
            assert (await device.fire(kick(1))).kind is EXECUTED
            world.lines.unplug()
            world.lines.missing = False
            await asyncio.sleep(2)
            assert "not armed" in (await device.fire(kick(2))).why
            assert world.simulated.level("flow") == 100

    run(main())


def test_a_setpoint_is_renewed_every_third_of_its_lease_and_comes_back_after_a_reset() -> None:
    async def main() -> None:
        world = bench()
        async with world.running() as device:
            device.set(Setpoint("flow", 110, 0.9))
            await asyncio.sleep(0.1)
            before = world.simulated.writes
            await asyncio.sleep(3)
            assert world.simulated.writes - before == pytest.approx(10, abs=1)
            world.simulated.reset(world.lines.now_us())
            await asyncio.sleep(2)
            assert world.simulated.level("flow") == 110

    run(main())


def test_a_value_that_does_not_fit_or_is_refused_is_said() -> None:
    async def main() -> None:
        world = bench()
        async with world.running() as device:
            for value in (math.nan, 4000.0):
                with pytest.raises(CommandRefused):
                    device.set(Setpoint("flow", value, 1))
            with pytest.raises(CommandRefused):
                device.set(Setpoint("kicker", 1, 1))
            device.set(Setpoint("flow", 200, 3))
            await asyncio.sleep(3)

        assert world.said == ["it: flow: unit 1 says: illegal data value"]

    run(main())


def test_readings_have_their_numbers_their_rate_and_their_health() -> None:
    async def main() -> None:
        world = bench()
        async with world.running(2.0):
            first = world.readings()
            world.simulated.zone_tenths = 9000
            await asyncio.sleep(0.5)
            far = world.readings()[-1]
            world.simulated.mute.add(2)
            await asyncio.sleep(0.6)
            lost = world.readings()[-1]

        assert len(first) == pytest.approx(10, abs=1)
        assert first[-1].fields == {"zone": pytest.approx(210.5, abs=0.3), "pressure": pytest.approx(101_325)}
        assert (far.health, lost.health) == (Health.OUT_OF_RANGE, Health.MISSING)
        assert world.standing() == ["up"]  # outputs are on another unit

    run(main())


def test_a_dead_sensor_does_not_take_the_bus_from_the_others() -> None:
    async def main() -> None:
        world = bench()
        world.simulated.mute.add(2)
        async with world.running(3) as device:
            took = []
            for index in range(20):
                began = asyncio.get_running_loop().time()
                outcome: Outcome = await device.fire(kick(index, hold_s=0.01))
                took.append(asyncio.get_running_loop().time() - began)
                assert outcome.kind is EXECUTED
                await asyncio.sleep(0.1)

        assert sorted(took)[10] < 0.05 and max(took) < 0.6

    run(main())


def test_a_write_waits_for_one_transaction_at_most() -> None:
    async def main() -> None:
        world = bench()
        world.points |= {f"oven{n}": ("reading", world.points["oven"][1] | {"every_s": 0.01}) for n in range(8)}
        async with world.running() as device:
            for index in range(20):
                at = len(world.lines.sent)
                await device.fire(kick(index, hold_s=0.001))
                polls = [chunk for chunk in world.lines.sent[at:] if chunk[0] == 2]
                assert len(polls) <= 1
                await asyncio.sleep(0.03)

    run(main())


def test_a_unit_that_dies_is_down_and_its_pulses_are_not_executed() -> None:
    async def main() -> None:
        world = bench()
        async with world.running() as device:
            world.simulated.mute.add(1)
            await asyncio.sleep(6)
            outcome = await device.fire(kick())
            world.simulated.mute.clear()
            await asyncio.sleep(2)

        assert (outcome.kind, outcome.why) == (NOT_EXECUTED, "unit 1 does not answer")
        assert world.standing() == ["up", "down: unit 1 does not answer", "up"]

    run(main())


def test_an_adapter_that_echoes_is_found_out_before_its_echo_could_confirm_a_write() -> None:
    async def main() -> None:
        world, told = bench(), bench(echo=True)
        for each in (world, told):
            each.lines.to_device = lambda chunk, each=each: each.lines.noise(chunk) or chunk  # type: ignore[misc]
        async with world.running() as device:
            assert "set `echo: true`" in world.standing()[0]
            assert (await device.fire(kick())).kind is NOT_EXECUTED
        async with told.running() as device:
            assert (await device.fire(kick())).kind is EXECUTED
            told.simulated.mute.add(1)
            assert (await device.fire(kick(1))).kind is NOT_EXECUTED  # the look before it had no answer but the echo

        assert ons(world) == 0

    run(main())


def test_a_late_answer_is_not_taken_for_the_next_ones() -> None:
    async def main() -> None:
        world = bench()
        async with world.running(1):
            world.simulated.late_us = 300_000
            await asyncio.sleep(5)
            bad = [one for one in world.readings() if one.health is Health.GOOD and one.fields["zone"] < 200]

        assert bad == []

    run(main())


def test_parity_and_direction_reach_the_port() -> None:
    async def main() -> None:
        world = bench(parity="odd", rs485="kernel", rts_on_send=False, after_send_ms=2)
        async with world.running():
            assert world.lines.framings == [Framing(8, "odd", 1, Rs485(False, 0, 2))]

    run(main())


def test_the_units_own_watchdog_is_renewed() -> None:
    async def main() -> None:
        world = bench(watchdog_unit=1, watchdog_register=10, watchdog_value=1000, watchdog_every_s=0.25)
        async with world.running(4):
            pass

        beats = [chunk for chunk in world.lines.sent if chunk[:6] == bytes.fromhex("0106 000a 03e8")]
        assert len(beats) >= 16

    run(main())


def test_frames_are_those_of_the_specification() -> None:
    """AP 6.1, 6.3, 6.5, 6.6, 6.12: the examples, with the CRC of SL 6.2.2 (0x1241 for 02 07)."""
    assert crc16(b"\x02\x07") == 0x1241
    assert read(17, 1, 0x13, 0x13).wire[:-2].hex() == "110100130013"
    assert read(17, 3, 0x6B, 3).wire[:-2].hex() == "1103006b0003"
    assert write_coil(17, 0xAC, True).wire[:-2].hex() == "110500acff00"
    assert write_registers(17, 1, (3,)).wire[:-2].hex() == "110600010003"
    assert write_registers(17, 1, (0x0A, 0x102)).wire[:-2].hex() == "11100001000204000a0102"


@given(noise=st.binary(max_size=600), data=st.data())
def test_noise_never_raises_and_an_answer_behind_it_is_found(noise: bytes, data: st.DataObject) -> None:
    request = read(1, 3, 0, 2)
    body = bytes.fromhex("0103 04 1234 5678")
    frame = body + crc16(body).to_bytes(2, "little")
    replies, wire, got = Replies(request), noise + frame, None
    while wire and got is None:
        cut = data.draw(st.integers(1, len(wire)))
        got, wire = replies.feed(wire[:cut]), wire[cut:]

    assert got is not None
    assert len(replies._received) <= 512


@given(number=st.integers(-(2**31), 2**31 - 1), order=st.sampled_from(["high-first", "low-first"]))
def test_numbers_survive_their_registers(number: int, order: Any) -> None:
    words = words_for(number, "int32", order)
    assert words is not None
    assert number_in(words, "int32", order) == number
    assert words_for(2.0**31, "int32", order) is words_for(math.inf, "float32", order) is None


@pytest.mark.parametrize(
    ("point", "why"),
    [
        ({}, "give one of"),
        ({"coil": 1, "register": 2}, "give one of"),
        ({"registers": {"a": 0}}, "`ranges` lacks a"),
        ({"registers": {"a": 0, "b": 300}, "ranges": {"a": (0, 1), "b": (0, 1)}}, "301 addresses"),
        ({"coil": 1, "ranges": {"a": (0, 1)}}, "a is no field"),
    ],
)
def test_points_that_do_not_fit_together_are_refused(point: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ModbusPoint(**point)
