"""What is known of each act that has no outcome yet; docs/link-protocol.md section 5, rules 4 to 6.

    never sent        --session lost--> NOT_EXECUTED
    sent              --DONE, STATUS--> the table below
    sent              --new session, same epoch--> QUERY    --another epoch--> IN_DOUBT, without asking
    sent, overdue     --QUERY every 200 ms--> the table below

Nothing here is ever sent a second time: the only frame that this module asks for is QUERY.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ripieno.contracts.driver import Intent
from ripieno.values import Outcome, OutcomeKind

from .arguments import Order
from .events import Answered
from .messages import Status

OVERDUE_US: Final = 100_000
ASK_AGAIN_US: Final = 200_000

_NOT_EXECUTED: Final[Mapping[int, str]] = {
    Status.NONE: "the board never accepted it",
    Status.LATE: "late: its window had passed",
    Status.SAFE: "the channel is not armed",
    Status.FULL: "the board's queue is full",
    Status.CANCELLED: "cancelled before it ran",
    Status.REFUSED: "outside the channel's limits",
}
_IN_DOUBT: Final[Mapping[int, str]] = {
    Status.IN_DOUBT: "the board was reset while it acted",
    Status.FORGOTTEN: "the board has forgotten it",
    Status.MISMATCH: "the board knows this id with other arguments",
}
OTHER_EPOCH: Final = "the board lost its journal"
_NO_ARGS: Final[frozenset[int]] = frozenset({Status.NONE, Status.FORGOTTEN, Status.MISMATCH})
"""Answers whose `args_crc` is not ours by the protocol."""


@dataclass(slots=True)
class Command:
    """One unresolved act. `order` is None for an act of an earlier run, of which it is not known whether it was
    sent.
    """

    intent: Intent
    order: Order | None
    boot: int | None = None
    """The boot (Link.boot) whose clock its times are in; None for an act of an earlier run."""
    sent_ns: int = 0
    ask_at_us: int | None = None

    @property
    def never_sent(self) -> bool:
        return self.order is not None and self.sent_ns == 0

    def outcome(self, kind: OutcomeKind, why: str = "", at_ns: int = 0, position_mm: float | None = None) -> Outcome:
        return Outcome(self.intent.act, kind, why, at_ns, position_mm, self.sent_ns)


Settled = tuple[Command, Outcome]


class Unresolved:
    """The commands without an outcome, by id. What gets an outcome leaves."""

    def __init__(self, counts_per_mm: float) -> None:
        self._counts_per_mm = counts_per_mm
        self._commands: dict[int, Command] = {}
        self._may_ask = False
        self._boot = 0
        self._soonest_us: int | None = None
        """No command is due to be asked about before; None: none is due at all."""

    def __len__(self) -> int:
        return len(self._commands)

    def add(self, command: Command) -> None:
        self._commands[command.intent.command_id] = command

    def all(self) -> list[Command]:
        return list(self._commands.values())

    def sent(self, cmd_id: int, now_ns: int) -> None:
        """The line has taken the first byte of this ACT."""
        command = self._commands.get(cmd_id)
        if command is None or command.order is None or command.sent_ns:
            return
        command.sent_ns = now_ns
        if command.order.closes_us is not None:
            self._ask(command, max(command.order.closes_us, now_ns // 1000) + OVERDUE_US)

    def answered(self, answer: Answered) -> Settled | None:
        """Take a DONE or STATUS; one for a command that is not waited for is a late copy."""
        command = self._commands.get(answer.cmd_id)
        if command is None or answer.status == Status.PENDING:
            return None
        status = answer.status
        if status not in _NO_ARGS and answer.args_crc != command.intent.args_crc:
            status = Status.MISMATCH
        if status == Status.DONE:
            where_mm = answer.count / self._counts_per_mm
            at_ns = answer.at_us * 1000 if command.boot == self._boot else 0  # a reset began another clock
            outcome = command.outcome(OutcomeKind.EXECUTED, "", at_ns, where_mm)
        elif (why := _NOT_EXECUTED.get(status)) is not None:
            outcome = command.outcome(OutcomeKind.NOT_EXECUTED, why)
        else:
            why = _IN_DOUBT.get(status, f"the board answers status {status}")
            outcome = command.outcome(OutcomeKind.IN_DOUBT, why)
        del self._commands[answer.cmd_id]
        return command, outcome

    def session_lost(self) -> list[Settled]:
        """What has not left is not executed; the rest waits for the next session."""
        self._may_ask = False
        settled = []
        for command in self.all():
            command.ask_at_us = None
            if command.never_sent:
                del self._commands[command.intent.command_id]
                settled.append((command, command.outcome(OutcomeKind.NOT_EXECUTED, "link down")))
        return settled

    def session_up(self, epoch: int, boot: int, now_us: int) -> list[Settled]:
        """Another epoch leaves only doubt; under the same one everything is asked about at once."""
        self._may_ask = True
        self._boot = boot
        settled = []
        for command in self.all():
            if command.intent.epoch != epoch:
                del self._commands[command.intent.command_id]
                settled.append((command, command.outcome(OutcomeKind.IN_DOUBT, OTHER_EPOCH)))
            else:
                self._ask(command, now_us)
        return settled

    def moved(self, count: int, now_us: int) -> None:
        """The belt is at `count`: acts by count whose window it has left behind become overdue 100 ms from now."""
        for command in self._commands.values():
            closes = command.order.closes_count if command.order is not None else None
            if closes is not None and count > closes and command.sent_ns and command.ask_at_us is None:
                self._ask(command, now_us + OVERDUE_US)

    def to_ask(self, now_us: int, at_most: int) -> list[int]:
        """Return the ids that a QUERY is due for, the lowest first."""
        if not self._may_ask or self._soonest_us is None or now_us < self._soonest_us:
            return []
        due: list[int] = []
        for cmd_id, command in self._commands.items():
            if len(due) >= at_most:
                break
            if command.ask_at_us is not None and command.ask_at_us <= now_us:
                command.ask_at_us = now_us + ASK_AGAIN_US
                due.append(cmd_id)
        times = (c.ask_at_us for c in self._commands.values() if c.ask_at_us is not None)
        self._soonest_us = min(times, default=None)
        return due

    def next_deadline(self) -> int | None:
        """Return when `to_ask` may have something; a command that was answered meanwhile costs one look for nothing."""
        return self._soonest_us if self._may_ask else None

    def _ask(self, command: Command, at_us: int) -> None:
        command.ask_at_us = at_us
        if self._soonest_us is None or at_us < self._soonest_us:
            self._soonest_us = at_us
