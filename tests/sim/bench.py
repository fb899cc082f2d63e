"""A bare board on the bench: no line, a machine of a few lines, and a hand at the other end of the wire."""

from dataclasses import dataclass, field

from ripieno_sim.board import Board, BoardSettings, Hooks, ResetNow, Step
from ripieno_sim.codec import (
    Act,
    Arm,
    Decoder,
    Done,
    Event,
    EventKind,
    Frame,
    Hello,
    Message,
    Ping,
    Status,
    Trigger,
    Type,
    Welcome,
    encode,
    open_body,
)
from ripieno_sim.plant import CHANNELS, FLOW, GATE
from ripieno_sim.plant.belt import Belt, Motion
from ripieno_sim.seeds import stream

ANSWERS = (Type.DONE, Type.STATUS, Type.EVENT)


@dataclass
class BenchMachine:
    """A belt that moves 5 counts in a millisecond, and a list of what the pins did."""

    belt: Belt = field(default_factory=lambda: Belt(Motion(disturb=False), stream(1, "bench")))
    done: list[tuple[int, int, int | None, int]] = field(default_factory=list)
    levels: int = 0

    def count_at(self, now_us: int) -> int:
        return self.belt.count_at(now_us)

    def time_of_count(self, count: int) -> int | None:
        return self.belt.time_of_count(count)

    def inputs(self, now_us: int) -> int:
        return self.levels

    def output(self, channel: int, value: int, cmd_id: int | None, t_us: int) -> None:
        self.done.append((channel, value, cmd_id, t_us))

    def pulses(self, cmd_id: int) -> int:
        """Return how often the pin moved for a command."""
        return sum(1 for each in self.done if each[2] == cmd_id)


class CutAt:
    """Reset once, at one step."""

    def __init__(self, step: Step, keep_ram: bool = True) -> None:
        self.step: Step | None = step
        self.keep_ram = keep_ram

    def at(self, step: Step, cmd_id: int) -> None:
        if step is self.step:
            self.step = None
            raise ResetNow(keep_ram=self.keep_ram)


class Bench:
    """A board and the host's end of a perfect wire without length."""

    def __init__(self, hooks: Hooks | None = None, settings: BoardSettings | None = None) -> None:
        self.machine = BenchMachine()
        self.machine.belt.start(0)
        self.board = Board(settings or BoardSettings(table=CHANNELS), self.machine, stream(1, "board"), hooks=hooks)
        self.now_us = 0
        self.token = 0
        self.seq = self.expected = 0
        self.acknowledging = True
        self.frames: list[Frame] = []
        self.nonce = 100
        self._decoder = Decoder()

    @property
    def welcome(self) -> Welcome:
        """The last WELCOME."""
        return next(f.message for f in reversed(self.frames) if isinstance(f.message, Welcome))

    def hello(self) -> Welcome:
        """Ask for a session under a new nonce."""
        self.nonce += 1
        self.raw(encode(Type.HELLO, 0, 0, Hello(1, 0, self.nonce), 0))
        self.run(1_000)
        return self.welcome

    def connect(self, armed: int = 3) -> Welcome:
        """Take up a new session; the boot is waited for."""
        self.run(5_000)
        welcome = self.hello()
        self.token, self.seq, self.expected = welcome.token, 0, 0
        self.tell(Type.PING, Ping(1))
        if armed:
            self.tell(Type.ARM, Arm(armed))
        return welcome

    def raw(self, wire: bytes) -> None:
        """Put bytes into the board."""
        self.board.receive(wire, self.now_us)
        self._listen()

    def tell(
        self, kind: int, message: Message | None = None, *, seq: int | None = None, ack: int | None = None
    ) -> None:
        """Send one frame; reliable ones are numbered."""
        number = 0
        if kind >= Type.ACT and kind != Type.ESTOP:
            number = self.seq if seq is None else seq
            self.seq = (number + 1) & 0xFF if seq is None else self.seq
        self.raw(encode(kind, number, self.expected if ack is None else ack, message, self.token))

    def run(self, us: int, beat: bool = True) -> None:
        """Let time pass, with a PING at least every 100 ms unless the host is to be silent."""
        until_us = self.now_us + us
        while self.now_us < until_us:
            stop_us = min(until_us, self.now_us + 100_000)
            while (due_us := self.board.next_deadline_us()) is not None and due_us <= stop_us:
                self.now_us = max(self.now_us, due_us)
                self.board.advance(self.now_us)
                self._listen()
            self.now_us = stop_us
            self.board.advance(self.now_us)
            self._listen()
            if beat and self.token:
                self.tell(Type.PING, Ping(9))

    def set_speed(self, counts_s: int) -> None:
        """Change the belt's speed, as the plant would."""
        self.machine.belt.set_speed(counts_s, self.now_us)
        self.board.speed_changed()

    def statuses(self, cmd_id: int) -> list[int]:
        """Return every status that was told of a command."""
        self.settle()
        return [m.status for m in self.messages() if isinstance(m, Done) and m.cmd_id == cmd_id]

    def told(self, cmd_id: int) -> Done:
        """Return the last that was told of a command."""
        self.settle()
        return next(m for m in reversed(self.messages()) if isinstance(m, Done) and m.cmd_id == cmd_id)

    def events(self, kind: EventKind) -> list[Event]:
        """Return the EVENTs of a kind."""
        self.settle()
        return [m for m in self.messages() if isinstance(m, Event) and m.kind == kind]

    def settle(self) -> None:
        """Let pass what the last answers need on the wire."""
        self.run(5_000, beat=False)

    def messages(self) -> list[Message | None]:
        """Return what every frame said."""
        return [frame.message for frame in self.frames]

    def _listen(self) -> None:
        while wire := self.board.poll(self.now_us):
            for body in self._decoder.feed(wire):
                assert body is not None
                frame = open_body(body, self.token) if self.token else None
                frame = frame or open_body(body, 0)
                if frame is None:
                    continue  # of a session that this end no longer speaks
                if frame.kind in ANSWERS:
                    if frame.seq != self.expected or not self.acknowledging:
                        continue
                    self.expected = (self.expected + 1) & 0xFF
                    self.frames.append(frame)
                    self.board.receive(encode(Type.ACK, 0, self.expected, None, self.token), self.now_us)
                else:
                    self.frames.append(frame)


def gate(cmd_id: int, trigger: Trigger = Trigger.NOW, **changed: int) -> Act:
    """Return an order to open the gate."""
    act = Act(cmd_id, GATE | trigger << 6, 1, 0, 50, 100, 0)
    return act._replace(**changed)


__all__ = ["FLOW", "GATE", "Bench", "BenchMachine", "CutAt", "Status", "gate"]
