"""Asking a port whether a board answers: HELLO at the usual speeds, each for a short while, and nothing else.

A WELCOME alone takes no session from anyone: the board changes over only at the first frame under the new token
(docs/link-protocol.md section 3), and none is sent.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from ripieno.contracts.ports import Clock, Entropy, Lines
from ripieno_drivers.link import codec
from ripieno_drivers.link.handshake import Handshake
from ripieno_drivers.link.messages import Welcome

USUAL_BAUDS: Final = (115_200, 1_000_000, 250_000, 57_600, 9_600)
FOR_S: Final = 0.2
"""For each speed; a board answers within 20 ms, one that is starting within some more."""
HEARD_BYTES: Final = 256
SHOWN_BYTES: Final = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What answered: a board, or at least text (`says`), such as a sensor prints."""

    baud: int
    board: Welcome | None
    says: str = ""


async def probe(port: str, lines: Lines, clock: Clock, entropy: Entropy, bauds: tuple[int, ...]) -> Answer | None:
    """Return what answers on a port, None for silence or noise; takes at most FOR_S for each speed.

    Raises:
        DeviceError: the port is taken, gone, or may not be opened.
    """
    text: Answer | None = None
    for baud in bauds:
        asked = _Asked(clock, entropy)
        line = await lines.open(port, baud, asked.take, asked.lose)
        try:
            async with asyncio.timeout(FOR_S):
                while not asked.is_over:
                    if (wire := asked.hello()) is not None:
                        line.write(wire)
                    await asked.wait()
        except TimeoutError:
            pass
        finally:
            line.close()
        if asked.board is not None:
            return Answer(baud, asked.board)
        if text is None and (says := _text(bytes(asked.heard))):
            text = Answer(baud, None, says)
    return text


class _Asked:
    """One speed of one port."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self._clock = clock
        self._handshake = Handshake(lambda: int.from_bytes(entropy.token(4), "little"), None, None)
        self._decoder = codec.Decoder()
        self._wake = asyncio.Event()
        self.heard = bytearray()
        self.board: Welcome | None = None
        self.is_over = False

    def hello(self) -> bytes | None:
        """Return a HELLO if one is due, with a zero in front that ends what noise has begun."""
        payload = self._handshake.hello(self._clock.monotonic_ns() // 1000)
        return None if payload is None else b"\0" + codec.encode(codec.HELLO, 0, 0, payload, 0)

    async def wait(self) -> None:
        """Wait until something comes or the next HELLO is due."""
        due_s = self._handshake.ask_at_us / 1e6 - self._clock.monotonic_ns() / 1e9
        try:
            async with asyncio.timeout(max(due_s, 0.001)):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def take(self, received: bytes) -> None:
        """Take what the port says."""
        self.heard += received[: HEARD_BYTES - len(self.heard)]
        for body in self._decoder.feed(received):
            frame = codec.open_body(body, 0) if body is not None else None
            if frame is not None and frame.type == codec.WELCOME:
                answer = self._handshake.take(frame.payload)
                if isinstance(answer, Welcome):
                    self.board, self.is_over = answer, True
        self._wake.set()

    def lose(self, why: str) -> None:
        """The port has gone."""
        self.is_over = True
        self._wake.set()


def _text(heard: bytes) -> str:
    """Return the beginning of what was heard if it is text, else nothing."""
    shown = heard[:SHOWN_BYTES]
    if len(shown) < 4 or any((byte < 0x20 and byte not in b"\r\n\t") or byte > 0x7E for byte in shown):
        return ""
    return " ".join(shown.decode("ascii").split())
