"""What the board says and hears in one boot: handshake, sessions, events, and the most urgent frame next.

docs/link-protocol.md, sections 3, 4 and 7. Nothing here knows when the wire is free: the board asks for one frame at
a time.
"""

import random

from ripieno_sim.board.channels import ChannelKind, config_crc
from ripieno_sim.board.journal import RING
from ripieno_sim.board.numbers import MASK32, signed32
from ripieno_sim.board.orders import SAFE_BY_SILENCE, Orders
from ripieno_sim.board.reliable import WINDOW, Arrival, Outgoing, Reliable
from ripieno_sim.board.session import Session
from ripieno_sim.board.settings import BoardSettings
from ripieno_sim.codec import (
    Act,
    Arm,
    Boot,
    Cancel,
    Cause,
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
    Type,
    Welcome,
    encode,
    open_body,
)

__all__ = ["Dialogue"]

PROTO = 1
BOOT_TIMES, BOOT_EVERY_US, BOOT_PAUSE_US = 3, 20_000, 50_000
SILENCE_US = 300_000
ANSWERS_ROOM, EVENTS_ROOM = 64, 32
OWED_KINDS = frozenset({EventKind.SAFE, EventKind.ESTOP, EventKind.FAULT})  # told again until some session confirms
FROM_HOST = frozenset(
    {Type.ACK, Type.NAK, Type.PING, Type.ACT, Type.QUERY, Type.ARM, Type.ESTOP, Type.CANCEL, Type.SET}
)
UNNUMBERED = frozenset({Type.ACK, Type.NAK, Type.PING, Type.ESTOP})
FAULT_EVENTS_LOST = 2


class Dialogue:
    """The board's end of every session of one boot; Orders reports through `answer` and `event`.

    Args:
        settings: the board's.
        boot_id: of this boot.
        cause: of this boot.
        entropy: where tokens come from.
        up_us: when this boot's firmware begins to run.
    """

    orders: Orders

    def __init__(self, settings: BoardSettings, boot_id: int, cause: Cause, entropy: random.Random, up_us: int) -> None:
        self.frames_damaged = 0
        self._settings = settings
        self._boot_id = boot_id
        self._cause = cause
        self._entropy = entropy
        self._session: Session | None = None
        self._offered: Session | None = None
        self._welcome_owed: Session | None = None
        self._boots_left = BOOT_TIMES
        self._next_boot_us = up_us
        self._last_boot_us = up_us - BOOT_PAUSE_US
        self._owed: dict[int, Event] = {}

    @property
    def in_session(self) -> bool:
        """Whether a host has taken up a session in this boot."""
        return self._session is not None

    def take(self, body: bytes | None, now_us: int) -> None:
        """Take a body of the decoder, or what was none."""
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

    def advance(self, now_us: int) -> None:
        """Notice silence, and let the timer of unconfirmed frames run out."""
        session = self._session
        if session is not None:
            if not session.silent and now_us - session.heard_us >= SILENCE_US:
                session.silent = True
                self.orders.fall_safe(SAFE_BY_SILENCE, now_us)
            session.reliable.advance(now_us)

    def next_deadline_us(self) -> int | None:
        """Return when `advance` has something to do."""
        session = self._session
        if session is None:
            return None
        timer_us = session.reliable.next_deadline_us()
        if session.silent:
            return timer_us
        silence_us = session.heard_us + SILENCE_US
        return silence_us if timer_us is None or silence_us < timer_us else timer_us

    def speaks_us(self, free_us: int) -> int | None:
        """Return when `next_wire` has a frame, on a wire that is free at `free_us`."""
        session = self._session
        if self._welcome_owed is not None:
            return free_us
        if session is None:
            return max(free_us, self._next_boot_us) if self._boots_left else None
        if session.ack_owed or session.nak_owed or session.pings or session.estops_owed or session.reliable.has_frame():
            return free_us
        return max(free_us, session.next_sample_us)

    def next_wire(self, now_us: int) -> tuple[bytes, bool]:
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
            pong = Pong(session.pings.pop(0), clock_us, count, orders.state(), orders.armed)
            return self._sealed(session, Type.PONG, pong), False
        if session.nak_owed:
            session.nak_owed = False
            return self._sealed(session, Type.NAK, None), False
        if (outgoing := self._numbered(session, now_us)) is not None:
            wire = self._sealed(session, outgoing.kind, outgoing.message, outgoing.seq)
            return wire, outgoing.sent_times > 1
        if now_us >= session.next_sample_us:
            session.next_sample_us = now_us + self._settings.sample_us
            return self._sealed(session, Type.SAMPLE, self._sample(now_us)), False
        return (self._sealed(session, Type.ACK, None), False) if session.ack_owed else (b"", False)

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

    def _hello(self, hello: Hello, now_us: int) -> None:
        for known in (self._session, self._offered):
            if known is not None and known.nonce == hello.host_nonce:
                self._welcome_owed = known
                return
        token = 0
        while token in (0, self._session.token if self._session is not None else 0):
            token = self._entropy.getrandbits(32)
        orders, journal = self.orders, self.orders.journal
        welcome = Welcome(
            proto=PROTO,
            ring=RING // 16,
            state=orders.state(),
            host_nonce=hello.host_nonce,
            device_uid=self._settings.device_uid,
            boot_id=self._boot_id,
            token=token,
            last_cmd_id=journal.last_cmd_id,
            journal_epoch=journal.epoch,
            now_us=orders.clock.at(now_us) & MASK32,
            position=signed32(orders.count(now_us)),
            edges=journal.edges[0],
            fw_id=self._settings.fw_id,
            config_crc=config_crc(self._settings.table),
            reset_cause=self._cause,
            window=WINDOW,
        )
        reliable = Reliable(self._settings.byte_ns, ANSWERS_ROOM + EVENTS_ROOM)
        self._offered = self._welcome_owed = Session(hello.host_nonce, token, welcome, reliable)

    def _take_over(self, session: Session, now_us: int) -> None:
        """Let the old session die: its commands are taken back, and nobody is told in the new one unless it asks."""
        self._session = None
        self.orders.cancel_all()
        self._session, self._offered = session, None
        self._boots_left = 0
        session.next_sample_us = now_us + self._settings.sample_us
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
            for c in self._settings.table
            if c.kind is ChannelKind.SETPOINT
        )
        return Sample(
            now_us=orders.clock.at(now_us) & MASK32,
            position=signed32(orders.count(now_us)),
            edges=orders.journal.edges[0],
            state=orders.state(),
            armed=orders.armed,
            inputs=orders.inputs(now_us),
            outputs=orders.pins.mask(),
            readings=readings[:8],
        )
