"""Mutants of the whole daemon, in the campaign: what each invariant of docs/simulate.md keeps from happening.

The first four are the ones that a daemon like this is most likely to have: an unknown taken for false, a timer that a
restart loses, a window that is one too long, an answer of the machine taken for another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import msgpack

from ripieno.engine import Decided, Effect, Engine
from ripieno.engine.bookings import Bookings
from ripieno.engine.items import Item
from ripieno.engine.passage import Passage
from ripieno.engine.sight import Sight
from ripieno.engine.steering import Steering
from ripieno.engine.watch import Watch
from ripieno.plan import Aggregate
from ripieno.rules import Accumulator
from ripieno.rules.writing import Writer
from ripieno.values import Health, Verdict
from ripieno_daemon.conducting import conductor
from ripieno_daemon.conducting.conductor import Conductor
from ripieno_daemon.conducting.frames import Frames
from ripieno_daemon.conducting.outputs import Outputs
from ripieno_daemon.conducting.recovery import Recovery
from ripieno_daemon.ledger import IntentFile, Recovered, batch
from ripieno_daemon.ledger.rows import RecordRow
from ripieno_drivers.link.acts import Acts
from ripieno_drivers.link.commands import Settled, Unresolved
from ripieno_drivers.link.events import Answered
from ripieno_drivers.link.levels import Levels
from ripieno_drivers.link.messages import Status
from ripieno_sim.board.orders import SAFE_BY_SILENCE, Orders
from ripieno_sim.board.pins import Pins
from ripieno_sim.stage.campaign.judge.rules import OWN_PICTURE
from ripieno_sim.stage.campaign.many import run_one
from ripieno_sim.stage.campaign.terms import draw_terms

from .line import intent_after_the_byte, row_freed_on_puback
from .link import no_sequence_and_no_id
from .mutant import Mutant

MINUTES = 3.0
SEEDS = 200
DENSE_MM = 65
CONTROLS = 3  # of the first alone: the scenario is the same for all


def campaign(seed: int) -> list[str]:
    """Run a seed for some minutes of plant time."""
    return [f"{one['invariant']}: {one['what']}" for one in run_one(seed, MINUTES).violations]


@contextmanager
def unknown_is_false() -> Iterator[None]:
    """A comparison with something unknown is false; behind a `not` that is true."""
    real = Writer._assign

    def assign(self: Writer, depth: int, value: str) -> str:
        return real(self, depth, value.replace("U if ", "False if ", 1) if value.startswith("U if ") else value)

    with mock.patch.object(Writer, "_assign", assign):
        yield


@contextmanager
def timers_lost_on_restart() -> Iterator[None]:
    """What a rule was timing is not taken back from the snapshot."""
    real = Watch.restore

    def restore(self: Watch, state: list[Any]) -> None:
        real(self, state)
        self.since_t, self.rest_until_t = None, 0

    with mock.patch.object(Watch, "restore", restore):
        yield


@contextmanager
def window_one_too_long() -> Iterator[None]:
    """A window over so many samples holds one more."""
    real = Accumulator.__init__

    def init(self: Accumulator, plan: Aggregate) -> None:
        real(self, replace(plan, last_samples=plan.last_samples + 1) if plan.last_samples else plan)

    with mock.patch.object(Accumulator, "__init__", init):
        yield


@contextmanager
def answer_taken_for_another() -> Iterator[None]:
    """The board's answer about one act settles the newest that waits."""
    real = Unresolved.answered

    def answered(self: Unresolved, answer: Answered) -> Settled | None:
        waiting = self.all()
        if not waiting or answer.status == Status.PENDING:
            return real(self, answer)
        newest = waiting[-1].intent
        return real(self, replace(answer, cmd_id=newest.command_id, args_crc=newest.args_crc))

    with mock.patch.object(Unresolved, "answered", answered):
        yield


@contextmanager
def no_ticks() -> Iterator[None]:
    """Nobody looks at rules when their time has come: they are looked at with the next event."""

    async def next_tick(self: Conductor) -> None:
        self._changed.clear()
        await self._changed.wait()

    with mock.patch.object(Conductor, "_next_tick", next_tick):
        yield


@contextmanager
def undecided_is_good() -> Iterator[None]:
    """A part that nobody has decided in time is let through."""
    real = Passage._decide

    def decide(self: Passage, item: Item, verdict: Verdict, *rest: Any) -> None:
        real(self, item, verdict, *rest)
        book = self.books.home(item.id.kind)
        rule = next(rule for rule in self._now_rules["part"] if rule.verdict)
        if book is not None and verdict is Verdict.UNDECIDED and not item.act and item.start_mm:
            self._fire(book, item, rule, rule.do[0], 0)

    with mock.patch.object(Passage, "_decide", decide):
        yield


@contextmanager
def missed_edges_forgotten() -> Iterator[None]:
    """Parts that went by while nobody listened are nobody's."""
    real = Passage._reach

    def reach(self: Passage, book: Any, epoch: int, upto: int, why: str) -> None:
        if book.epoch == epoch:
            book.last_number = max(book.last_number, upto)
        real(self, book, epoch, upto, why)

    with mock.patch.object(Passage, "_reach", reach):
        yield


@contextmanager
def bookings_forgotten() -> Iterator[None]:
    """A booking without an outcome is not asked for again after a start."""
    with mock.patch.object(Bookings, "again", lambda self: None):
        yield


@contextmanager
def frozen_pictures_taken() -> Iterator[None]:
    """A camera that gives the same picture is believed."""
    with mock.patch.object(Sight, "judge", lambda self, event: (Health(event.health), event.why)):
        yield


@contextmanager
def steps_without_a_bound() -> Iterator[None]:
    """A change of a setpoint is as large as it is wanted, and a hundred times that."""
    real = Steering._bounded

    def bounded(self: Steering, effect: Any, amount: float) -> tuple[float, float]:
        before, _ = real(self, effect, amount)
        return before, before + 100 * amount

    with mock.patch.object(Steering, "_bounded", bounded):
        yield


@contextmanager
def another_decision_recorded() -> Iterator[None]:
    """The record says of an undecided part that it was bad."""
    real = conductor.told

    def told(effect: Effect, *rest: Any) -> Any:
        if isinstance(effect, Decided) and effect.verdict == Verdict.UNDECIDED:
            effect = replace(effect, verdict=Verdict.DEFECTIVE)
        return real(effect, *rest)

    with mock.patch.object(conductor, "told", told):
        yield


@contextmanager
def hold_not_obeyed() -> Iterator[None]:
    """Outputs that a person holds move on."""
    with mock.patch.object(Outputs, "held", property(lambda self: None)):
        yield


@contextmanager
def pictures_never_given_back() -> Iterator[None]:
    """The camera is not told that nobody needs a picture any more."""
    real = Frames.bind

    def bind(self: Frames, devices: Any) -> None:
        real(self, devices)
        self._seen.clear()

    with mock.patch.object(Frames, "bind", bind):
        yield


@contextmanager
def gate_without_hold() -> Iterator[None]:
    """The board does not end an act by itself."""
    real = Pins.drive

    def drive(self: Pins, number: int, value: int, cmd_id: int | None, now_us: int, until_us: int, *rest: Any) -> None:
        real(self, number, value, cmd_id, now_us, until_us + 600_000_000 if cmd_id else until_us)

    with mock.patch.object(Pins, "drive", drive):
        yield


@contextmanager
def deaf_to_silence() -> Iterator[None]:
    """The board does nothing about a host that says nothing."""
    real = Orders.fall_safe

    def fall_safe(self: Orders, cause: int, now_us: int) -> None:
        if cause != SAFE_BY_SILENCE:
            real(self, cause, now_us)

    with mock.patch.object(Orders, "fall_safe", fall_safe):
        yield


@contextmanager
def outcomes_of_earlier_lives_forgotten() -> Iterator[None]:
    """A start takes no notice of the acts that the last process left without an outcome."""
    with mock.patch.object(IntentFile, "open", lambda self, device: ()):
        yield


@contextmanager
def act_for_the_next_part() -> Iterator[None]:
    """An act is made where the part behind it will be."""
    real = Acts.begin

    def begin(self: Acts, pulse: Any, note: bytes, tell: Callable[..., None]) -> Any:
        return real(self, replace(pulse, begin=pulse.begin + 0.9 * self._pitch_mm), note, tell)

    with mock.patch.object(Acts, "begin", begin), mock.patch.object(Acts, "_pitch_mm", 60.0, create=True):
        yield


@contextmanager
def another_value_sent() -> Iterator[None]:
    """The driver sends a value that is off by one."""
    real = Levels.put

    def put(self: Levels, channel: int, value: int, lease_ms: int, now_us: int) -> None:
        real(self, channel, value + 1, lease_ms, now_us)

    with mock.patch.object(Levels, "put", put):
        yield


@contextmanager
def chain_without_wall_time() -> Iterator[None]:
    """The chain of the records does not cover when they were made."""
    real = batch.next_chain

    def next_chain(before: bytes, id: int, kind: int, t_ns: int, wall_ns: int, *rest: Any) -> bytes:
        return real(before, id, kind, t_ns, 0, *rest)

    with mock.patch.object(batch, "next_chain", next_chain):
        yield


@contextmanager
def late_answer_is_fatal() -> Iterator[None]:
    """An answer that comes too late ends the process."""
    real = Conductor._answered

    def answered(self: Conductor, call: Any, inferred: Any) -> None:
        if inferred.health is Health.LATE:
            raise RuntimeError("no answer in time")
        real(self, call, inferred)

    with mock.patch.object(Conductor, "_answered", answered):
        yield


@contextmanager
def deadline_never_taken() -> Iterator[None]:
    """A deadline that has passed is waited for again and again, and the engine is not told of it."""

    async def next_tick(self: Conductor) -> None:
        self._changed.clear()
        due = self.engine.next_deadline()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, (due - self._timeline.now()) / 1e9)):
                await self._changed.wait()
        except TimeoutError:
            return

    with mock.patch.object(Conductor, "_next_tick", next_tick):
        yield


@contextmanager
def plan_begins_anew() -> Iterator[None]:
    """A changed plan knows nothing of what was under way."""
    with mock.patch.object(Engine, "take_over", lambda self, before, severed: None):
        yield


@contextmanager
def setpoints_jump() -> Iterator[None]:
    """A changed plan steers from the safe values on, and says nothing of it."""
    with mock.patch.object(Steering, "take_over", lambda self, before, by: None):
        yield


@contextmanager
def past_of_another_plan_left_out() -> Iterator[None]:
    """A start under another plan goes on from the snapshot alone: what was recorded behind it is forgotten."""
    real = Recovery.run

    async def run(self: Recovery, recovered: Recovered) -> None:
        async def records() -> AsyncIterator[RecordRow]:
            plan = msgpack.unpackb(recovered.snapshot, raw=False)[0] if recovered.snapshot else ""
            async for record in recovered.records():
                plan = msgpack.unpackb(record.payload, raw=False)["plan"] if record.kind == "plan" else plan
                if record.kind == "plan" or plan == self._now:
                    yield record

        await real(self, replace(recovered, records=records))

    with mock.patch.object(Recovery, "run", run):
        yield


def where(fault: str, invariant: str = "") -> Callable[[int], list[str]]:
    """Return the scenario that runs those seeds alone that have this fault, and looks at one invariant or all."""

    def scenario(seed: int) -> list[str]:
        has_it = draw_terms(seed, MINUTES).faults().get(fault)
        return [line for line in campaign(seed) if line.startswith(invariant)] if has_it else []

    return scenario


def dense(seed: int) -> list[str]:
    """Run the seed if its parts follow each other closely."""
    return campaign(seed) if draw_terms(seed, MINUTES).pitch_mm < DENSE_MM else []


PLANTED = (
    Mutant("sim: a rule takes unknown for false", unknown_is_false, campaign, SEEDS, CONTROLS),
    Mutant("sim: a timer is lost on restart", timers_lost_on_restart, where("restart"), SEEDS, 0),
    Mutant("sim: a window is off by one", window_one_too_long, campaign, SEEDS, 0),
    Mutant("sim: a receipt is matched to the wrong act", answer_taken_for_another, campaign, SEEDS, 0),
)
MUTANTS = (
    *PLANTED,
    Mutant("sim: nobody looks when a rule's time has come", no_ticks, campaign, SEEDS, 0),
    Mutant("sim: a changed plan begins anew", plan_begins_anew, where("switch"), SEEDS, 0),
    Mutant("sim: a changed plan moves the setpoints", setpoints_jump, where("switch"), SEEDS, 0),
    Mutant("sim: a changed plan forgets the last events", past_of_another_plan_left_out, where("switch"), SEEDS, 0),
    Mutant("sim: undecided parts are let through", undecided_is_good, campaign, SEEDS, 0),
    Mutant("sim: parts that nobody heard of are not counted", missed_edges_forgotten, campaign, SEEDS, 0),
    Mutant("sim: bookings are forgotten over a restart", bookings_forgotten, where("kill-at-point"), SEEDS, 0),
    Mutant("sim: a frozen camera is believed", frozen_pictures_taken, where("camera-frozen", OWN_PICTURE), SEEDS, 0),
    Mutant("sim: a setpoint's step is not bounded", steps_without_a_bound, campaign, SEEDS, 0),
    Mutant("sim: a value is sent that no rule wanted", another_value_sent, campaign, SEEDS, 0),
    Mutant("sim: held outputs move", hold_not_obeyed, where("held"), SEEDS, 0),
    Mutant("sim: pictures are never given back", pictures_never_given_back, campaign, SEEDS, 0),
    Mutant("sim: an act has no end of its own", gate_without_hold, campaign, SEEDS, 0),
    Mutant("sim: a board does not mind a silent host", deaf_to_silence, campaign, SEEDS, 0),
    Mutant("sim: a board obeys the same command twice", no_sequence_and_no_id, where("noise"), SEEDS, 0),
    Mutant("sim: acts of an earlier life are forgotten", outcomes_of_earlier_lives_forgotten, campaign, SEEDS, 0),
    Mutant("sim: an act is made for the next part", act_for_the_next_part, dense, SEEDS, 0),
    Mutant("sim: an intent is written after the byte", intent_after_the_byte, campaign, SEEDS, 0),
    Mutant("sim: another decision is recorded than was made", another_decision_recorded, campaign, SEEDS, 0),
    Mutant("sim: the chain leaves a column out", chain_without_wall_time, campaign, SEEDS, 0),
    Mutant("sim: a result is freed on the broker's word", row_freed_on_puback, campaign, SEEDS, 0),
    Mutant("sim: a late answer ends the daemon", late_answer_is_fatal, campaign, SEEDS, 0),
    Mutant("sim: a deadline is never taken", deadline_never_taken, campaign, SEEDS, 0),
)
