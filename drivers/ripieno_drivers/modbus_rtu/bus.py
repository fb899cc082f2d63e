"""One request, one reply, on a bus that has one master (SL 2.1): waits, gaps, echoes, and what came too late."""

from __future__ import annotations

from typing import Final

from ripieno.contracts.ports import Clock
from ripieno.errors import DeviceError
from ripieno_drivers.serial_line import Channel

from .frames import EXCEPTIONS, Replies, Reply, Request

WRITE_S: Final = 0.5
FAST_BAUD: Final = 19_200
FAST_GAP_S: Final = 0.00175
"""Silence between frames above 19200 baud (SL 2.5.1.1); below, 3.5 characters of 11 bits."""


class NoAnswer(Exception):
    """A unit did not answer in time. `sent_ns` 0: nothing of the request has left."""

    def __init__(self, unit: int, sent_ns: int) -> None:
        super().__init__(f"unit {unit} does not answer")
        self.unit, self.sent_ns = unit, sent_ns


class Refused(Exception):
    """A unit answered with an exception (AP 7)."""

    def __init__(self, unit: int, code: int) -> None:
        super().__init__(f"unit {unit} says: {EXCEPTIONS.get(code, f'exception {code}')}")
        self.unit, self.code = unit, code


class Bus:
    """An opened bus. `answer_s`: how long a unit may take, beyond the time on the wire."""

    def __init__(self, channel: Channel, clock: Clock, baud: int, answer_s: float, echo: bool) -> None:
        self._channel, self._clock = channel, clock
        self._byte_s = 11 / baud
        self._gap_s = FAST_GAP_S if baud > FAST_BAUD else 3.5 * self._byte_s
        self._answer_s, self._echo = answer_s, echo
        self._free_ns = 0
        self.sent_ns = 0

    async def ask(self, request: Request) -> Reply:
        """Send a request once and return its reply. `sent_ns` then tells when it left.

        Raises:
            NoAnswer: nothing that fits came in time; the bus is left alone for as long again, so that an answer that is
                only late cannot be taken for the next one's.
            Refused: the unit answered with an exception.
            DeviceError: the line is gone, takes nothing, or echoes.
        """
        self.sent_ns = 0
        await self._clock.sleep(max(0.0, (self._free_ns - self._clock.monotonic_ns()) / 1e9))
        await self._channel.read(0)  # raises when the line is gone; what nobody asked for is thrown away
        began_ns = self._clock.monotonic_ns()
        wire = request.wire
        self.sent_ns = began_ns  # before the wait: who is cancelled in it must not take it for unsent
        taken = await self._channel.write(wire, WRITE_S)
        self.sent_ns = began_ns if taken else 0
        if taken < len(wire):
            raise DeviceError(f"the line takes nothing: {taken} of {len(wire)} bytes in {WRITE_S:g} s")
        reply = await self._reply(request, (len(wire) + request.reply_bytes) * self._byte_s + self._answer_s)
        self._free_ns = self._clock.monotonic_ns() + round(self._gap_s * 1e9)
        if reply is None:
            self._free_ns += round(self._answer_s * 1e9)
            raise NoAnswer(request.unit, self.sent_ns)
        if reply.exception:
            raise Refused(request.unit, reply.exception)
        return reply

    async def _reply(self, request: Request, within_s: float) -> Reply | None:
        replies, until_ns = Replies(request), self._clock.monotonic_ns() + round(within_s * 1e9)
        has_echoed = not self._echo
        while (left_ns := until_ns - self._clock.monotonic_ns()) > 0:
            for chunk, _ in await self._channel.read(left_ns / 1e9 + 1e-6):
                reply = replies.feed(chunk)
                if not has_echoed and replies.begins_with_echo:
                    has_echoed = True
                    replies.drop_echo()
                    reply = replies.feed(b"")
                elif not self._echo and request.function <= 4 and replies.begins_with_echo:
                    raise DeviceError("the adapter gives back what is sent; set `echo: true`")
                if reply is not None and has_echoed:
                    return reply
        return None
