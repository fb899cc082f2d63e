"""Hostile bytes for the host's end of the link: `python tests/drivers/fuzz_link.py --inputs 1000000 --seed 1`.

An input is a chunk that a line might bring: noise, frames that were damaged, cut or doubled, frames in order under a
right CRC whose contents are anything. A small board answers HELLO and PING, so that most of them meet a live session.
"""

from __future__ import annotations

import argparse
import random
import struct
import time
import zlib
from collections import Counter

from cobs import cobs

from ripieno_drivers.link import codec
from ripieno_drivers.link.arguments import ActArgs
from ripieno_drivers.link.core import HELD, Link
from ripieno_drivers.link.events import Event
from ripieno_drivers.link.messages import TriggerBits
from ripieno_drivers.link.window import QUEUE, WINDOW

FROM_BOARD = (
    codec.WELCOME, codec.BOOT, codec.ACK, codec.NAK, codec.PONG, codec.SAMPLE, codec.DONE, codec.STATUS, codec.EVENT,
    codec.ESTOP,
)  # fmt: skip
SIZES = {
    codec.WELCOME: 58,
    codec.BOOT: 5,
    codec.PONG: 16,
    codec.DONE: 17,
    codec.STATUS: 17,
    codec.EVENT: 18,
    codec.ESTOP: 1,
}
MAX_EVENTS = HELD + 200
"""A chunk has at most some hundred frames; what was held until the clock was known comes on top."""


class Fuzz:
    """One link, one draw."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._link = Link(baud=115_200, nonce=lambda: self._draw.getrandbits(32))
        self._hears = codec.Decoder()
        self._now_us = self._token = self._seq = self._ack = 0
        self._commands = 0
        self._last = b""
        self.seen: Counter[str] = Counter()

    def step(self) -> None:
        """Give the link one input; raises AssertionError where a bound is broken, and whatever the link raises."""
        draw, link = self._draw, self._link
        self._now_us += draw.choice((0, 10, 1_000, 1_000, 1_000, 30_000, 400_000 if draw.random() < 0.02 else 1_000))
        events = self._give(self._input())
        if draw.random() < 0.3 and link.is_up:
            self._commands += 1
            link.act(self._commands, ActArgs(0, TriggerBits.NOW, 1, 0, 10, 10, 0))
        self._hear(link.poll(self._now_us))
        deadline_us = link.next_deadline(self._now_us)
        assert len(events) <= MAX_EVENTS
        assert len(link._decoder._held) <= codec.MAX_RUN
        assert len(link._held) <= HELD
        assert len(link._sender._queue) <= QUEUE
        assert len(link._sender._flight) <= WINDOW
        assert deadline_us is not None
        assert link.count.bit_length() < 60

    def _give(self, chunk: bytes) -> list[Event]:
        events = self._link.receive(chunk, self._now_us)
        for event in events:
            self.seen[type(event).__name__] += 1
        return events

    def _input(self) -> bytes:
        draw = self._draw
        kind = draw.randrange(12)
        if kind == 0:
            return draw.randbytes(draw.randrange(300))
        if kind == 1:
            return self._last + self._last[draw.randrange(len(self._last) + 1) :]
        if kind == 2:
            return bytes(draw.randrange(400)) if draw.random() < 0.5 else b"\x01" * draw.randrange(300)
        self._seq = self._link._receiver.expected
        frames = b"".join(self._frame() for _ in range(draw.choice((1, 1, 1, 2, 5))))
        self._last = frames
        if kind in (3, 4, 5):
            return self._damaged(frames)
        return frames

    def _frame(self) -> bytes:
        draw = self._draw
        kind = draw.choice(FROM_BOARD) if draw.random() < 0.95 else draw.randrange(256)
        size = SIZES.get(kind, 0) if draw.random() < 0.9 else draw.randrange(65)
        if kind == codec.SAMPLE:
            size = 20 + 5 * draw.randrange(9)
        payload = draw.randbytes(size)
        if kind == codec.WELCOME or kind == codec.BOOT:
            payload = payload if draw.random() < 0.02 else b""  # sessions must live for a while
        seq = 0
        if kind in codec.RELIABLE:
            seq = self._seq if draw.random() < 0.8 else draw.randrange(256)
            self._seq = (self._seq + (seq == self._seq)) & 0xFF
        ack = self._ack if draw.random() < 0.97 else draw.randrange(256)
        body = bytes((kind, seq, ack)) + payload
        crc = zlib.crc32(body, 0 if kind in codec.SESSIONLESS else self._token)
        return bytes(cobs.encode(body + crc.to_bytes(4, "little"))) + b"\0"

    def _damaged(self, frames: bytes) -> bytes:
        draw, chunk = self._draw, bytearray(frames)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(chunk) + 1)
            match draw.randrange(4):
                case 0 if chunk:
                    chunk[place - 1] ^= 1 << draw.randrange(8)
                case 1:
                    del chunk[place : place + draw.randint(1, 20)]
                case 2:
                    chunk[place:place] = draw.randbytes(draw.randint(1, 20))
                case _:
                    chunk[place:place] = b"\0"
        return bytes(chunk)

    def _hear(self, wire: bytes) -> None:
        """Be a board that wants a session."""
        for body in self._hears.feed(wire):
            frame = codec.open_body(body, self._token) if body is not None else None
            if frame is None:
                continue
            if frame.type == codec.HELLO and self._draw.random() < 0.5:
                nonce = struct.unpack("<BBI", frame.payload)[2]
                self._token, self._seq, self._ack = self._draw.randint(1, 2**32 - 1), 0, 0
                welcome = struct.pack(
                    "<BBHI12sIIIIIiIIIBB", 1, 16, 4, nonce, b"fuzzed-board", 7, self._token, 0, 1,
                    self._now_us & 0xFFFFFFFF, 0, 0, 1, 0, 1, 8,
                )  # fmt: skip
                self._give(codec.encode(codec.WELCOME, 0, 0, welcome, 0))
            elif frame.type == codec.PING and self._draw.random() < 0.9:
                pong = frame.payload[:4] + struct.pack("<IiHH", self._now_us & 0xFFFFFFFF, 0, 4, 1)
                self._give(codec.encode(codec.PONG, 0, self._ack, pong, self._token))
            elif frame.type in codec.RELIABLE and frame.seq == self._ack:
                self._ack = (self._ack + 1) & 0xFF


def fuzz(seed: int, inputs: int, seconds: float = 1e9) -> tuple[int, Counter[str]]:
    """Fuzz for so many inputs or so long; return how many there were, and which events came."""
    one, ends_s = Fuzz(seed), time.monotonic() + seconds
    for number in range(inputs):
        one.step()
        if number % 500 == 0 and time.monotonic() > ends_s:
            return number + 1, one.seen
    return inputs, one.seen


def main() -> None:
    """Fuzz and say what came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began_s = time.monotonic()
    inputs, seen = fuzz(arguments.seed, arguments.inputs)
    print(f"{inputs} inputs in {time.monotonic() - began_s:.1f} s, seed {arguments.seed}: {dict(seen)}")


if __name__ == "__main__":
    main()
