"""A complete small driver: a kicker that is told by text lines, with the device that it is tried against.

The kicker's data sheet: 9600 baud, 8N1. `K` kicks once, the kicker answers `D`. `?` is answered by `T` and its
temperature in degrees. It forgets everything when its power goes, and says `HELLO` when it is back.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Gt, Le, doc

from ripieno.contracts.driver import Context, Driver, Place
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import Act, Health, Outcome, OutcomeKind, Pulse, Reading, Setpoint
from ripieno_drivers.acts import Order, Orders
from ripieno_drivers.serial_line import EIGHT_N_ONE, Channel, Overlong, Standing, TextLines, keep_open


@dataclass(frozen=True, kw_only=True)
class KickerSettings:
    """What the device file says of it. `Place` marks what says where a thing is: it is no part of the plan's digest."""

    port: Annotated[str, Place(), doc("the serial port")]
    answer_s: Annotated[float, Gt(0), Le(10), doc("how long it may take to answer")] = 0.3
    rearm: str = "person"


@dataclass(frozen=True, kw_only=True)
class KickerPoint:
    """A pulse (the kick) or a reading (field `temperature`); nothing to set."""


class Kicker:
    """The device. One task has the line: `_serve`; everything else only leaves word and wakes it."""

    def __init__(self, settings: KickerSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._standing = Standing(context)
        self._orders = Orders(context, self._wake, settings.rearm)
        self._readings = [point.name for point in context.points if point.kind == "reading"]
        self._channel: Channel | None = None
        self._lines = TextLines(64)
        self._sent_ns = 0

    async def run(self) -> None:
        """Serve until cancelled. There is nothing to leave safe: a kick ends by itself."""
        self._orders.resolve_earlier()
        try:
            await keep_open(self._context, self._settings.port, 9600, EIGHT_N_ONE, self._standing, self._serve)
        finally:
            self._orders.down("stopped")

    async def _serve(self, channel: Channel) -> None:
        """Serve one opened port; a DeviceError that leaves here closes it, and it is opened again on a ladder."""
        self._channel, clock = channel, self._context.clock
        self._lines.clear()
        try:
            while True:
                await self._look(channel)  # raises when it does not answer
                self._standing.up()
                self._orders.up()
                look_ns = clock.monotonic_ns() + 500_000_000
                while (left_ns := look_ns - clock.monotonic_ns()) > 0:
                    if (order := self._orders.take()) is not None:
                        await self._kick(channel, order)
                    else:
                        next_ns = min(look_ns, self._orders.next_due_ns() or look_ns)
                        await channel.read(max(0.001, min(left_ns, next_ns - clock.monotonic_ns()) / 1e9))
        finally:
            self._channel = None
            self._orders.down("the kicker is lost")

    async def _kick(self, channel: Channel, order: Order) -> None:
        """Send it once. What is not answered is in doubt: it may have kicked, and nobody remembers."""
        kind, why = OutcomeKind.NOT_EXECUTED, "stopped before it was sent"
        self._sent_ns = 0
        try:
            answer = await self._ask(channel, b"K\n", "D")
            kind, why = (OutcomeKind.EXECUTED, "") if answer else (OutcomeKind.IN_DOUBT, "the kicker did not answer")
        except (DeviceError, asyncio.CancelledError) as error:
            if self._sent_ns:
                kind, why = OutcomeKind.IN_DOUBT, str(error) or "stopped before it answered"
            raise
        finally:
            order.sent_ns = self._sent_ns
            self._orders.settle(order, kind, why)
        if kind is OutcomeKind.IN_DOUBT:
            raise DeviceError(why)  # a late answer must not be taken for the next one's: begin anew

    async def _look(self, channel: Channel) -> None:
        asked_ns = self._context.clock.monotonic_ns()
        answer = await self._ask(channel, b"?\n", "T")
        if answer is None:
            raise DeviceError(f"{self._settings.port} is open, but no kicker answers")
        try:
            value = float(answer[1:])
        except ValueError:
            value = math.nan
        health = Health.GOOD if -40 <= value <= 125 else Health.OUT_OF_RANGE if math.isfinite(value) else Health.DAMAGED
        for name in self._readings:
            now_ns = self._context.clock.monotonic_ns()
            self._context.report(Reading(name, {"temperature": value}, asked_ns, now_ns, health))

    async def _ask(self, channel: Channel, words: bytes, begins: str) -> str | None:
        """Send a line once and return its answer, None if there is none in time."""
        clock = self._context.clock
        await channel.read(0)  # what nobody asked for; raises when the line is gone
        self._sent_ns = clock.monotonic_ns()
        taken = await channel.write(words, self._settings.answer_s)
        if taken < len(words):
            self._sent_ns = self._sent_ns if taken else 0
            raise DeviceError("the line takes nothing")
        until_ns = clock.monotonic_ns() + round(self._settings.answer_s * 1e9)
        while (left_ns := until_ns - clock.monotonic_ns()) > 0:
            for chunk, _ in await channel.read(left_ns / 1e9):
                for line in self._lines.feed(chunk):
                    text = "" if isinstance(line, Overlong) else line.decode("ascii", "replace")
                    if text.startswith(begins):
                        return text
                    if text == "HELLO":
                        raise DeviceError("the kicker was reset")
        return None

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        return await self._orders.fire(pulse, note)

    def withdraw(self, act: Act) -> None:
        self._orders.withdraw(act)

    def set(self, setpoint: Setpoint) -> None:
        raise CommandRefused(f"{self._context.device}: a kicker has no setpoints")

    def rearm(self) -> None:
        self._orders.rearm()

    def _wake(self) -> None:
        if self._channel is not None:
            self._channel.wake()


DRIVER = Driver(
    name="kicker",
    summary="a kicker on a serial line",
    settings=KickerSettings,
    point=KickerPoint,
    inputs=frozenset({"reading"}),
    outputs=frozenset({"pulse"}),
    pulse_contract="at-most-once",  # it forgets: exactly-once would be a lie
    falls_safe=True,  # a kick is 20 ms long and ends by itself
    open=Kicker,
)


class SimulatedKicker:
    """The data sheet, played. It counts its kicks: that is what the kit believes."""

    settings: Mapping[str, Any] = {"port": "/dev/ttyKicker", "rearm": "auto"}
    points: Sequence[tuple[str, str, Mapping[str, Any]]] = (("kick", "pulse", {}), ("heat", "reading", {}))

    def __init__(self, seed: int = 0) -> None:
        self._received, self._said = b"", list[tuple[int, bytes]]()
        self._wakes_us = self._kicks = 0

    def send(self, written: bytes, now_us: int) -> None:
        if now_us < self._wakes_us:
            return
        *lines, self._received = (self._received + written)[-64:].split(b"\n")
        for line in lines:
            self._kicks += line == b"K"
            answer = {b"K": b"D\n", b"?": b"T41.5\n"}.get(line, b"")
            self._said.append((now_us + 2_000, answer))

    def advance(self, now_us: int) -> bytes:
        said = b"".join(text for at_us, text in self._said if at_us <= now_us)
        self._said = [one for one in self._said if one[0] > now_us]
        return said

    def next_deadline_us(self) -> int | None:
        return min((at_us for at_us, _ in self._said), default=None)

    def reset(self, now_us: int) -> None:
        self._wakes_us, self._received = now_us + 500_000, b""
        self._said = [(self._wakes_us, b"HELLO\n")]

    def acts(self, output: str) -> int:
        return self._kicks

    def level(self, output: str) -> float | None:
        return None
