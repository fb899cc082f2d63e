"""A sensor that prints: every kind of bad line has its health, silence is noticed, noise changes nothing."""

from __future__ import annotations

import asyncio
import math
import re
import termios
from typing import Any

import pytest
from drivers.serial_bench import SerialBench
from drivers.virtual import run
from hypothesis import given
from hypothesis import strategies as st

from ripieno.errors import CommandRefused
from ripieno.values import Health, Setpoint
from ripieno_drivers.lines import DRIVER, LinesPoint
from ripieno_drivers.lines.extract import without_checksum
from ripieno_drivers.lines.judge import Judge
from ripieno_drivers.link.port import control_flags
from ripieno_drivers.serial_line import Framing, Overlong, TextLines
from ripieno_sim.devices.printing_sensor import PrintingSensor

POINT = {"columns": {"p": 0}, "ranges": {"p": (0.0, 10.0)}}


def bench(**settings: Any) -> SerialBench:
    return SerialBench(DRIVER, PrintingSensor(1), **settings)


def test_readings_come_at_the_sensors_rate_with_its_numbers() -> None:
    async def main() -> None:
        world = bench()
        async with world.running(3.05):
            pass

        assert world.standing() == ["up"]
        assert len(world.readings()) == world.simulated.printed
        last = world.readings()[-1]
        assert last.input == "extruder" and last.health is Health.GOOD
        assert last.fields["pressure"] == pytest.approx(world.simulated.pressure_bar, abs=0.01)
        assert last.fields["temperature"] == pytest.approx(world.simulated.temperature_c, abs=0.1)

    run(main())


@pytest.mark.parametrize(
    ("line", "health"),
    [
        (b"12.5,200.1\r\n", Health.GOOD),
        (b",200.1\r\n", Health.MISSING),
        (b"12.5\r\n", Health.MISSING),
        (b"12.5,ERR\r\n", Health.DAMAGED),
        (b"1_2.5,200\r\n", Health.DAMAGED),
        (b"\xff2.5,200\r\n", Health.DAMAGED),
        (b"nan,200\r\n", Health.NON_FINITE),
        (b"1e999,200\r\n", Health.NON_FINITE),
        (b"12.5,9999\r\n", Health.OUT_OF_RANGE),
        (b"-1,200\r\n", Health.OUT_OF_RANGE),
    ],
)
def test_each_bad_line_is_a_reading_of_its_own_health(line: bytes, health: Health) -> None:
    async def main() -> None:
        world = bench()
        async with world.running():
            world.simulated.says.append(line)
            await asyncio.sleep(0.12)

        assert [one.health for one in world.readings()][-2:] == [Health.GOOD, health]

    run(main())


def test_going_bad_and_being_good_again_are_each_said_once() -> None:
    async def main() -> None:
        world = bench()
        async with world.running():
            world.simulated.says += [b"12.5,9999\r\n"] * 3
            await asyncio.sleep(1)

        assert world.said == [
            "it: extruder: out-of-range: temperature is 9999 degC, plausible is -20 to 350",
            "it: extruder: good again",
        ]

    run(main())


def test_the_very_same_numbers_for_too_long_are_a_failed_sensor() -> None:
    async def main() -> None:
        world = bench()
        async with world.running():
            world.simulated.frozen = True
            await asyncio.sleep(1.5)
            before = world.readings()[-1].health
            await asyncio.sleep(1.5)

        assert before is Health.GOOD
        assert world.readings()[-1].health is Health.FAILED

    run(main())


def test_a_silent_sensor_is_down_and_its_readings_missing_until_it_prints_again() -> None:
    async def main() -> None:
        world = bench()
        async with world.running():
            world.simulated.silent = True
            await asyncio.sleep(1.2)
            silent = world.readings()[-1]
            standing = world.standing()
            world.simulated.silent = False
            await asyncio.sleep(0.3)

        assert silent.health is Health.MISSING and all(map(math.isnan, silent.fields.values()))
        assert standing[1].startswith("down: no line of its readings for 1 s")
        assert world.standing()[2:] == ["up"]
        assert len(world.lines.opened) == 1  # opening again would reset many a board

    run(main())


def test_unplugged_and_back_it_goes_on() -> None:
    async def main() -> None:
        world = bench()
        async with world.running():
            world.lines.unplug()
            await asyncio.sleep(5)
            assert world.standing() == ["up", "down: unplugged", "down: /dev/ttySensor: no such port"]
            world.lines.missing = False
            await asyncio.sleep(2.5)

        assert world.standing()[3:] == ["up"]

    run(main())


def test_a_sensor_that_must_be_asked_is_asked() -> None:
    async def main() -> None:
        world = bench(ask="READ?", ask_every_s=0.5)
        async with world.running(2.1):
            pass

        assert world.lines.sent == [b"READ?\r\n"] * 5

    run(main())


def test_another_framing_is_asked_for() -> None:
    async def main() -> None:
        world = bench(data_bits=7, parity="even")
        async with world.running():
            assert world.lines.framings == [Framing(7, "even", 1)]

    run(main())


def test_lines_that_are_8n1_only_refuse_another_framing_instead_of_dropping_it() -> None:
    class Plain:
        async def open(self, *asked: Any) -> Any:
            raise AssertionError("opened as 8N1")

    async def main() -> None:
        world = bench(data_bits=7)
        world.lines = Plain()  # type: ignore[assignment]
        async with world.running():
            assert "8N1 only" in world.standing()[0]

    run(main())


def test_a_framing_is_the_ports_control_flags() -> None:
    found = termios.B9600 | termios.CS6 | termios.CRTSCTS | termios.PARODD

    assert control_flags(found, Framing()) == termios.B9600 | termios.CS8 | termios.CREAD | termios.CLOCAL
    odd = control_flags(found, Framing(7, "odd", 2))
    assert odd & termios.CSIZE == termios.CS7
    assert odd & termios.PARENB and odd & termios.PARODD and odd & termios.CSTOPB


def test_it_has_no_outputs() -> None:
    async def main() -> None:
        device = bench().device()
        with pytest.raises(CommandRefused):
            device.set(Setpoint("x", 1, 1))

    run(main())


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "either `pattern` or `columns`"),
        ({**POINT, "pattern": "(?P<p>.*)"}, "either `pattern` or `columns`"),
        ({"columns": {"p": 0}}, "`ranges` lacks p"),
        ({**POINT, "units": {"q": "bar"}}, "`units` names q, which is no field; fields: p"),
        ({"columns": {"p": -1}, "ranges": {"p": (0, 1)}}, "count from 0"),
        ({"columns": {"p": 0}, "ranges": {"p": (1, 1)}}, "[lowest, highest]"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused_with_the_reason(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        LinesPoint(**settings)


def test_a_pattern_names_fields_and_scales_bring_them_to_the_pipelines_unit() -> None:
    point = LinesPoint(pattern=r"P=(?P<p>\S+) kPa", scales={"p": 0.01}, units={"p": "bar"}, ranges={"p": (0, 10)})

    judged = Judge(point).judge({"p": "450"}, 0)

    assert (judged.fields, judged.health) == ({"p": 4.5}, Health.GOOD)


def test_an_nmea_checksum_is_held() -> None:
    body = "GPGLL,5300.97914,N,00259.98174,E,125926,A"
    assert without_checksum(f"${body}*28") == body
    assert without_checksum(f"${body}*29") is None
    assert without_checksum("no checksum") is None


@given(texts=st.lists(st.binary(min_size=1, max_size=12).filter(lambda t: not set(t) & set(b"\r\n"))), cuts=st.data())
def test_lines_survive_however_the_port_splits_them(texts: list[bytes], cuts: st.DataObject) -> None:
    wire, splitter, got = b"".join(text + b"\r\n" for text in texts), TextLines(12), []
    while wire:
        cut = cuts.draw(st.integers(1, len(wire)))
        got += splitter.feed(wire[:cut])
        wire = wire[cut:]

    assert got == texts


@given(chunks=st.lists(st.binary(max_size=200)))
def test_the_splitter_never_keeps_more_than_its_bound(chunks: list[bytes]) -> None:
    splitter = TextLines(16)
    for chunk in chunks:
        for line in splitter.feed(chunk):
            assert isinstance(line, Overlong) or 0 < len(line) <= 16
        assert len(splitter._rest) <= 16


@given(line=st.text())
def test_no_text_at_all_makes_the_judge_raise_or_trust_what_it_should_not(line: str) -> None:
    judged = Judge(LinesPoint(**POINT)).judge({"p": line}, 0)  # type: ignore[arg-type]

    assert judged.health is not Health.GOOD or 0 <= judged.fields["p"] <= 10
