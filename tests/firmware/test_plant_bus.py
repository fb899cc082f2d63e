"""The second line: what board and plant say to each other there, and the arithmetic behind it."""

import ctypes
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno_sim.board.numbers import MASK32, signed32
from ripieno_sim.codec import cobs_decode, cobs_encode
from ripieno_sim.firmware import BuildFailed, ToolMissing, build
from ripieno_sim.firmware.board_time import BoardTime
from ripieno_sim.firmware.bus import Booted, BusReader, BusTime, Output
from ripieno_sim.firmware.library import library
from ripieno_sim.firmware.wired import WiredRig
from ripieno_sim.line import PacedLine
from ripieno_sim.plant import CHANNELS, Belt, Conveyor, ConveyorSettings, Motion
from ripieno_sim.seeds import stream

COUNTS = st.integers(-(2**30), 2**30)
FRACTIONS = st.integers(0, 999_999)
SPEEDS = st.integers(0, 4_000_000)
CLOCKS = st.integers(0, 2**32 - 1)
MILLION = 1_000_000


def motions(*told: tuple[int, int, int, int]) -> "ctypes.Array[ctypes.c_char]":
    """Return `struct motion` for each (count, fraction, speed, since)."""
    packed = b"".join(struct.pack("<iIII", *each) for each in told)
    return ctypes.create_string_buffer(packed, len(packed))


@given(count=COUNTS, fraction=FRACTIONS, speed=SPEEDS, since=CLOCKS, ran_us=st.integers(0, 2**31 - 1))
def test_the_encoder_counts_as_the_exact_formula_does(
    count: int, fraction: int, speed: int, since: int, ran_us: int
) -> None:
    exact = count + (fraction + speed * ran_us) // MILLION
    counted = library().virtual_encoder_count(motions((count, fraction, speed, since)), False, since + ran_us & MASK32)

    assert counted == signed32(exact)


@given(count=COUNTS, fraction=FRACTIONS, speed=SPEEDS, since=CLOCKS, missing=st.integers(-100, 4_000_000))
def test_the_encoder_foretells_the_first_microsecond_of_a_count(
    count: int, fraction: int, speed: int, since: int, missing: int
) -> None:
    at_us = ctypes.c_uint32()
    told = motions((count, fraction, speed, since))
    comes = library().virtual_encoder_time_of(told, False, count + missing, since, ctypes.byref(at_us))
    after_us = at_us.value - since & MASK32

    if missing <= 0:
        assert (comes, after_us) == (True, 0)
    elif speed == 0:
        assert not comes
    else:
        exact_us = -(-(missing * MILLION - fraction) // speed)
        assert comes
        assert after_us == exact_us if exact_us < 2**29 - 2_000 else after_us <= min(exact_us, 2**30)


@given(
    speeds=st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)),
    since=CLOCKS,
    change_us=st.integers(1, 5_000_000),
    now_us=st.integers(0, 8_000_000),
    wanted=st.integers(-10, 100_000),
)
def test_a_change_that_was_told_before_it_comes_happens_by_itself(
    speeds: tuple[int, int], since: int, change_us: int, now_us: int, wanted: int
) -> None:
    """Against a belt of the plant that makes the same change."""
    belt = Belt(Motion(speed_mm_s=speeds[0] / 10, disturb=False), stream(1, "belt"))
    belt.start(0)
    there = belt.count_at(change_us), speeds[0] * change_us % MILLION
    told = motions((0, 0, speeds[0], since), (*there, speeds[1], since + change_us & MASK32))
    before_us = belt.time_of_count(wanted)
    expected_count = belt.count_at(now_us)
    belt.set_speed(speeds[1], change_us)
    after_us = belt.time_of_count(wanted)
    if now_us >= change_us:
        expected_count = belt.count_at(now_us)
    expected_us = before_us if before_us is not None and before_us <= change_us else after_us
    at_us = ctypes.c_uint32()
    comes = library().virtual_encoder_time_of(told, True, wanted, since + now_us & MASK32, ctypes.byref(at_us))

    assert library().virtual_encoder_count(told, True, since + now_us & MASK32) == expected_count
    assert comes == (expected_us is not None)
    if expected_us is not None:
        exact_us = max(expected_us, now_us)
        said_us = at_us.value - since & MASK32
        assert said_us == exact_us if exact_us < 2**29 - 2_000 else said_us <= exact_us


def message(body: bytes) -> bytes:
    """Return a message as the board writes it."""
    return b"\0" + cobs_encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def test_what_a_reset_has_cut_does_not_spoil_what_follows() -> None:
    reader = BusReader()
    output = b"O" + (7).to_bytes(4, "little") + b"\0" + (1).to_bytes(4, "little") + (9).to_bytes(4, "little")
    wire = message(output)[:9] + message(b"B" + (3).to_bytes(4, "little") + b"\4") + message(output)
    heard = [each for place in range(len(wire)) for each in reader.feed(wire[place : place + 1])]

    assert heard == [Booted(3, 4), Output(7, 0, 1, 9)]
    assert reader.damaged == 1


@given(noise=st.binary(max_size=400))
def test_noise_on_the_bus_gives_no_message_and_no_exception(noise: bytes) -> None:
    reader = BusReader()
    reader.feed(noise + b"\0")

    assert reader.feed(message(b"T" + bytes(8))) == [BusTime(0, 0)]


def test_the_quickest_answer_tells_the_boards_clock() -> None:
    time = BoardTime()
    for asked_us, answered_us, board_us in ((0, 900, 10_800), (1_000, 1_100, 11_050), (2_000, 4_000, 15_500)):
        time.answered(time.ask(asked_us), board_us, answered_us)

    assert time.to_board(5_000) == 15_000
    assert time.to_rig(15_000, 5_400) == 5_000


def test_an_answer_of_the_boot_before_is_not_taken() -> None:
    time = BoardTime()
    tag = time.ask(0)
    time.forget(1_000)
    time.answered(tag, 77, 1_200)

    assert not time.is_known


def test_times_wrap_with_the_boards_clock() -> None:
    time = BoardTime()
    time.answered(time.ask(1_000), 2**32 - 500, 1_000)

    assert time.to_board(2_000) == 500
    assert time.to_rig(500, 2_100) == 2_000


def test_a_missing_tool_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolMissing, match="apt install gcc-arm-none-eabi") as missing:
        build.require("arm-none-eabi-gcc", "to build the firmware")

    assert missing.value.package == "gcc-arm-none-eabi"


def test_a_compiler_that_refuses_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(build._TARGETS, "nonsense", ("nothing", "cc"))
    with pytest.raises(BuildFailed, match="make nonsense"):
        build.built("nonsense")


def test_the_next_change_is_told_before_it_comes_and_comes_as_told() -> None:
    """With a kind of its own: a present motion that seemed a little ahead, as clocks do, was once lost to the next."""
    told: list[bytes] = []
    heard: list[bytes] = []
    conveyor = Conveyor(7, ConveyorSettings(parts=400, starts_us=None))
    rig = WiredRig(
        conveyor,
        PacedLine(1_000_000, stream(7, "line")),
        CHANNELS,
        read_link=bytes,
        write_link=lambda _: None,
        read_bus=lambda: heard.pop() if heard else b"",
        write_bus=told.append,
    )
    rig.advance(0)
    heard.append(message(b"T" + (1).to_bytes(4, "little") + (0).to_bytes(4, "little")))
    rig.advance(1)
    conveyor.start(1_000_000)
    rig.advance(40_000_000)
    words = [(chr(body[0]), struct.unpack("<IiII", body[1:17])) for wire in told if (body := opened(wire))[0] in b"MN"]

    assert [kind for kind, _ in words[:4]] == ["M", "M", "N", "M"]
    forecasts = [word for kind, word in words if kind == "N"]
    presents = [word for kind, word in words if kind == "M"][2:]
    assert len(forecasts) > 3
    for (t_us, count, _, speed), (true_us, true_count, _, true_speed) in zip(forecasts, presents, strict=False):
        assert (t_us, count, speed) == (true_us, true_count, true_speed)


def opened(wire: bytes) -> bytes:
    """Return kind and body of one message on the bus."""
    return (cobs_decode(wire.strip(b"\0")) or b"")[:-4]
