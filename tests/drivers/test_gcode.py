"""G-code: one line at a time, sent again only when the controller says that it has not taken it; resets are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from drivers.bench import Intents, pulse
from drivers.serial_bench import SerialBench
from drivers.virtual import run
from hypothesis import given
from hypothesis import strategies as st

from ripieno.errors import CommandRefused
from ripieno.values import Health, OutcomeKind, Position, Setpoint
from ripieno_drivers.gcode import DRIVER, GcodePoint
from ripieno_drivers.gcode import answers as answers
from ripieno_drivers.gcode.answers import Kind
from ripieno_drivers.gcode.settings import is_empty_or_a_command
from ripieno_drivers.gcode.wire import filled, numbered
from ripieno_sim.devices.grbl_mill import GrblMill
from ripieno_sim.devices.marlin_printer import MarlinPrinter

EXECUTED, NOT_EXECUTED, IN_DOUBT = OutcomeKind.EXECUTED, OutcomeKind.NOT_EXECUTED, OutcomeKind.IN_DOUBT


def printer(intents: Intents | None = None, **settings: Any) -> SerialBench:
    return SerialBench(DRIVER, MarlinPrinter(), intents, **settings)


def mill(intents: Intents | None = None, **settings: Any) -> SerialBench:
    return SerialBench(DRIVER, GrblMill(), intents, **settings)


BOTH = [(printer, "shot"), (mill, "coolant")]


def act(index: int = 0, output: str = "shot", **fields: Any) -> Any:
    return pulse(index, output, **{"late": 3.0, "hold_s": 0.2} | fields)


def once(change: Callable[[bytes], bytes], has: bytes) -> Callable[[bytes], bytes]:
    """Change the first chunk that has these bytes in it."""
    left = [True]

    def through(chunk: bytes) -> bytes:
        if left[0] and has in chunk:
            left[0] = False
            return change(chunk)
        return chunk

    return through


@pytest.mark.parametrize(("bench", "output"), BOTH)
def test_a_pulse_is_its_command_once_and_its_end_after_the_hold(bench: Any, output: str) -> None:
    async def main() -> None:
        world = bench()
        async with world.running(3) as device:
            outcome = await device.fire(act(output=output))
            on = world.simulated.valve if output == "shot" else world.simulated.cooling
            await asyncio.sleep(0.5)
            off = world.simulated.valve if output == "shot" else world.simulated.cooling

        assert outcome.kind is EXECUTED and outcome.sent_ns
        assert on and not off
        assert world.simulated.acts(output) == 1

    run(main())


def test_a_line_damaged_on_the_way_is_sent_again_because_marlin_asks_for_it() -> None:
    async def main() -> None:
        world = printer()
        async with world.running(3) as device:
            world.lines.to_device = once(lambda chunk: chunk.replace(b"S255", b"S235"), b"M42 P4 S255")
            outcome = await device.fire(act())

        assert outcome.kind is EXECUTED
        assert world.simulated.acts("shot") == 1
        assert sum(b"M42 P4 S255" in chunk for chunk in world.lines.sent) == 2

    run(main())


def test_a_lost_ok_is_found_out_by_the_next_lines_number_without_repeating_the_act() -> None:
    async def main() -> None:
        world = printer()
        async with world.running(3) as device:
            world.lines.to_device = once(lambda chunk: setattr(world.simulated, "mute", True) or chunk, b"M42 P4 S255")
            asyncio.get_running_loop().call_later(0.5, setattr, world.simulated, "mute", False)
            outcome = await device.fire(act())

        assert outcome.kind is EXECUTED
        assert world.simulated.acts("shot") == 1
        assert sum(b"M42 P4 S255" in chunk for chunk in world.lines.sent) == 1

    run(main())


def test_a_lost_line_is_found_out_by_the_next_lines_number() -> None:
    async def main() -> None:
        world = printer()
        async with world.running(3) as device:
            world.lines.to_device = once(lambda chunk: b"", b"M42 P4 S255")
            lost = await device.fire(act(0))
            after = await device.fire(act(1))

        assert lost.kind is after.kind is EXECUTED  # it said itself that it still wants that line, so it was sent again
        assert world.simulated.acts("shot") == 2

    run(main())


@pytest.mark.parametrize(("bench", "output"), BOTH)
def test_a_reset_in_mid_command_is_in_doubt_and_it_begins_again(bench: Any, output: str) -> None:
    async def main() -> None:
        world = bench()
        async with world.running(3) as device:
            has = b"M42 P4 S255" if output == "shot" else b"M8\n"
            reset = once(lambda chunk: world.simulated.reset(world.lines.now_us()) or b"", has)
            world.lines.to_device = reset
            outcome = await device.fire(act(output=output))
            await asyncio.sleep(5)
            again = await device.fire(act(1, output))

        assert outcome.kind is IN_DOUBT and "reset" in outcome.why
        assert again.kind is EXECUTED
        assert [each[:4] for each in world.standing()] == ["up", "down", "up"]

    run(main())


def test_grbl_has_no_line_numbers_so_a_lost_ok_stays_in_doubt() -> None:
    async def main() -> None:
        world = mill()
        async with world.running(3) as device:
            world.lines.to_device = once(lambda chunk: setattr(world.simulated, "mute", True) or chunk, b"M8\n")
            asyncio.get_running_loop().call_later(1, setattr, world.simulated, "mute", False)
            outcome = await device.fire(act(output="coolant"))

        assert outcome.kind is IN_DOUBT
        assert world.simulated.acts("coolant") == 1

    run(main())


@pytest.mark.parametrize(("bench", "output"), BOTH)
def test_unplugged_in_mid_command_is_in_doubt(bench: Any, output: str) -> None:
    async def main() -> None:
        world = bench()
        async with world.running(3) as device:
            has = b"M42 P4 S255" if output == "shot" else b"M8\n"
            world.lines.to_device = once(lambda chunk: world.lines.unplug() or chunk, has)
            outcome = await device.fire(act(output=output))

        assert (outcome.kind, outcome.why) == (IN_DOUBT, "unplugged")

    run(main())


def test_a_command_that_waits_for_motion_is_done_when_motion_has_ended() -> None:
    async def main() -> None:
        world = printer(finish_s=1.5)  # shorter than the motion: busy words prolong it
        world.points["move"] = ("pulse", {"command": "G1 X{value}", "high": 500.0, "waits": "finish"})
        async with world.running(3) as device:
            began = asyncio.get_running_loop().time()
            outcome = await device.fire(act(output="move", value=400.0))
            took = asyncio.get_running_loop().time() - began
            await asyncio.sleep(1)
            where = world.of(Position)[-1]

        assert outcome.kind is EXECUTED and took == pytest.approx(4.0, abs=0.2)
        assert where.position_mm == 400

    run(main())


def test_what_the_controller_refuses_was_not_done() -> None:
    async def main() -> None:
        world, other = printer(), mill()
        world.points["odd"] = ("pulse", {"command": "M999"})
        other.points["odd"] = ("pulse", {"command": "G1 Q5"})
        for each, why in ((world, 'echo:Unknown command: "M999"'), (other, "error:20")):
            async with each.running(3) as device:
                outcome = await device.fire(act(output="odd"))
            assert (outcome.kind, outcome.why) == (NOT_EXECUTED, why)

    run(main())


def test_a_halted_printer_is_down() -> None:
    async def main() -> None:
        world = printer()
        world.points["stop"] = ("pulse", {"command": "M112"})
        async with world.running(3) as device:
            outcome = await device.fire(act(output="stop"))
            await asyncio.sleep(10)

        assert outcome.kind is IN_DOUBT
        assert "kill() called" in world.standing()[1] and "no Marlin answers" in world.standing()[2]

    run(main())


def test_a_value_outside_its_bounds_is_never_sent() -> None:
    async def main() -> None:
        world = printer()
        async with world.running(3) as device:
            for value in (-1.0, 256.0, float("nan")):
                with pytest.raises(CommandRefused):
                    device.set(Setpoint("fan", value, 3))
            device.set(Setpoint("fan", 127.6, 3))
            await asyncio.sleep(0.2)
            assert world.simulated.fan == 128

    run(main())


@pytest.mark.parametrize(
    "text",
    ["M42 P4\nM112", "M42 ;x", "M42 (x)", "m42", "!", "M1*5", "G1 X{value} Y{value}", "N5 G1", "?", "X10", "\x18"],
)
def test_no_free_text_is_a_command(text: str) -> None:
    assert not is_empty_or_a_command(text)


@pytest.mark.parametrize(("bench", "output"), BOTH)
def test_stopped_it_leaves_the_machine_safe(bench: Any, output: str) -> None:
    async def main() -> None:
        world = bench()
        async with world.running(3) as device:
            device.set(Setpoint("fan" if output == "shot" else "spindle", 100, 3))
            await device.fire(act(output=output, hold_s=60))
            began = asyncio.get_running_loop().time()

        await asyncio.sleep(0.1)
        machine = world.simulated
        assert asyncio.get_running_loop().time() - began < 1.1
        assert (machine.valve, machine.fan) == (0, 0) if output == "shot" else not (machine.cooling or machine.speed)

    run(main())


def test_positions_and_readings_come_from_both() -> None:
    async def main() -> None:
        for world, name, value in ((printer(), "nozzle", 209.8), (mill(), "speed", 0)):
            async with world.running(5):
                pass
            last = world.readings()[-1]
            assert (last.health, last.fields[name]) == (Health.GOOD, value)
            assert world.of(Position)[-1].position_mm == 0

    run(main())


def test_at_most_one_line_is_unanswered() -> None:
    """Marlin's receive buffer takes four lines; what is queued there cannot be withdrawn."""

    async def main() -> None:
        world = printer()
        async with world.running(3) as device:
            lines, oks = [0], [0]
            world.lines.to_device = lambda chunk: lines.__setitem__(0, lines[0] + chunk.count(b"*")) or chunk
            world.lines.to_host = lambda chunk: (
                oks.__setitem__(0, oks[0] + chunk.count(b"ok"))
                or (chunk if lines[0] <= oks[0] + 1 else pytest.fail("two lines on the way"))
            )
            world.points.clear()
            for index in range(20):
                device.set(Setpoint("fan", index, 3))
                await device.fire(act(index, hold_s=0.01))
            assert lines[0] >= 40

    run(main())


def test_lines_are_numbered_and_summed_as_marlin_documents() -> None:
    """marlinfw.org/docs/gcode/M110.html and the RepRap wiki's example `N3 T0*57`."""
    assert numbered(3, "T0") == b"\nN3 T0*57\n"
    assert filled(GcodePoint(command="G1 X{value}", high=10, decimals=2), 1.005) == "G1 X1.00"


@given(line=st.text(max_size=80))
def test_no_line_at_all_makes_the_readers_raise(line: str) -> None:
    for read in (answers.marlin, answers.grbl):
        assert read(line).kind in Kind


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("ok T:201 /202 B:117 /120", Kind.OK),
        ("Resend: 12", Kind.RESEND),
        ("rs N12", Kind.RESEND),
        ("Error:checksum mismatch, Last Line: 11", Kind.OTHER),
        ("Error:Heating failed, system stopped! Heater_ID: 0", Kind.HALTED),
        ("echo:busy: processing", Kind.BUSY),
        ("X:1.00 Y:2.00 Z:0.30 E:0.00 Count X:80 Y:160 Z:120", Kind.REPORT),
        ("start", Kind.RESET),
        ("starting up", Kind.OTHER),
    ],
)
def test_marlins_words_are_known(line: str, kind: Kind) -> None:
    assert answers.marlin(line).kind is kind
