"""A sensor that prints, as a `Device`: lines in, readings with their health out."""

from __future__ import annotations

from typing import Final

from ripieno.contracts.driver import Context
from ripieno.errors import CommandRefused
from ripieno.values import Act, Health, Outcome, Pulse, Reading, Setpoint
from ripieno_drivers.serial_line import Channel, Framing, Overlong, Standing, TextLines, keep_open

from .extract import Extract, without_checksum
from .judge import Judge
from .settings import LinesSettings

WRITE_S: Final = 0.2
BAD_EVERY_NS: Final = 100_000_000
"""Bad readings of one kind are reported at most this often: noise has many line ends, and each report is recorded."""


class _Input:
    def __init__(self, name: str, settings: object) -> None:
        self.name = name
        self.extract = Extract(settings)  # type: ignore[arg-type]  # the driver's own point class, by contract
        self.judge = Judge(settings)  # type: ignore[arg-type]
        self.health: Health | None = None
        self.bad_ns = -BAD_EVERY_NS


class LinesSensor:
    """The device; see LinesSettings. `unread`: lines that were nobody's, damaged by checksum, or too long."""

    def __init__(self, settings: LinesSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._inputs = [_Input(point.name, point.settings) for point in context.points if point.kind == "reading"]
        self._standing = Standing(context)
        self.unread = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        one = self._settings
        framing = Framing(one.data_bits, one.parity, one.stop_bits)
        await keep_open(self._context, one.port, one.baud, framing, self._standing, self._serve)

    async def _serve(self, channel: Channel) -> None:
        lines, clock, settings = TextLines(self._settings.longest_bytes), self._context.clock, self._settings
        heard_ns = asked_ns = clock.monotonic_ns()
        is_known, is_asked, is_silent = False, not settings.ask, False
        while True:
            now_ns = clock.monotonic_ns()
            if settings.ask and (not is_asked or now_ns - asked_ns >= settings.ask_every_s * 1e9):
                is_asked, asked_ns = True, now_ns
                await channel.write(settings.ask.encode("ascii") + b"\r\n", WRITE_S)
            due_ns = [heard_ns + round(settings.silent_s * 1e9)] if not is_silent else []
            due_ns += [asked_ns + round(settings.ask_every_s * 1e9)] if settings.ask else []
            wait_s = max(0.001, (min(due_ns) - now_ns) / 1e9) if due_ns else None
            for chunk, at_us in await channel.read(wait_s):
                for line in lines.feed(chunk):
                    if self._take(line, at_us * 1000, is_known):
                        heard_ns, is_known, is_silent = clock.monotonic_ns(), True, False
                        self._standing.up()
                await clock.sleep(0)  # a flood must not keep the loop from others
            if not is_silent and clock.monotonic_ns() - heard_ns >= settings.silent_s * 1e9:
                is_known, is_silent = False, True
                self._silent()

    def _take(self, line: bytes | Overlong, at_ns: int, is_known: bool) -> bool:
        """Report what a line tells; return whether it was a line of ours.

        Until there was one, a line without numbers is none: it is the rest of one, a heading, or another device's.
        """
        text = None if isinstance(line, Overlong) else line.decode("ascii", "replace")
        if text is not None and self._settings.checksum == "nmea":
            text = without_checksum(text)
        ours = False
        for each in self._inputs if text is not None else ():
            found = each.extract.read(text or "")
            if found is None:
                continue
            fields, health, why = each.judge.judge(found, at_ns)
            if not is_known and health in (Health.MISSING, Health.DAMAGED):
                continue
            ours = True
            if health is not Health.GOOD and health is each.health and at_ns - each.bad_ns < BAD_EVERY_NS:
                continue
            each.bad_ns = at_ns
            self._changed(each, health, why)
            self._context.report(Reading(each.name, fields, at_ns, self._context.clock.monotonic_ns(), health))
        if not ours:
            self.unread += 1
        return ours

    def _silent(self) -> None:
        """Nothing was heard for too long: every input is missing, and the device is down until it prints again."""
        now_ns = self._context.clock.monotonic_ns()
        for each in self._inputs:
            each.health = Health.MISSING
            self._context.report(Reading(each.name, each.judge.missing(), now_ns, now_ns, Health.MISSING))
        unread = f"; {self.unread} lines could not be read" if self.unread else ""
        self._standing.down(f"no line of its readings for {self._settings.silent_s:g} s{unread}")

    def _changed(self, each: _Input, health: Health, why: str) -> None:
        """Say once that an input went bad, or is good again."""
        if health is each.health:
            return
        if health is not Health.GOOD:
            self._context.say(f"{self._context.device}: {each.name}: {health.value}: {why}")
        elif each.health is not None:
            self._context.say(f"{self._context.device}: {each.name}: good again")
        each.health = health

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        raise self._no_outputs()

    def withdraw(self, act: Act) -> None:
        raise self._no_outputs()

    def set(self, setpoint: Setpoint) -> None:
        raise self._no_outputs()

    def rearm(self) -> None:
        raise self._no_outputs()

    def _no_outputs(self) -> CommandRefused:
        return CommandRefused(f"{self._context.device}: a sensor that prints has no outputs")
