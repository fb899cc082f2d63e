"""A small host for tests of the simulation: one reliable frame at a time, rules 1 to 5 of section 5, no more."""

import random
from dataclasses import dataclass

from ripieno_sim.codec import (
    Act,
    Arm,
    Boot,
    Decoder,
    Done,
    Event,
    Frame,
    Hello,
    Message,
    Ping,
    Query,
    Status,
    Type,
    Welcome,
    encode,
    open_body,
)
from ripieno_sim.codec.messages import RELIABLE

RESEND_US, PING_US, HELLO_US, SILENCE_US, ASK_US = 40_000, 100_000, 25_000, 350_000, 200_000
NOT_RUN = {Status.NONE, Status.LATE, Status.SAFE, Status.FULL, Status.CANCELLED, Status.REFUSED}


@dataclass
class Intent:
    """What is durable of a command; it survives a restart of the host."""

    act: Act
    epoch: int
    sent: bool = False
    outcome: str | None = None
    ask_us: int = 0


class SmallHost:
    """Bytes in, bytes out; `restart` keeps the intents alone."""

    def __init__(self, draw: random.Random) -> None:
        self.intents: dict[int, Intent] = {}
        self.open: dict[int, Intent] = {}
        self.events: list[Event] = []
        self.sessions = 0
        self._draw = draw
        self.restart(0)

    @property
    def is_up(self) -> bool:
        return self.token != 0

    def restart(self, now_us: int) -> None:
        """Forget everything that is not durable."""
        self.token = 0
        self.nonce = self._draw.getrandbits(32)
        self.hello_us = now_us
        self.heard_us = now_us
        self.decoder = Decoder()
        self.queue: list[tuple[int, Message]] = []
        self.seq = self.expected = 0
        self.resend_us: int | None = None
        self.ping_us = now_us
        self.out = b""

    def order(self, act: Act) -> int:
        """Make an intent and send it; the id is the host's choice."""
        cmd_id = max(self.last_id, *self.intents, 0) + 1 if self.intents else self.last_id + 1
        self.intents[cmd_id] = self.open[cmd_id] = Intent(act._replace(cmd_id=cmd_id), self.epoch)
        self.queue.append((Type.ACT, self.intents[cmd_id].act))
        return cmd_id

    def tell(self, kind: int, message: Message) -> None:
        """Queue a reliable frame."""
        self.queue.append((kind, message))

    def receive(self, received: bytes, now_us: int) -> None:
        for body in self.decoder.feed(received):
            frame = open_body(body, self.token) if body and self.token else None
            if frame is not None:
                self._in_session(frame, now_us)
            elif body and (frame := open_body(body, 0)) is not None:
                if isinstance(frame.message, Welcome) and not self.token and frame.message.host_nonce == self.nonce:
                    self._begin(frame.message, now_us)
                elif isinstance(frame.message, Boot) and self.token:
                    self.restart(now_us)

    def poll(self, now_us: int) -> bytes:
        """Return what goes out now."""
        if self.token and now_us - self.heard_us >= SILENCE_US:
            self.restart(now_us)
        if not self.token:
            if now_us >= self.hello_us:
                self.hello_us = now_us + HELLO_US
                self.out += b"\0" + encode(Type.HELLO, 0, 0, Hello(1, 0, self.nonce), 0)
        else:
            self._ask(now_us)
            if now_us >= self.ping_us:
                self.ping_us = now_us + PING_US
                self._say(Type.PING, Ping(now_us & 0xFFFF))
            if self.queue and (self.resend_us is None or now_us >= self.resend_us):
                kind, message = self.queue[0]
                if isinstance(message, Act):
                    self.intents[message.cmd_id].sent = True
                    self.intents[message.cmd_id].ask_us = now_us + 5 * ASK_US
                if self.resend_us is not None:
                    self.out += b"\0"
                self._say(kind, message, self.seq)
                self.resend_us = now_us + RESEND_US
        out, self.out = self.out, b""
        return out

    def next_deadline_us(self) -> int:
        if not self.token:
            return self.hello_us
        soonest = min(self.ping_us, self.heard_us + SILENCE_US)
        return soonest if self.resend_us is None else min(soonest, self.resend_us)

    def _say(self, kind: int, message: Message | None, seq: int = 0) -> None:
        self.out += encode(kind, seq, self.expected, message, self.token)

    def _begin(self, welcome: Welcome, now_us: int) -> None:
        self.sessions += 1
        self.token, self.epoch, self.last_id = welcome.token, welcome.journal_epoch, welcome.last_cmd_id
        self.heard_us = self.ping_us = now_us
        self.queue = [(Type.ARM, Arm(3))]
        self.seq = self.expected = 0
        self.resend_us = None
        for intent in list(self.open.values()):
            if not intent.sent:
                self._settle(intent, "NOT_EXECUTED")
            elif intent.epoch != self.epoch:
                self._settle(intent, "IN_DOUBT")
            else:
                intent.ask_us = now_us

    def _in_session(self, frame: Frame, now_us: int) -> None:
        self.heard_us = now_us
        if self.resend_us is not None and frame.ack == (self.seq + 1) & 0xFF:
            self.seq = frame.ack
            self.queue.pop(0)
            self.resend_us = None
        if frame.kind not in RELIABLE:
            return
        if frame.seq == self.expected:
            self.expected = (self.expected + 1) & 0xFF
            if isinstance(frame.message, Done):
                self._heard(frame.message)
            elif isinstance(frame.message, Event):
                self.events.append(frame.message)
        self._say(Type.ACK, None)

    def _heard(self, told: Done) -> None:
        intent = self.intents.get(told.cmd_id)
        if intent is None or told.status == Status.PENDING:
            return
        if told.status == Status.DONE:
            self._settle(intent, "EXECUTED")
        else:
            self._settle(intent, "NOT_EXECUTED" if told.status in NOT_RUN else "IN_DOUBT")

    def _settle(self, intent: Intent, outcome: str) -> None:
        intent.outcome = intent.outcome or outcome
        self.open.pop(intent.act.cmd_id, None)

    def _ask(self, now_us: int) -> None:
        for cmd_id, intent in self.open.items():
            if intent.sent and now_us >= intent.ask_us and len(self.queue) < 20:
                intent.ask_us = now_us + ASK_US
                self.queue.append((Type.QUERY, Query(cmd_id)))
