"""A plug that is pulled tears the frame that is on its way."""

import random

from ripieno_sim.line import TO_BOARD, PacedLine


def test_what_had_passed_arrives_and_the_rest_is_lost() -> None:
    line = PacedLine(1_000_000, random.Random(1))
    line.send(TO_BOARD, b"first\0", 0)  # 10 us for a byte: there at 60
    line.send(TO_BOARD, b"second\0third\0", 0)

    line.tear(TO_BOARD, 95)

    assert line.deliver(95)[0] == b"first\0sec"
    assert line.lost_bytes(TO_BOARD) == len(b"ond\0third\0")
    assert line.next_deadline_us() is None


def test_the_line_is_free_afterwards() -> None:
    line = PacedLine(1_000_000, random.Random(1))
    line.send(TO_BOARD, b"x" * 1000 + b"\0", 0)
    line.tear(TO_BOARD, 20)
    line.send(TO_BOARD, b"y\0", 20)

    assert line.deliver(40)[0] == b"xxy\0"
