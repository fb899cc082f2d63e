"""Bytes take their time, in order, and a bad line spoils them the same way for the same seed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno_sim.line import CLEAN, TO_BOARD, TO_HOST, LineFaults, PacedLine
from ripieno_sim.seeds import stream

HEAVY = LineFaults(
    flip_per_byte=0.05, drop_per_byte=0.05, burst=0.2, duplicate=0.2, noise=0.2, line_break=0.2, split=0.5, delay=0.2
)


def line(baud: int = 115_200, faults: LineFaults = CLEAN, seed: int = 1) -> PacedLine:
    return PacedLine(baud, stream(seed, "line"), faults)


def drained(paced: PacedLine) -> tuple[bytes, bytes, list[int]]:
    """Return what arrives at both ends, and when."""
    to_board, to_host, times = b"", b"", []
    while (due_us := paced.next_deadline_us()) is not None:
        board, host = paced.deliver(due_us)
        to_board, to_host = to_board + board, to_host + host
        times.append(due_us)
    return to_board, to_host, times


def test_a_byte_takes_ten_bit_times() -> None:
    paced = line()
    paced.send(TO_BOARD, bytes(range(1, 73)) + b"\0", 1_000)

    assert paced.next_deadline_us() == 1_000 + -(-73 * 10_000_000 // 115_200)


def test_a_piece_arrives_with_its_zero_and_not_before() -> None:
    paced = line(1_000_000)
    paced.send(TO_HOST, b"ab\0cdef\0g", 0)

    assert paced.deliver(29) == (b"", b"")
    assert paced.deliver(30) == (b"", b"ab\0")
    assert paced.deliver(89) == (b"", b"cdef\0")
    assert paced.deliver(90) == (b"", b"g")


def test_with_a_grain_the_board_is_given_a_frame_as_it_comes() -> None:
    """An emulated UART that takes bytes one by one has then taken most of them when the frame is whole."""
    paced = PacedLine(1_000_000, stream(1, "line"), CLEAN, grain_bytes=4)
    paced.send(TO_BOARD, b"abcdefghij\0k", 0)
    paced.send(TO_HOST, b"abcdefghij\0", 0)

    assert [paced.deliver(at_us) for at_us in (39, 40, 80, 110, 120)] == [
        (b"", b""),
        (b"abcd", b""),
        (b"efgh", b""),
        (b"ij\0", b"abcdefghij\0"),
        (b"k", b""),
    ]


def test_chunks_queue_behind_each_other_and_directions_do_not() -> None:
    paced = line(1_000_000)
    paced.send(TO_BOARD, b"x" * 10, 0)
    paced.send(TO_BOARD, b"y" * 10, 50)
    paced.send(TO_HOST, b"z" * 10, 60)

    assert drained(paced) == (b"x" * 10 + b"y" * 10, b"z" * 10, [100, 160, 200])


@settings(deadline=None)
@given(chunks=st.lists(st.tuples(st.sampled_from((0, 1)), st.binary(max_size=80)), max_size=20))
def test_a_clean_line_changes_nothing(chunks: list[tuple[int, bytes]]) -> None:
    paced = line()
    for direction, chunk in chunks:
        paced.send(direction, chunk, 0)
    to_board, to_host, times = drained(paced)

    assert to_board == b"".join(chunk for direction, chunk in chunks if direction == TO_BOARD)
    assert to_host == b"".join(chunk for direction, chunk in chunks if direction == TO_HOST)
    assert times == sorted(times)


@settings(deadline=None)
@given(chunks=st.lists(st.binary(min_size=1, max_size=80), max_size=20), seed=st.integers(0, 99))
def test_a_bad_line_is_the_same_for_the_same_seed_and_keeps_the_order_of_time(chunks: list[bytes], seed: int) -> None:
    results = []
    for _ in range(2):
        paced = line(faults=HEAVY, seed=seed)
        for chunk in chunks:
            paced.send(TO_BOARD, chunk, 0)
        results.append(drained(paced))

    assert results[0] == results[1]
    assert results[0][2] == sorted(results[0][2])


@pytest.mark.parametrize("direction", [TO_BOARD, TO_HOST])
def test_a_cut_direction_loses_everything_until_it_is_mended(direction: int) -> None:
    paced = line()
    paced.cut(direction)
    paced.send(direction, b"gone", 0)
    paced.send(1 - direction, b"whole", 0)
    paced.cut(direction, dead=False)
    paced.send(direction, b"back", 0)

    arrived = drained(paced)
    assert arrived[direction] == b"back"
    assert arrived[1 - direction] == b"whole"
    assert paced.lost_bytes(direction) == 4


def test_an_echoing_line_brings_the_hosts_bytes_back() -> None:
    paced = line(faults=LineFaults(echo=True))
    paced.send(TO_BOARD, b"hello\0", 0)

    assert drained(paced)[:2] == (b"hello\0", b"hello\0")


def test_a_flooded_line_holds_a_bounded_number_of_bytes() -> None:
    paced = line()
    for _ in range(2_000):
        paced.send(TO_BOARD, b"f" * 64, 0)

    assert len(drained(paced)[0]) <= 65_536
    assert paced.lost_bytes(TO_BOARD) == 2_000 * 64 - 65_536
