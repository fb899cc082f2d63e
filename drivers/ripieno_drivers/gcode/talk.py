"""One line at a time to a controller, and its answer; what it says by itself is handed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ripieno.contracts.ports import Clock
from ripieno.errors import DeviceError
from ripieno_drivers.serial_line import Channel, Overlong, TextLines

from . import answers
from .answers import Answer, Kind
from .wire import NUMBER_FROM_HERE, numbered, plain

LONGEST: Final = 512
WRITE_S: Final = 0.5
FIND_OUTS: Final = 3
QUIET_S: Final = 0.3
"""After a line that was not answered, what comes within this much silence is not the next line's answer."""


class Talk:
    """`on_report` is given every report. `asked`: the last line's number; `sent_ns`: when it left."""

    def __init__(self, channel: Channel, clock: Clock, dialect: str, on_report: Callable[[Answer], None]) -> None:
        self._channel, self._clock, self._on_report = channel, clock, on_report
        self._is_marlin = dialect == "marlin"
        self._read = answers.marlin if self._is_marlin else answers.grbl
        self._lines = TextLines(LONGEST)
        self._number = self.asked = 0
        self.sent_ns = 0

    async def number_from_here(self, within_s: float) -> Answer:
        """Marlin: line numbers begin anew."""
        self._number = 0
        return await self._ask(numbered(0, NUMBER_FROM_HERE), within_s)

    async def ask(self, command: str, within_s: float) -> Answer:
        """Send a line once and return its answer: OK, REFUSED, RESEND, RESET, HALTED or SILENT.

        Busy words prolong the wait. Raises DeviceError when the line is gone or the controller was reset before.
        """
        if not self._is_marlin:
            return await self._ask(plain(command), within_s)
        self._number += 1
        self.asked = self._number
        answer = await self._ask(numbered(self._number, command), within_s)
        if answer.kind is Kind.RESEND:
            self._number = answer.number - 1
        return answer

    async def agree(self, within_s: float) -> bool:
        """Return whether the next number is ours and the controller's alike: a harmless line was just taken.

        Without this, "I want n + 1" would not prove that our line n was taken: a garbled answer may have put us back,
        and n may have been another line's. Marlin only; grbl has no numbers.
        """
        for _ in range(FIND_OUTS if self._is_marlin else 0):
            answer = await self._ask(numbered(self._number + 1, "M105"), within_s)
            if answer.kind is Kind.OK and "T" in answer.report:
                self._number += 1
                return True
            if answer.kind is Kind.RESEND:
                self._number = answer.number - 1
            elif answer.kind in (Kind.RESET, Kind.HALTED):
                raise DeviceError(f"the controller says: {answer.text}")
            await self.quiet()
        return not self._is_marlin

    async def find_out(self, asked: int, within_s: float) -> Answer:
        """Ask, with a harmless line, whether line `asked` was taken: OK (it was), RESEND (it was not), or no telling.

        Marlin takes lines in the order of their numbers only. Asked to take number n + 1, it takes it (and answers with
        temperatures, which no stray `ok` has) or asks for n + 2: it has n. Or it asks for n: it has not. Its own words
        have no checksum, so what is not plain is asked again, with the same number.
        """
        if not self._is_marlin:
            return Answer(Kind.SILENT, "no answer")
        sent_ns = self.sent_ns
        wants_it = 0
        try:
            for _ in range(FIND_OUTS):
                answer = await self._ask(numbered(asked + 1, "M105"), within_s)
                if (answer.kind is Kind.OK and "T" in answer.report) or answer.number == asked + 2:
                    self._number = asked + 1
                    return Answer(Kind.OK, answer.text)
                wants_it += answer.kind is Kind.RESEND and answer.number == asked
                if wants_it == 2:  # once may be a late answer to a line before; between the two all was quiet
                    self._number = asked - 1
                    return answer
                if answer.kind in (Kind.RESET, Kind.HALTED):
                    return answer
                await self.quiet()
        finally:
            self.sent_ns = sent_ns
        return Answer(Kind.SILENT, "no plain answer")

    async def quiet(self) -> None:
        """Read until nothing has come for a while."""
        while chunks := await self._channel.read(QUIET_S):
            for chunk, _ in chunks:
                for answer in self._heard(chunk):
                    if answer.kind is Kind.REPORT:
                        self._on_report(answer)
            await self._clock.sleep(0)

    async def realtime(self, sign: bytes) -> bool:
        """Send a real-time sign; return whether it left."""
        return await self._channel.write(sign, WRITE_S) == len(sign)

    async def hear(self, within_s: float) -> None:
        """Listen to what it says by itself. Raises DeviceError when it was reset or has halted, or the line is gone."""
        for chunk, _ in await self._channel.read(within_s):
            for answer in self._heard(chunk):
                if answer.kind is Kind.REPORT:
                    self._on_report(answer)
                elif answer.kind in (Kind.RESET, Kind.HALTED):
                    raise DeviceError(f"the controller says: {answer.text}")

    async def wait_for_reset(self, within_s: float) -> bool:
        """Return whether it has said within this time that it began anew."""
        until_ns = self._clock.monotonic_ns() + round(within_s * 1e9)
        while (left_ns := until_ns - self._clock.monotonic_ns()) > 0:
            for chunk, _ in await self._channel.read(left_ns / 1e9 + 1e-6):
                if any(answer.kind is Kind.RESET for answer in self._heard(chunk)):
                    return True
            await self._clock.sleep(0)
        return False

    async def _ask(self, wire: bytes, within_s: float) -> Answer:
        self.sent_ns = 0
        for chunk, _ in await self._channel.read(0):
            for answer in self._heard(chunk):
                if answer.kind in (Kind.RESET, Kind.HALTED):
                    raise DeviceError(f"the controller says: {answer.text}")
        self.sent_ns = self._clock.monotonic_ns()
        taken = await self._channel.write(wire, WRITE_S)
        if taken < len(wire):
            self.sent_ns = self.sent_ns if taken else 0
            raise DeviceError(f"the line takes nothing: {taken} of {len(wire)} bytes in {WRITE_S:g} s")
        return await self._answer(within_s)

    async def _answer(self, within_s: float) -> Answer:
        refusal: Answer | None = None
        again: Answer | None = None
        last_line: int | None = None
        until_ns = self._clock.monotonic_ns() + round(within_s * 1e9)
        while (left_ns := until_ns - self._clock.monotonic_ns()) > 0:
            for chunk, _ in await self._channel.read(left_ns / 1e9 + 1e-6):
                for answer in self._heard(chunk):
                    if answer.kind is Kind.OK:
                        if answer.report:
                            self._on_report(answer)
                        return again or refusal or answer
                    if answer.kind in (Kind.RESET, Kind.HALTED):
                        return answer
                    if answer.kind is Kind.OTHER and answer.number:
                        last_line = answer.number - 1
                    elif answer.kind is Kind.RESEND and last_line in (None, answer.number - 1):
                        again = answer  # its own `ok` follows
                    elif answer.kind is Kind.RESEND:
                        again = Answer(Kind.SILENT, "its numbers do not agree")
                    elif answer.kind is Kind.REFUSED and not self._is_marlin:
                        return answer
                    elif answer.kind is Kind.REFUSED:
                        refusal = answer  # its own `ok` follows
                    elif answer.kind is Kind.REPORT:
                        self._on_report(answer)
                    if answer.kind in (Kind.BUSY, Kind.RESEND):
                        until_ns = self._clock.monotonic_ns() + round(within_s * 1e9)
            await self._clock.sleep(0)
        return again or Answer(Kind.SILENT, "no answer")

    def _heard(self, chunk: bytes) -> list[Answer]:
        lines = [line for line in self._lines.feed(chunk) if not isinstance(line, Overlong)]
        texts = [line.decode("ascii", "replace").strip() for line in lines]
        return [self._read(text) for text in texts if text]
