"""The host's end of the link, without I/O, clock or loop; docs/link-protocol.md.

    asking --WELCOME from the right board--> opening --first PONG, so that the clock is known--> up
    opening, up --350 ms of silence, BOOT of another boot_id, senseless acknowledgements--> asking

Whoever runs it hands in what was read with `receive` (also with nothing: time passes there), writes what `poll`
returns and comes
back at `next_deadline`. Times are host us on one rising clock.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from typing import Final

from . import codec, messages
from .boardclock import BoardClock, nearest, signed
from .events import Answered, Down, Event, Happened, Refused, Sampled, Slowed, Stopped, Synced, Up
from .handshake import Handshake
from .messages import ESTOP_LATCHED, POSITION_VALID, ActArgs, EventKind, Welcome
from .pings import Pings
from .slowness import Slowness
from .window import Outbound, Receiver, Sender

SILENCE_US: Final = 350_000
IDLE_US: Final = 10_000
"""After so long without sending, one extra zero goes first: it ends what noise has begun (section 1)."""
ESTOP_US: Final = 10_000
HELD: Final = 256
"""Frames that come before the first PONG wait for it: until then board times mean nothing. The oldest go first;
edges are numbered.
"""
_EVENT_KINDS: Final = frozenset(EventKind)


class Stage(enum.Enum):
    ASKING = "asking"
    OPENING = "opening"
    UP = "up"


class Link:
    """One board on one line. `nonce` gives 32 unpredictable bits; `uid`, `config_crc`: None takes any board."""

    def __init__(
        self, *, baud: int, nonce: Callable[[], int], uid: bytes | None = None, config_crc: int | None = None
    ) -> None:
        self._byte_us = 10e6 / baud
        self._decoder = codec.Decoder()
        self._handshake = Handshake(nonce, uid, config_crc)
        self._stage = Stage.ASKING
        self._events: list[Event] = []
        self._out = bytearray()
        self._sent_us: int | None = None
        self._busy_until_us = 0.0
        self._heard_us = 0
        self._sampled_us: int | None = None
        self._sender = Sender(self._byte_us)
        self._receiver = Receiver()
        self._pings = Pings(0)
        self._synced = False
        self._held: deque[tuple[codec.Frame, int]] = deque(maxlen=HELD)
        self._estop: int | None = None
        self._estop_us = 0
        self.clock = BoardClock()
        self.slowness = Slowness()
        self.welcome: Welcome | None = None
        self.boot = 0
        """Rises with each boot of a board that is met; board times of another boot mean nothing."""
        self.count = 0
        """The newest count, 64 bits; it goes on over sessions as long as the journal epoch is the same."""
        self.state = 0
        self.armed = 0
        self.frames_heard = 0
        """Whole frames, since the start."""
        self.frames_damaged = 0
        """Frames of the board that came damaged while a session was up, since the start."""
        self.frames_resent = 0
        """Reliable frames of ours that were sent again, since the start."""
        self.frames_refused = 0
        """How often the board found one of ours damaged or missing, since the start."""
        self.acts_polled: list[tuple[int, int]] = []
        """(offset, cmd_id) of each ACT whose first byte stands in what the last `poll` returned."""

    @property
    def is_up(self) -> bool:
        return self._stage is Stage.UP

    @property
    def is_synced(self) -> bool:
        return self.is_up and self._synced

    @property
    def is_stopped(self) -> bool:
        """Whether an emergency stop is latched on the board or asked for here."""
        return self._estop is not None or bool(self.state & ESTOP_LATCHED)

    @property
    def is_refused(self) -> bool:
        """Whether the board that answered last was not the right one."""
        return self._handshake.is_refused

    @property
    def is_idle(self) -> bool:
        """Whether everything reliable has been acknowledged."""
        return self._sender.is_idle

    @property
    def room(self) -> int:
        """How many reliable frames may still be queued."""
        return self._sender.room

    # What the host asks for: False where there is no session or no room; nothing is then queued.

    def act(self, cmd_id: int, args: ActArgs) -> bool:
        """Queue an ACT. Its intent must be durable already (section 5 rule 1)."""
        return self._reliable(Outbound(codec.ACT, messages.act(cmd_id, args), cmd_id))

    def cancel(self, cmd_id: int) -> bool:
        return self._reliable(Outbound(codec.CANCEL, messages.command(cmd_id)))

    def query(self, cmd_id: int) -> bool:
        return self._reliable(Outbound(codec.QUERY, messages.command(cmd_id)))

    def arm(self, mask: int) -> bool:
        return self._reliable(Outbound(codec.ARM, messages.arm(mask)))

    def set(self, channel: int, value: int, lease_ms: int) -> bool:
        """Queue a SET; one that still waits for the same channel is replaced, the newest counts."""
        payload = messages.setpoint(channel, value, lease_ms)
        if self.is_up and self._sender.replace(codec.SET, payload[:1], payload):
            return True
        return self._reliable(Outbound(codec.SET, payload))

    def estop(self, reason: int) -> None:
        """Repeat ESTOP every 10 ms, in this session and the next ones, until the board confirms it."""
        self._estop, self._estop_us = reason & 0xFF, 0

    def lost(self, now_us: int, why: str) -> list[Event]:
        """The line itself is gone: end the session and forget half-received bytes."""
        self._decoder = codec.Decoder()
        self._busy_until_us = 0.0
        self._handshake.another_line()
        self._end(now_us, why)
        return self._taken()

    def receive(self, received: bytes, now_us: int) -> list[Event]:
        """Take what was read (or nothing, to let time pass) and return what came of it. Never raises on noise."""
        for body in self._decoder.feed(received):
            token = self.welcome.token if self.welcome and self._stage is not Stage.ASKING else 0
            frame = codec.open_body(body, token) if body is not None else None
            if frame is None:
                if self._stage is not Stage.ASKING:
                    self.frames_damaged += 1
                    self._receiver.damaged()
                continue
            self.frames_heard += 1
            if frame.type in codec.SESSIONLESS:
                self._sessionless(frame, now_us)
            elif not messages.fits(frame.type, frame.payload):
                self._receiver.damaged()
            else:
                self._of_session(frame, now_us)
        if self._stage is not Stage.ASKING:
            if now_us - self._heard_us >= SILENCE_US:
                self._end(now_us, f"silent for {SILENCE_US // 1000} ms")
            elif self._sender.is_lost:
                self._end(now_us, "its acknowledgements make no sense (an echo on the line?)")
        return self._taken()

    def poll(self, now_us: int) -> bytes:
        """Return what must be written now, in this order; at most a window of frames and a few small ones."""
        self._out.clear()
        self.acts_polled.clear()
        if self._stage is Stage.ASKING:
            if (hello := self._handshake.hello(now_us)) is not None:
                self._emit(codec.HELLO, 0, hello, now_us)
            return bytes(self._out)
        if self._estop is not None and now_us >= self._estop_us:
            self._emit(codec.ESTOP, 0, messages.estop(self._estop), now_us)
            self._estop_us = now_us + ESTOP_US
        if due := self._sender.due(now_us):
            for seq, outbound, is_resend in due:
                self.frames_resent += is_resend
                if outbound.cmd_id and not is_resend:
                    self.acts_polled.append((len(self._out), outbound.cmd_id))
                self._emit(outbound.type, seq, outbound.payload, now_us, is_resend=is_resend)
            self._sender.left(self._busy_until_us)
        if self._receiver.owes_nak:
            self._receiver.owes_nak = False
            self._emit(codec.NAK, 0, b"", now_us)
        if self._ping_us() <= now_us:
            self._emit(codec.PING, 0, messages.ping(self._pings.send(now_us)), now_us)
        if self._receiver.owes_ack:
            self._emit(codec.ACK, 0, b"", now_us)
        return bytes(self._out)

    def next_deadline(self, now_us: int) -> int | None:
        """Return when to come back with `receive` and `poll` if nothing is read before."""
        if self._stage is Stage.ASKING:
            return self._handshake.ask_at_us
        if self._receiver.owes_ack or self._receiver.owes_nak:
            return now_us
        deadline = min(float(self._heard_us + SILENCE_US), self._ping_us())
        if self._estop is not None:
            deadline = min(deadline, self._estop_us)
        if (resend := self._sender.next_deadline(now_us)) is not None:
            deadline = min(deadline, resend)
        return -int(-deadline // 1)

    def _ping_us(self) -> float:
        """A PING of the burst waits for the line to be free: on a slow one it would only queue behind the one
        before.
        """
        return max(float(self._pings.next_us), self._busy_until_us if not self._pings.burst_done else 0.0)

    def _emit(self, type_: int, seq: int, payload: bytes, now_us: int, *, is_resend: bool = False) -> None:
        before = len(self._out)
        if is_resend or self._sent_us is None or now_us - self._sent_us > IDLE_US:
            self._out.append(0)
        sessionless = type_ in codec.SESSIONLESS
        token = self.welcome.token if self.welcome and not sessionless else 0
        self._out += codec.encode(type_, seq, 0 if sessionless else self._receiver.expected, payload, token)
        self._sent_us = now_us
        self._busy_until_us = max(self._busy_until_us, now_us) + (len(self._out) - before) * self._byte_us
        if not sessionless:
            self._receiver.told()

    def _reliable(self, frame: Outbound) -> bool:
        return self.is_up and self._sender.queue(frame)

    def _taken(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _sessionless(self, frame: codec.Frame, now_us: int) -> None:
        if frame.type == codec.WELCOME and self._stage is Stage.ASKING:
            answer = self._handshake.take(frame.payload)
            if isinstance(answer, str):
                self._events.append(Refused(answer))
            elif answer is not None:
                self._begin(answer, now_us)
        elif frame.type == codec.BOOT and messages.fits(codec.BOOT, frame.payload):
            if self._stage is Stage.ASKING:
                self._handshake.booted(now_us)
            elif self.welcome and messages.unpack_boot(frame.payload).boot_id != self.welcome.boot_id:
                self._end(now_us, "the board was reset")

    def _begin(self, welcome: Welcome, now_us: int) -> None:
        before = self.welcome
        same_journal = before is not None and before.journal_epoch == welcome.journal_epoch
        self.count = nearest(welcome.count, self.count) if same_journal else welcome.count
        self.welcome = welcome
        self.state, self.armed = welcome.state, 0
        self._stage = Stage.OPENING
        self._heard_us = now_us
        self._sampled_us = None
        self._synced = False
        self._held.clear()
        self._sender, self._receiver, self._pings = Sender(self._byte_us), Receiver(), Pings(now_us)
        same_board = before is not None and before.device_uid == welcome.device_uid
        same_boot = before is not None and before.boot_id == welcome.boot_id
        if not (same_boot and self.clock.goes_on(welcome.now_us, now_us)):
            self.boot += 1
        self.clock.begin(welcome.now_us, now_us, same_board=same_board)

    def _end(self, now_us: int, why: str) -> None:
        if self._stage is Stage.UP:
            self._events.append(Down(why))
        self._stage = Stage.ASKING
        self._sender, self._receiver = Sender(self._byte_us), Receiver()
        self._sent_us = None
        self.armed = 0
        self._handshake.begin(now_us)

    def _of_session(self, frame: codec.Frame, now_us: int) -> None:
        if frame.type not in _FROM_BOARD:
            return  # an echo of our own is no sign of the board's life
        self._heard_us = now_us
        if frame.type == codec.NAK:
            self.frames_refused += 1
            self._sender.refused(frame.ack, now_us)
        else:
            self._sender.acknowledged(frame.ack, now_us)
        if frame.type == codec.PONG:
            self._ponged(messages.unpack_pong(frame.payload), now_us)
        elif frame.type == codec.ESTOP:
            self._estop, self.armed = None, 0
            self.state |= ESTOP_LATCHED
            self._events.append(Stopped(frame.payload[0]))
        elif frame.type in codec.RELIABLE and not self._receiver.takes(frame.seq):
            return
        elif self._stage is Stage.OPENING:
            self._held.append((frame, now_us))
        else:
            self._told(frame, now_us)

    def _told(self, frame: codec.Frame, now_us: int) -> None:
        """A frame with board times in it; the clock is known."""
        if frame.type in (codec.DONE, codec.STATUS):
            answer = messages.unpack_answer(frame.payload)
            at_us = self.clock.host_us_of(answer.t_actual_us, now_us)
            count = nearest(answer.count, self.count)
            self._events.append(Answered(answer.cmd_id, answer.status, answer.args_crc, at_us, count))
        elif frame.type == codec.EVENT:
            self._happened(messages.unpack_event(frame.payload), now_us)
        elif frame.type == codec.SAMPLE:
            self._sampled(messages.unpack_sample(frame.payload), now_us)

    def _ponged(self, pong: messages.Pong, now_us: int) -> None:
        self.state, self.armed = pong.state, pong.armed
        self.count = nearest(pong.count, self.count)
        sent_us = self._pings.answered(pong.tag, now_us)
        if sent_us is None:
            return
        self.clock.exchanged(sent_us, now_us, pong.now_us)
        if self._pings.burst_done and self.slowness.exchanged(now_us - sent_us):
            self._events.append(Slowed(self.slowness.why))
        if self._stage is Stage.OPENING and self.welcome:
            self._stage = Stage.UP
            self._events.append(Up(self.welcome))
            for frame, at_us in self._held:
                self._told(frame, at_us)
            self._held.clear()
        if self._pings.burst_done and not self._synced:
            self._synced = True
            self._events.append(Synced(self.clock.uncertainty_us or 0))

    def _sampled(self, sample: messages.Sample, now_us: int) -> None:
        if self._sampled_us is not None and signed(sample.now_us - self._sampled_us) <= 0:
            return
        self._sampled_us = sample.now_us
        self.state, self.armed = sample.state, sample.armed
        self.count = nearest(sample.count, self.count)
        at_us = self.clock.host_us_of(sample.now_us, now_us)
        valid = bool(sample.state & POSITION_VALID)
        self._events.append(
            Sampled(at_us, self.count, sample.edges, valid, sample.inputs, sample.outputs, sample.channels)
        )

    def _happened(self, event: messages.BoardEvent, now_us: int) -> None:
        if event.kind not in _EVENT_KINDS:
            return
        kind = EventKind(event.kind)
        if kind is EventKind.ARMED:
            self.armed = event.number
        elif kind in (EventKind.SAFE, EventKind.ESTOP):
            self.armed = 0
            self.state |= ESTOP_LATCHED if kind is EventKind.ESTOP else messages.SAFE_LATCHED
        at_us, count = self.clock.host_us_of(event.t_us, now_us), nearest(event.count, self.count)
        self._events.append(Happened(kind, event.source, at_us, count, event.number, event.value))


_FROM_BOARD: Final = frozenset(
    {codec.ACK, codec.NAK, codec.PONG, codec.SAMPLE, codec.DONE, codec.STATUS, codec.EVENT, codec.ESTOP}
)
