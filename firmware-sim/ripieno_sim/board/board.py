"""The board: one boot after another of the same firmware, its receive buffer, and a wire that is busy or free."""

import random

from ripieno_sim.board.clock import BoardClock
from ripieno_sim.board.dialogue import Dialogue
from ripieno_sim.board.journal import Journal
from ripieno_sim.board.machine import Hooks, Machine, NoHooks, ResetNow
from ripieno_sim.board.orders import Orders
from ripieno_sim.board.settings import BoardSettings
from ripieno_sim.codec import Cause, Decoder, EventKind, State

__all__ = ["Board"]

IDLE_US = 10_000  # after a longer pause a frame is led in by one zero
RECEIVE_ROOM = 256  # bytes that the hardware keeps while the firmware hangs
FAULT_OVERRUN, FAULT_JOURNAL = 1, 3
ESTOP_BY_INPUT = 2


class Board:
    """A controller on a line, driven by `receive`, `advance` and `poll`.

    Call `advance` no later than `next_deadline_us`, then `poll` for the bytes that go out; a frame leaves when the
    one before it has left the wire, so `poll` again at the next deadline. Times are true microseconds and never fall.

    Args:
        settings: the board's own properties.
        machine: the pins and the belt.
        entropy: seeds tokens, boot ids and epochs.
        now_us: when power comes on.
        hooks: where a test cuts the power.
    """

    orders: Orders
    dialogue: Dialogue
    _hangs_until_us: int | None

    def __init__(
        self,
        settings: BoardSettings,
        machine: Machine,
        entropy: random.Random,
        now_us: int = 0,
        hooks: Hooks | None = None,
    ) -> None:
        self.settings = settings
        self.hooks: Hooks = hooks or NoHooks()
        self._machine = machine
        self._entropy = entropy
        self._free_us = now_us
        self._last_sent_us = now_us - 1_000_000
        self._start(now_us, Cause.POWER, None, machine.count_at(now_us))

    @property
    def journal(self) -> Journal:
        """The journal of this boot."""
        return self.orders.journal

    @property
    def in_session(self) -> bool:
        """Whether a host has taken up a session since the last reset."""
        return self.dialogue.in_session

    def state(self) -> State:
        """Return the `state` field as it is now."""
        return self.orders.state()

    def reset(self, now_us: int, cause: Cause, keep_ram: bool, keep_count: bool = True) -> None:
        """Reset: pins fall safe at once, firmware runs again after `boot_us`.

        Args:
            now_us: when.
            cause: what the host is told.
            keep_ram: a warm reset; without it the journal and the count start anew.
            keep_count: with `keep_ram`, whether the encoder went on counting; else the position is not valid until
                the next item starts.
        """
        self.orders.pins.all_safe(now_us)
        keeps_count = keep_ram and keep_count
        base = self.orders.count_base if keeps_count else self._machine.count_at(now_us)
        self._start(now_us + self.settings.boot_us, cause, self.journal.ram if keep_ram else None, base)
        self.orders.position_valid = keeps_count or not keep_ram

    def hang(self, now_us: int, for_us: int) -> None:
        """Let the firmware do nothing: pins stay, bytes pile up. After `watchdog_us` the watchdog resets it, warm."""
        self._hangs_until_us = now_us + min(for_us, self.settings.watchdog_us)
        self._watchdog_bites = for_us >= self.settings.watchdog_us

    def press_reset_of_estop(self, now_us: int) -> None:
        """Press the board's own button: clears a latched emergency stop whose input is no longer active."""
        if not self._estop_pressed(now_us):
            self.orders.estop_latched = False

    def receive(self, received: bytes, now_us: int) -> None:
        """Take bytes whose last one arrived at `now_us`."""
        if now_us < self._up_us:
            return
        if self._hangs_until_us is not None and now_us < self._hangs_until_us:
            taken = received[: RECEIVE_ROOM - len(self._held)]
            self._overrun += len(received) - len(taken)
            self._held += taken
            return
        try:
            for body in self._decoder.feed(received):
                self.dialogue.take(body, now_us)
            self.orders.advance(now_us)
        except ResetNow as now:
            self.reset(now_us, now.cause, now.keep_ram)

    def advance(self, now_us: int) -> None:
        """Do what is due."""
        if now_us < self._up_us:
            return
        if self._hangs_until_us is not None:
            if now_us < self._hangs_until_us:
                return
            self._wake(now_us)
            if now_us < self._up_us:
                return
        try:
            self.dialogue.advance(now_us)
            self.orders.advance(now_us)
        except ResetNow as now:
            self.reset(now_us, now.cause, now.keep_ram)

    def poll(self, now_us: int) -> bytes:
        """Return the frame that starts to go out now, or nothing while the line is busy or there is none."""
        if now_us < self._free_us or now_us < self._up_us or self._hangs_until_us is not None:
            return b""
        frame, resent = self.dialogue.next_wire(now_us)
        if not frame:
            return b""
        if resent or now_us - self._last_sent_us > IDLE_US:
            frame = b"\0" + frame
        self._free_us = self._last_sent_us = now_us - (-len(frame) * self.settings.byte_ns // 1000)
        return frame

    def next_deadline_us(self) -> int | None:
        """Return when `advance` or `poll` has something to do; None: only a byte or an edge can change that."""
        if self._hangs_until_us is not None:
            return self._hangs_until_us
        soonest = self.orders.next_deadline_us()
        for other_us in (self.dialogue.next_deadline_us(), self.dialogue.speaks_us(self._free_us)):
            if other_us is not None and (soonest is None or other_us < soonest):
                soonest = other_us
        return soonest if soonest is None or soonest > self._up_us else self._up_us

    def input_edge(self, number: int, rising: bool, now_us: int) -> None:
        """Take an edge of an input; a board that is still starting misses it, a hanging one does not."""
        if now_us < self._up_us:
            return
        voice, orders = self.dialogue, self.orders
        if rising:
            edges = orders.journal.edge(number)
            orders.position_valid = orders.position_valid or number == 0
            voice.event(EventKind.RISING, number, edges, 0, now_us)
            if number == self.settings.estop_input:
                orders.estop(ESTOP_BY_INPUT, now_us)
        else:
            voice.event(EventKind.FALLING, number, orders.journal.edges[number], 0, now_us)

    def speed_changed(self) -> None:
        """Take notice that the belt moves at another speed from now on."""
        self.orders.speed_changed()

    def _start(self, up_us: int, cause: Cause, ram: bytearray | None, count_base: int) -> None:
        """Run the firmware from its first instruction at `up_us`."""
        settings = self.settings
        self._up_us = up_us
        self._hangs_until_us = None
        self._watchdog_bites = False
        self._held = b""
        self._overrun = 0
        self._decoder = Decoder()
        boot_id = self._entropy.getrandbits(32)
        journal = Journal(ram, self._entropy)
        clock = BoardClock(up_us, settings.clock_start_us, settings.drift_ppm)
        self.dialogue = Dialogue(settings, boot_id, cause, self._entropy, up_us)
        self.orders = Orders(settings.table, self._machine, clock, journal, self.hooks, self.dialogue)
        self.orders.count_base = count_base
        self.dialogue.orders = self.orders
        if journal.damaged:
            self.dialogue.event(EventKind.FAULT, FAULT_JOURNAL, journal.damaged, 0, up_us)
        if self._estop_pressed(up_us):
            self.orders.estop(ESTOP_BY_INPUT, up_us)

    def _wake(self, now_us: int) -> None:
        """Go on after a hang, or begin anew."""
        self._hangs_until_us = None
        if self._watchdog_bites:
            self.reset(now_us, Cause.WATCHDOG, keep_ram=True)
            return
        held, self._held = self._held, b""
        if self._overrun:
            self.dialogue.event(EventKind.FAULT, FAULT_OVERRUN, self._overrun, 0, now_us)
            self._overrun = 0
        self.receive(held, now_us)

    def _estop_pressed(self, now_us: int) -> bool:
        number = self.settings.estop_input
        return number is not None and bool(self._machine.inputs(now_us) >> number & 1)
