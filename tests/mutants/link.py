"""Mutants of the link, in the soak: what each rule of docs/link-protocol.md keeps from happening."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from ripieno.values import Outcome, OutcomeKind, Pulse, Trigger
from ripieno_drivers.link import acts as acts_of_link
from ripieno_drivers.link.acts import Acts
from ripieno_drivers.link.arguments import Order, order_for
from ripieno_drivers.link.commands import Command, Unresolved
from ripieno_drivers.link.core import Link
from ripieno_drivers.link.messages import JOURNAL_KEPT, ActArgs, TriggerBits, Welcome
from ripieno_sim.board import dialogue
from ripieno_sim.board.orders import SAFE_BY_SILENCE, Orders
from ripieno_sim.board.reliable import Arrival, Reliable
from ripieno_sim.codec import Act, Frame
from ripieno_sim.codec.messages import fits, unpack
from ripieno_sim.stage.soak import MIXES, Mix, broken, soak

from .mutant import Mutant

COMMANDS = 2_000
"""Commands of a scenario: some seconds of virtual time, in which each mix has its misfortunes many times."""
DOUBTFUL = replace(MIXES["power"], step_resets=4e-3)
FORGETFUL = replace(MIXES["resets"], misfortunes=("two resets", "host is deaf"), every_s=0.2, rate_hz=100.0)
JAMMED = replace(MIXES["belt"], misfortunes=())


def _soaked(mix: Mix) -> Any:
    return lambda seed: broken(soak(mix, seed, COMMANDS))


@contextmanager
def no_sequence_and_no_id() -> Iterator[None]:
    """The board takes every reliable frame as the next one, and every ACT as a new one."""
    real = Orders.act

    def act(self: Orders, order: Act, now_us: int) -> None:
        known = self.journal.find(order.cmd_id)
        if known is not None:
            self.journal._slots[known.slot] = None
            del self.journal._entries[order.cmd_id]
        self.journal.last_cmd_id = min(self.journal.last_cmd_id, order.cmd_id - 1)
        real(self, order, now_us)

    def arrival(self: Reliable, seq: int) -> Arrival:
        self.expected = (seq + 1) & 0xFF
        return Arrival.IN_ORDER

    with mock.patch.object(Orders, "act", act), mock.patch.object(Reliable, "arrival", arrival):
        yield


@contextmanager
def no_crc() -> Iterator[None]:
    """The board believes every frame that has a size its type may have."""

    def open_body(body: bytes, seed: int) -> Frame | None:
        kind, payload = body[0], body[3:-4]
        return Frame(kind, body[1], body[2], unpack(kind, payload)) if fits(kind, payload) else None

    with mock.patch.object(dialogue, "open_body", open_body):
        yield


@contextmanager
def no_fail_safe() -> Iterator[None]:
    """The board does nothing about a silent line."""
    real = Orders.fall_safe

    def fall_safe(self: Orders, cause: int, now_us: int) -> None:
        if cause != SAFE_BY_SILENCE:
            real(self, cause, now_us)

    with mock.patch.object(Orders, "fall_safe", fall_safe):
        yield


@contextmanager
def e_stop_cleared_from_afar() -> Iterator[None]:
    """The host arms over a latched emergency stop, and the board lets it."""

    def arm(self: Orders, mask: int, now_us: int) -> None:
        self.estop_latched = False
        real(self, mask, now_us)

    real = Orders.arm
    with (
        mock.patch.object(Orders, "arm", arm),
        mock.patch.object(Link, "is_stopped", property(lambda self: False)),
    ):
        yield


@contextmanager
def no_expiry() -> Iterator[None]:
    """An act runs however late it is."""
    with mock.patch.object(Orders, "_behind", lambda self, act, accepted_us, now_us: False):
        yield


@contextmanager
def doubt_sent_again() -> Iterator[None]:
    """The host sends an act that is in doubt again, under a new id, as soon as its channel is armed."""
    real_settle, real_depart = Acts._settle, Acts.depart
    waiting: list[Command] = []

    def settle(self: Acts, command: Command, outcome: Outcome) -> None:
        if outcome.kind is OutcomeKind.IN_DOUBT and command.order is not None:
            waiting.append(command)
        else:
            real_settle(self, command, outcome)

    def depart(self: Acts) -> None:
        real_depart(self)
        welcome = self._link.welcome
        while waiting and self._link.is_up and welcome is not None and self._link.armed & 1:
            old = waiting.pop()
            assert old.order is not None
            args = old.order.args._replace(trigger=TriggerBits.NOW, at=0, late=2_000, span=0)
            self._highest += 1
            intent = replace(
                old.intent, command_id=self._highest, epoch=welcome.journal_epoch, args_crc=ActArgs(*args).crc()
            )
            self._context.intents.written(intent)  # type: ignore[attr-defined]  # the soak's store
            departure = self._waiting.pop(old.intent.command_id, None)
            if departure is not None:
                self._waiting[intent.command_id] = departure
            command = Command(intent, Order(args, self._now_us() + 200_000, None), self._link.boot)
            if self._link.act(intent.command_id, args):
                self._unresolved.add(command)

    with mock.patch.object(Acts, "_settle", settle), mock.patch.object(Acts, "depart", depart):
        yield


@contextmanager
def flag_without_epoch() -> Iterator[None]:
    """The host believes the board's flag that its journal survived, and does not compare journal epochs."""
    real = Acts.session_up

    def session_up(self: Acts, welcome: Welcome) -> None:
        survived = bool(welcome.state & JOURNAL_KEPT)
        epoch = welcome.journal_epoch if survived else welcome.journal_epoch ^ 1
        for command in self._unresolved.all():
            command.intent = replace(command.intent, epoch=epoch)
        real(self, welcome)

    with mock.patch.object(Acts, "session_up", session_up):
        yield


@contextmanager
def never_asked() -> Iterator[None]:
    """The host waits for a DONE for ever."""
    with mock.patch.object(Unresolved, "to_ask", lambda self, now_us, at_most: []):
        yield


@contextmanager
def time_for_position() -> Iterator[None]:
    """An act by position is sent as one by time, reckoned from the belt's nominal speed."""
    counts_s = 5_000

    def order(pulse: Pulse, point: Any, counts_per_mm: float, link: Any, now_us: int) -> Order | str:
        if pulse.trigger is Trigger.POSITION:
            ahead_s = (pulse.begin * counts_per_mm - link.count) / counts_s
            late_s = pulse.late * counts_per_mm / counts_s
            begin_ns = (now_us + ahead_s * 1e6) * 1000
            pulse = replace(pulse, trigger=Trigger.TIME, begin=begin_ns, late=late_s, span_mm=0.0)
        return order_for(pulse, point, counts_per_mm, link, now_us)

    with mock.patch.object(acts_of_link, "order_for", order):
        yield


MUTANTS = (
    Mutant("link: no sequence check and no id check", no_sequence_and_no_id, _soaked(MIXES["noise"])),
    Mutant("link: no CRC check", no_crc, _soaked(MIXES["noise"])),
    Mutant("link: a host that sends what is in doubt again", doubt_sent_again, _soaked(DOUBTFUL)),
    Mutant("link: a journal flag instead of the journal epoch", flag_without_epoch, _soaked(FORGETFUL)),
    Mutant("link: no fail-safe on a silent line", no_fail_safe, _soaked(MIXES["outages"])),
    Mutant("link: an emergency stop that is cleared from afar", e_stop_cleared_from_afar, _soaked(MIXES["e-stop"])),
    Mutant("link: a time trigger on a belt that jams", time_for_position, _soaked(JAMMED)),
    Mutant("link: acts do not expire", no_expiry, _soaked(MIXES["outages"])),
    Mutant("link: a host that never asks", never_asked, _soaked(MIXES["kills"])),
)
