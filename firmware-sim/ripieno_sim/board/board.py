"""The board: resets, sessions, and what goes out when the line is free (docs/link-protocol.md, sections 3, 4 and 7)."""

import random
from dataclasses import dataclass

from ripieno_sim.board.channels import Channel, ChannelKind, config_crc
from ripieno_sim.board.clock import BoardClock
from ripieno_sim.board.journal import RING, Journal
from ripieno_sim.board.machine import Hooks, Machine, NoHooks, ResetNow
from ripieno_sim.board.numbers import MASK32, signed32
from ripieno_sim.board.orders import SAFE_BY_SILENCE, Orders
from ripieno_sim.board.reliable import WINDOW, Arrival, Outgoing, Reliable
from ripieno_sim.board.session import Session
from ripieno_sim.codec import (
    Act,
    Arm,
    Boot,
    Cancel,
    Cause,
    Decoder,
    Done,
    Estop,
    Event,
    EventKind,
    Frame,
    Hello,
    Message,
    Ping,
    Pong,
    Query,
    Reading,
    Sample,
    SetValue,
    State,
    Type,
    Welcome,
    encode,
    open_body,
)

__all__ = ["Board", "BoardSettings"]

PROTO = 1
BOOT_TIMES, BOOT_EVERY_US, BOOT_PAUSE_US = 3, 20_000, 50_000
SILENCE_US = 300_000
IDLE_US = 10_000  # after a longer pause a frame is led in by one zero
ANSWERS_ROOM, EVENTS_ROOM = 64, 32
OWED_KINDS = frozenset({EventKind.SAFE, EventKind.ESTOP, EventKind.FAULT})  # told again until some session confirms
FROM_HOST = frozenset(
    {Type.ACK, Type.NAK, Type.PING, Type.ACT, Type.QUERY, Type.ARM, Type.ESTOP, Type.CANCEL, Type.SET}
)
UNNUMBERED = frozenset({Type.ACK, Type.NAK, Type.PING, Type.ESTOP})
FAULT_OVERRUN, FAULT_EVENTS_LOST, FAULT_JOURNAL = 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSettings:
    """How one board differs from another. `clock_start_us` is what its clock shows after each reset."""

    table: tuple[Channel, ...]
    device_uid: bytes = b"RIPIENO-SIM\0"
    fw_id: int = 0x0001_0000
    baud: int = 1_000_000
    sample_us: int = 20_000
    boot_us: int = 2_000
    clock_start_us: int = 0
    drift_ppm: int = 0
    estop_input: int | None = 2


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
        self.frames_damaged = 0
        self._machine = machine
        self._entropy = entropy
        self._byte_ns = 10_000_000_000 // settings.baud
        self._config_crc = config_crc(settings.table)
        self._tx_free_us = now_us
        self._last_sent_us = now_us - 1_000_000
        self._ram: bytearray | None = None
        self.orders: Orders
        self._start(now_us, Cause.POWER, 0)
        self.orders.count_base = machine.count_at(now_us)

    @property
    def journal(self) -> Journal:
        """The journal of this boot."""
        return self.orders.journal

    @property
    def in_session(self) -> bool:
        """Whether a host has taken up a session since the last reset."""
        return self._session is not None

    def state(self) -> State:
        """Return the `state` field as it is now."""
        orders = self.orders
        return (
            (State.SAFE if orders.safe_latched else State(0))
            | (State.ESTOP if orders.estop_latched else State(0))
            | (State.POSITION_VALID if self._position_valid else State(0))
            | (State.JOURNAL_SURVIVED if orders.journal.survived else State(0))
        )

    def reset(self, now_us: int, cause: Cause, keep_ram: bool, keep_count: bool = True) -> None:
        """Reset: pins fall safe at once, firmware runs again after `boot_us`.

        Args:
            now_us: when.
            cause: what the host is told.
            keep_ram: a warm reset; without it the journal and the count start anew.
            keep_count: with `keep_ram`, whether the encoder went on counting; else the position is not valid until
                the next item starts.
        """
        base = self.orders.count_base
        self.orders.pins.all_safe(now_us)
        self._ram = self.journal.ram if keep_ram else None
        self._start(now_us + self.settings.boot_us, cause, base)
        if not (keep_ram and keep_count):
            self.orders.count_base = self._machine.count_at(now_us)
            self._position_valid = not keep_ram

    def press_reset_of_estop(self, now_us: int) -> None:
        """Press the board's own button: clears a latched emergency stop whose input is no longer active."""
        if not self._estop_pressed(now_us):
            self.orders.estop_latched = False

    def receive(self, received: bytes, now_us: int) -> None:
        """Take bytes whose last one arrived at `now_us`."""
        if now_us < self._up_us:
            return
        try:
            for body in self._decoder.feed(received):
                self._take(body, now_us)
            self.orders.advance(now_us)
        except ResetNow as now:
            self.reset(now_us, now.cause, now.keep_ram)

    def advance(self, now_us: int) -> None:
        """Do what is due."""
        if now_us < self._up_us:
            return
        session = self._session
        try:
            if session is not None:
                if not session.silent and now_us - session.heard_us >= SILENCE_US:
                    session.silent = True
                    self.orders.fall_safe(SAFE_BY_SILENCE, now_us)
                session.reliable.advance(now_us)
            self.orders.advance(now_us)
        except ResetNow as now:
            self.reset(now_us, now.cause, now.keep_ram)

    def poll(self, now_us: int) -> bytes:
        """Return the frame that starts to go out now, or nothing while the line is busy or there is none."""
        if now_us < max(self._tx_free_us, self._up_us):
            return b""
        frame, resent = self._next_wire(now_us)
        if not frame:
            return b""
        if resent or now_us - self._last_sent_us > IDLE_US:
            frame = b"\0" + frame
        self._tx_free_us = now_us - (-len(frame) * self._byte_ns // 1000)
        self._last_sent_us = self._tx_free_us
        return frame

    def next_deadline_us(self) -> int | None:
        """Return when `advance` and `poll` have something to do; None when only a byte or an edge can change that."""
        session = self._session
        soonest = self.orders.next_deadline_us()
        sends_us: int | None = None
        if session is None:
            if self._boots_left:
                sends_us = self._next_boot_us
        else:
            sends_us = session.next_sample_us
            if not session.silent and (soonest is None or session.heard_us + SILENCE_US < soonest):
                soonest = session.heard_us + SILENCE_US
            timer_us = session.reliable.next_deadline_us()
            if timer_us is not None and (soonest is None or timer_us < soonest):
                soonest = timer_us
        if self._something_waits():
            sends_us = self._tx_free_us
        elif sends_us is not None:
            sends_us = max(sends_us, self._tx_free_us)
        if sends_us is not None and (soonest is None or sends_us < soonest):
            soonest = sends_us
        return None if soonest is None else max(soonest, self._up_us)

    def input_edge(self, number: int, rising: bool, now_us: int) -> None:
        """Take an edge of an input; a board that is still starting misses it."""
        if now_us < self._up_us:
            return
        if rising:
            edges = self.journal.edge(number)
            self._position_valid = self._position_valid or number == 0
            self.event(EventKind.RISING, number, edges, 0, now_us)
            if number == self.settings.estop_input:
                self.orders.estop(2, now_us)
        else:
            self.event(EventKind.FALLING, number, self.journal.edges[number], 0, now_us)

    def speed_changed(self) -> None:
        """Take notice that the belt moves at another speed from now on."""
        self.orders.speed_changed()

    def answer(self, told: Done) -> None:
        """Queue a DONE. With no room it is left out: the host asks by QUERY for what it was not told."""
        if self._session is not None:
            self._session.reliable.push(Type.DONE, told)

    def event(self, kind: EventKind, source: int, number: int, value: int, now_us: int) -> None:
        """Queue an EVENT; one without room is counted and reported as a FAULT."""
        orders = self.orders
        event = Event(
            kind, source, orders.clock.at(now_us) & MASK32, signed32(orders.count(now_us)), number & MASK32, value
        )
        if kind in OWED_KINDS:
            self._owed[kind] = event
        if self._session is not None and not self._push_event(self._session, event):
            self._session.lost_events += 1

    def _start(self, up_us: int, cause: Cause, count_base: int) -> None:
        """Run the firmware from its first instruction at `up_us`."""
        self._up_us = up_us
        self._cause = cause
        self._boot_id = self._entropy.getrandbits(32)
        self._decoder = Decoder()
        self._session: Session | None = None
        self._offered: Session | None = None
        self._welcome_owed: Session | None = None
        self._boots_left = BOOT_TIMES
        self._next_boot_us = up_us
        self._last_boot_us = up_us - BOOT_PAUSE_US
        self._position_valid = True
        self._owed: dict[int, Event] = {}
        journal = Journal(self._ram, self._entropy)
        clock = BoardClock(up_us, self.settings.clock_start_us, self.settings.drift_ppm)
        self.orders = Orders(self.settings.table, self._machine, clock, journal, self.hooks, self)
        self.orders.count_base = count_base
        if journal.damaged:
            self.event(EventKind.FAULT, FAULT_JOURNAL, journal.damaged, 0, up_us)
        if self._estop_pressed(up_us):
            self.orders.estop(2, up_us)

    def _estop_pressed(self, now_us: int) -> bool:
        number = self.settings.estop_input
        return number is not None and bool(self._machine.inputs(now_us) >> number & 1)

    def _take(self, body: bytes | None, now_us: int) -> None:
        session, offered = self._session, self._offered
        if body is not None:
            if session is not None and (frame := open_body(body, session.token)) is not None:
                self._in_session(session, frame, now_us)
                return
            if offered is not None and (frame := open_body(body, offered.token)) is not None:
                if frame.kind in FROM_HOST:
                    self._take_over(offered, now_us)
                    self._in_session(offered, frame, now_us)
                return
            if (frame := open_body(body, 0)) is not None and isinstance(frame.message, Hello):
                self._hello(frame.message, now_us)
                return
        self.frames_damaged += 1
        if session is not None:
            self._object(session)
        elif not self._boots_left:
            self._boots_left = 1
            self._next_boot_us = max(now_us, self._last_boot_us + BOOT_PAUSE_US)

    def _hello(self, hello: Hello, now_us: int) -> None:
        for known in (self._session, self._offered):
            if known is not None and known.nonce == hello.host_nonce:
                self._welcome_owed = known
                return
        token = 0
        while token in (0, self._session.token if self._session is not None else 0):
            token = self._entropy.getrandbits(32)
        orders, journal = self.orders, self.journal
        welcome = Welcome(
            proto=PROTO,
            ring=RING // 16,
            state=self.state(),
            host_nonce=hello.host_nonce,
            device_uid=self.settings.device_uid,
            boot_id=self._boot_id,
            token=token,
            last_cmd_id=journal.last_cmd_id,
            journal_epoch=journal.epoch,
            now_us=orders.clock.at(now_us) & MASK32,
            position=signed32(orders.count(now_us)),
            edges=journal.edges[0],
            fw_id=self.settings.fw_id,
            config_crc=self._config_crc,
            reset_cause=self._cause,
            window=WINDOW,
        )
        reliable = Reliable(self._byte_ns, ANSWERS_ROOM + EVENTS_ROOM)
        self._offered = self._welcome_owed = Session(hello.host_nonce, token, welcome, reliable)

    def _take_over(self, session: Session, now_us: int) -> None:
        """Let the old session die: its commands are taken back, and nobody is told in the new one unless it asks."""
        self._session = None
        self.orders.cancel_all()
        self._session, self._offered = session, None
        self._boots_left = 0
        session.next_sample_us = now_us + self.settings.sample_us
        for event in self._owed.values():
            self._push_event(session, event)

    def _in_session(self, session: Session, frame: Frame, now_us: int) -> None:
        kind, seq, ack, message = frame
        if kind not in FROM_HOST:
            return  # our own bytes, thrown back by the line
        session.heard_us, session.silent = now_us, False
        for confirmed in session.reliable.acknowledge(ack, now_us):
            event = confirmed.message
            if isinstance(event, Event) and self._owed.get(event.kind) == event:
                del self._owed[event.kind]
        if kind in UNNUMBERED:
            if isinstance(message, Ping):
                session.pings = [*session.pings[-3:], message.tag]
            elif isinstance(message, Estop):
                session.estops_owed = [message.reason]
                self.orders.estop(1, now_us)
            elif kind == Type.NAK:
                session.reliable.reject(now_us)
            return
        arrival = session.reliable.arrival(seq)
        if arrival is Arrival.AHEAD:
            self._object(session)
            return
        session.ack_owed = True
        if arrival is Arrival.IN_ORDER:
            session.nak_sent = session.nak_owed = False
            self._obey(session, message, now_us)

    def _obey(self, session: Session, message: Message | None, now_us: int) -> None:
        if isinstance(message, Act):
            self.orders.act(message, now_us)
        elif isinstance(message, SetValue):
            self.orders.set_value(message, now_us)
        elif isinstance(message, Query):
            session.reliable.push(Type.STATUS, self.orders.query(message.cmd_id))
        elif isinstance(message, Cancel):
            self.orders.cancel(message.cmd_id)
        elif isinstance(message, Arm):
            self.orders.arm(message.mask, now_us)

    def _object(self, session: Session) -> None:
        """Send one NAK, until progress is made."""
        if not session.nak_sent:
            session.nak_sent = session.nak_owed = True

    def _push_event(self, session: Session, event: Event) -> bool:
        if session.reliable.waiting(Type.EVENT) >= EVENTS_ROOM:
            return False
        return session.reliable.push(Type.EVENT, event)

    def _something_waits(self) -> bool:
        session = self._session
        if self._welcome_owed is not None:
            return True
        return session is not None and bool(
            session.ack_owed or session.nak_owed or session.pings or session.estops_owed or session.reliable.has_frame()
        )

    def _next_wire(self, now_us: int) -> tuple[bytes, bool]:
        """Return the most urgent frame, and whether it is sent again."""
        session = self._session
        if session is not None and session.estops_owed:
            return self._sealed(session, Type.ESTOP, Estop(session.estops_owed.pop())), False
        if (offered := self._welcome_owed) is not None:
            self._welcome_owed = None
            return encode(Type.WELCOME, 0, 0, offered.welcome, 0), False
        if session is None:
            return self._boot_frame(now_us), False
        if session.pings:
            orders = self.orders
            clock_us, count = orders.clock.at(now_us) & MASK32, signed32(orders.count(now_us))
            pong = Pong(session.pings.pop(0), clock_us, count, self.state(), orders.armed)
            return self._sealed(session, Type.PONG, pong), False
        if session.nak_owed:
            session.nak_owed = False
            return self._sealed(session, Type.NAK, None), False
        if (outgoing := self._numbered(session, now_us)) is not None:
            wire = self._sealed(session, outgoing.kind, outgoing.message, outgoing.seq)
            return wire, outgoing.sent_times > 1
        if now_us >= session.next_sample_us:
            session.next_sample_us = now_us + self.settings.sample_us
            return self._sealed(session, Type.SAMPLE, self._sample(now_us)), False
        return (self._sealed(session, Type.ACK, None), False) if session.ack_owed else (b"", False)

    def _numbered(self, session: Session, now_us: int) -> Outgoing | None:
        if session.lost_events and session.reliable.waiting(Type.EVENT) < EVENTS_ROOM // 2:
            lost, session.lost_events = session.lost_events, 0
            self.event(EventKind.FAULT, FAULT_EVENTS_LOST, lost, 0, now_us)
        return session.reliable.next_frame(now_us)

    def _sealed(self, session: Session, kind: int, message: Message | None, seq: int = 0) -> bytes:
        session.ack_owed = False
        return encode(kind, seq, session.reliable.expected, message, session.token)

    def _boot_frame(self, now_us: int) -> bytes:
        if not self._boots_left or now_us < self._next_boot_us:
            return b""
        self._boots_left -= 1
        self._last_boot_us = now_us
        self._next_boot_us = now_us + BOOT_EVERY_US
        return encode(Type.BOOT, 0, 0, Boot(self._boot_id, self._cause), 0)

    def _sample(self, now_us: int) -> Sample:
        orders = self.orders
        readings = tuple(
            Reading(c.number, orders.pins.values[c.number])
            for c in self.settings.table
            if c.kind is ChannelKind.SETPOINT
        )
        return Sample(
            now_us=orders.clock.at(now_us) & MASK32,
            position=signed32(orders.count(now_us)),
            edges=self.journal.edges[0],
            state=self.state(),
            armed=orders.armed,
            inputs=self._machine.inputs(now_us),
            outputs=orders.pins.mask(),
            readings=readings[:8],
        )
