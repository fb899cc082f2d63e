"""What the host asks for, done at most once (docs/link-protocol.md, sections 2, 5 and 7).

ACT -> refused: LATE SAFE FULL REFUSED, stored and answered
    -> PENDING -> IN_DOUBT -> the pin -> DONE, each step in the journal before the next
"""

from collections.abc import Sequence
from typing import Protocol

from ripieno_sim.board.channels import Channel, ChannelKind
from ripieno_sim.board.clock import BoardClock
from ripieno_sim.board.journal import Entry, Journal
from ripieno_sim.board.machine import Hooks, Machine, Step
from ripieno_sim.board.numbers import MASK32, ahead, signed32
from ripieno_sim.board.pins import Pins
from ripieno_sim.board.queue import Queue, Waiting
from ripieno_sim.codec import Act, Done, EventKind, Refusal, SetValue, State, Status, Trigger, args_crc

__all__ = ["SAFE_BY_ESTOP", "SAFE_BY_SILENCE", "Orders", "Voice"]

LATE_US = 100  # the unit of `late` for triggers now and time
SAFE_BY_SILENCE = 1
SAFE_BY_ESTOP = 2
_NOTHING = State(0)


class Voice(Protocol):
    """How the outcome of an order reaches the host."""

    def answer(self, told: Done) -> None:
        """Say what became of a command."""

    def event(self, kind: EventKind, source: int, number: int, value: int, now_us: int) -> None:
        """Report something that the host did not ask about."""


class Orders:
    """The acts, setpoints and latches of one boot of a board."""

    def __init__(
        self,
        table: Sequence[Channel],
        machine: Machine,
        clock: BoardClock,
        journal: Journal,
        hooks: Hooks,
        voice: Voice,
    ) -> None:
        self.pins = Pins(table, machine)
        self.journal = journal
        self.clock = clock
        self.armed = 0
        self.safe_latched = False
        self.estop_latched = False
        self.count_base = 0
        self.position_valid = True
        self._machine = machine
        self._hooks = hooks
        self._voice = voice
        self._queue = Queue()
        self._unarmed_by_fault = 0

    def count(self, now_us: int) -> int:
        """Return the board's own count, which starts at its `count_base`; unlimited."""
        return self._machine.count_at(now_us) - self.count_base

    def inputs(self, now_us: int) -> int:
        """Return the levels of the inputs."""
        return self._machine.inputs(now_us)

    def state(self) -> State:
        """Return the `state` field as it is now."""
        return (
            (State.SAFE if self.safe_latched else _NOTHING)
            | (State.ESTOP if self.estop_latched else _NOTHING)
            | (State.POSITION_VALID if self.position_valid else _NOTHING)
            | (State.JOURNAL_SURVIVED if self.journal.survived else _NOTHING)
        )

    def act(self, act: Act, now_us: int) -> None:
        """Accept a new ACT, or answer for one whose id is not new."""
        if act.cmd_id <= self.journal.last_cmd_id:
            self._answer_known(act)
            return
        status = self._judge(act, now_us)
        entry = self.journal.accept(act.cmd_id, status, args_crc(act))
        if status is not Status.PENDING:
            self._voice.answer(_told(entry))
            return
        at_count = due_us = None
        if act.target >> 6 == Trigger.TIME:
            board_us = self.clock.at(now_us)
            due_us = max(now_us, self.clock.when(board_us + ahead(act.at, board_us)))
        elif act.target >> 6 == Trigger.COUNT:
            count = self.count(now_us)
            at_count = count + ahead(act.at, count) + self.count_base
            due_us = self._machine.time_of_count(at_count)
        else:
            due_us = now_us
        self._queue.add(Waiting(act, entry, now_us, at_count, due_us))
        self._hooks.at(Step.ACCEPTED, act.cmd_id)

    def query(self, cmd_id: int) -> Done:
        """Return what is known of a command."""
        entry = self.journal.find(cmd_id)
        return Done(cmd_id, self.journal.unknown(cmd_id), 0, 0, 0) if entry is None else _told(entry)

    def cancel(self, cmd_id: int) -> None:
        """Take a command back if it still waits; answer what is then known of it."""
        waiting = self._queue.find(cmd_id)
        if waiting is None:
            self._voice.answer(self.query(cmd_id))
            return
        self._queue.remove(waiting)
        self._drop(waiting, Status.CANCELLED)

    def cancel_all(self) -> None:
        """Take back everything that waits."""
        for waiting in self._queue.take_all():
            self._drop(waiting, Status.CANCELLED)

    def set_value(self, order: SetValue, now_us: int) -> None:
        """Obey a SET for as long as its lease, or say why not."""
        channel = self.pins.channels.get(order.channel)
        reason = self._refusal(order, channel)
        if reason is not None:
            self._voice.event(EventKind.REFUSED, order.channel, reason, order.value, now_us)
            return
        self.pins.drive(order.channel, order.value, None, now_us, now_us + order.lease_ms * 1000)

    def arm(self, mask: int, now_us: int) -> None:
        """Arm channels in addition to those that are armed; nothing while the emergency stop is latched."""
        if self.estop_latched:
            return
        self.armed |= sum(1 << number for number in self.pins.channels if mask >> number & 1)
        self._unarmed_by_fault &= ~self.armed
        self.safe_latched = self.safe_latched and self._unarmed_by_fault != 0
        self._voice.event(EventKind.ARMED, 0, self.armed, 0, now_us)

    def fall_safe(self, cause: int, now_us: int) -> None:
        """Latch SAFE: outputs back, nothing waits, nothing armed."""
        changed = self.pins.all_safe(now_us)
        for waiting in self._queue.take_all():
            self._drop(waiting, Status.CANCELLED if cause == SAFE_BY_SILENCE else Status.SAFE)
        self._unarmed_by_fault |= self.armed
        self.armed = 0
        self.safe_latched = True
        self._voice.event(EventKind.SAFE, cause, changed, 0, now_us)

    def estop(self, source: int, now_us: int) -> None:
        """Latch the emergency stop (source: 1 the line, 2 the input)."""
        if self.estop_latched:
            return
        self.estop_latched = True
        self._voice.event(EventKind.ESTOP, source, 0, 0, now_us)
        self.fall_safe(SAFE_BY_ESTOP, now_us)

    def speed_changed(self) -> None:
        """Ask the machine again when the counts that are waited for will be reached."""
        self._queue.speed_changed(self._machine)
        self.pins.speed_changed()

    def advance(self, now_us: int) -> None:
        """Start what is due, then end what has come to its end."""
        while (waiting := self._queue.take_due(now_us)) is not None:
            self._start(waiting, now_us)
        for channel in self.pins.expire(now_us):
            self._voice.event(EventKind.LAPSED, channel.number, 0, channel.safe, now_us)

    def next_deadline_us(self) -> int | None:
        """Return when `advance` has something to do."""
        ends_us, first_us = self.pins.next_deadline_us(), self._queue.first_us
        if ends_us is None or first_us is None:
            return first_us if ends_us is None else ends_us
        return min(ends_us, first_us)

    def _answer_known(self, act: Act) -> None:
        told = self.query(act.cmd_id)
        entry = self.journal.find(act.cmd_id)
        if entry is not None and entry.args_crc != args_crc(act):
            told = told._replace(status=Status.MISMATCH)
        self._voice.answer(told)

    def _judge(self, act: Act, now_us: int) -> Status:
        channel = self.pins.channels.get(act.target & 0x3F)
        trigger = act.target >> 6
        if channel is None or channel.kind is not ChannelKind.PULSE or trigger > Trigger.COUNT:
            return Status.REFUSED
        if not (channel.minimum <= act.value <= channel.maximum and 1 <= act.hold_ms <= channel.cap_ms):
            return Status.REFUSED
        if not self.armed >> channel.number & 1:
            return Status.SAFE
        if self._behind(act, now_us, now_us):
            return Status.LATE
        return Status.FULL if self._queue.is_full else Status.PENDING

    def _behind(self, act: Act, accepted_us: int, now_us: int) -> bool:
        """Say whether the act's window has passed."""
        trigger = act.target >> 6
        if trigger == Trigger.COUNT:
            return -ahead(act.at, self.count(now_us)) > act.late
        if trigger == Trigger.TIME:
            return -ahead(act.at, self.clock.at(now_us)) > act.late * LATE_US
        return now_us - accepted_us > act.late * LATE_US

    def _start(self, waiting: Waiting, now_us: int) -> None:
        act, entry = waiting.act, waiting.entry
        number = act.target & 0x3F
        if self._behind(act, waiting.accepted_us, now_us):
            self._drop(waiting, Status.LATE)
            return
        until_count = waiting.at_count + act.span if waiting.at_count is not None and act.span else None
        self.journal.note(entry, Status.IN_DOUBT)
        self._hooks.at(Step.BEFORE_PIN, act.cmd_id)
        self.pins.drive(number, act.value, act.cmd_id, now_us, now_us + act.hold_ms * 1000, until_count)
        self._hooks.at(Step.AFTER_PIN, act.cmd_id)
        self.journal.note(entry, Status.DONE, self.clock.at(now_us) & MASK32, signed32(self.count(now_us)))
        self._hooks.at(Step.AFTER_DONE, act.cmd_id)
        self._voice.answer(_told(entry))

    def _drop(self, waiting: Waiting, status: Status) -> None:
        self.journal.note(waiting.entry, status)
        self._voice.answer(_told(waiting.entry))

    def _refusal(self, order: SetValue, channel: Channel | None) -> Refusal | None:
        if channel is None:
            return Refusal.NO_CHANNEL
        if channel.kind is not ChannelKind.SETPOINT:
            return Refusal.KIND
        if not channel.minimum <= order.value <= channel.maximum:
            return Refusal.RANGE
        if not 1 <= order.lease_ms <= channel.cap_ms:
            return Refusal.LEASE
        return None if self.armed >> order.channel & 1 else Refusal.NOT_ARMED


def _told(entry: Entry) -> Done:
    return Done(entry.cmd_id, entry.status, entry.args_crc, entry.t_actual_us, entry.count)
