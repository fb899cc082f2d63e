"""The conductor: what devices report becomes events, the engine's effects become work, and both are recorded.

Everything about one event happens in one turn of the loop: step, record, start the work. So no event overtakes
another, and the record of a step goes to the ledger in one transaction. Only the work itself (a pulse, a model, a
lookup) takes time, in tasks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgpack

from ripieno import engine as rooms
from ripieno.contracts.driver import Arrival, Device, Intents
from ripieno.contracts.ports import Clock, Inference
from ripieno.engine import Effect, Engine, Event, pack_event
from ripieno.engine.hands import CAUSE, LATE_S
from ripieno.plan import PipelinePlan, Plan
from ripieno.values import (
    Frame,
    Given,
    Inferred,
    ItemId,
    Outcome,
    OutcomeKind,
    PictureRef,
    Record,
    Text,
    Vector,
)

from ..ledger import Ledger, Recovered
from .arrivals import Arrivals
from .calls import Call, StepCalls
from .declared import as_declared
from .doubts import Doubts
from .frames import Frames
from .lookups import Lookups
from .mode_desk import ModeDesk
from .modelled import found_of, numbers_of
from .outputs import Outputs
from .recovery import Recovery, Trees
from .sharing import Sharing
from .standstill import Held, Standstill
from .timeline import Timeline
from .told import told

SNAPSHOT_RECORDS = 500  # recovery steps through at most so many events, at some 20 us each


class Conductor:
    """Runs the engine inside the daemon.

    Args:
        plan: of all pipelines of the device, joined.
        say: one sentence for a person.

    `trees`: the plans that the ledger holds whole, so that each is recorded once. `is_heir`: whether this engine goes
    on for what ran before. `on_result`: called with each result of a model, once it is recorded.
    """

    def __init__(
        self,
        plan: PipelinePlan,
        digest: str,
        ledger: Ledger,
        intents: Intents,
        timeline: Timeline,
        inference: Inference,
        say: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self.engine = Engine(plan)
        self.trees = Trees([])
        self.is_heir = False
        self.on_alarm: Callable[[str, str], None] = lambda code, text: None
        self.on_result: Callable[[rooms.ResultSeen], None] = lambda seen: None
        self._plan, self._digest = plan, digest
        self._ledger, self._intents, self._timeline, self._say = ledger, intents, timeline, say
        self._devices: Mapping[str, Device] = {}
        self._names: Mapping[str, str] = {}
        models = {model.name: model.sha256 for model in plan.models}
        self._tiles = {step.name: step.tiles for step in plan.steps}
        self._sharing = Sharing(plan.steps, models, self._call, self._answered)
        self._calls = {
            step.name: StepCalls(step.name, step.frames == "every", inference, self._sharing.answered)
            for step in plan.steps
        }
        self._frames, self._lookups = Frames(), Lookups(clock)
        self._doubts = Doubts(self._alarm)
        self._arrivals = Arrivals(plan, timeline, lambda: self.engine, self._identity)
        self._outputs = Outputs(plan, timeline, self.settled, say)
        self._records = {one.name: one.fields for one in plan.inputs if one.kind == "record"}
        self._unsettled: deque[tuple[int, Outcome]] = deque()
        self._durable_id = 0
        self._until_durable: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._changed = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._early: list[tuple[Any, str]] = []
        self._acts: set[asyncio.Task[None]] = set()
        self._since_snapshot = 0
        self._last_record = 0
        self._stopping = False
        self.modes: ModeDesk | None = None

    def bind(self, devices: Mapping[str, Device], names: Mapping[str, str]) -> None:
        """Take the opened devices: by point name, and the device's own name by point name."""
        self._devices, self._names = devices, names
        self._frames.bind(devices)
        self._outputs.bind(devices)

    @property
    def is_placed(self) -> bool:
        """Whether this process has heard the count that items begin from: what was missed before it is known then."""
        return self._arrivals.is_placed

    @property
    def held(self) -> Held | None:
        """Who holds the outputs safe, None for nobody."""
        return self._outputs.held

    def obey(self, standstill: Standstill, on_held: Callable[[Held | None], None]) -> None:
        """See Outputs.obey."""
        self._outputs.obey(standstill, on_held)

    def make_safe(self, by: str, why: str) -> Awaitable[None]:
        """Hold all outputs at their safe values from this moment on. Recorded, and in force until `rearm`, over
        restarts too. What is returned ends when a restart would know it.

        Raises:
            StorageError (what is returned): they are held, but a restart may not know it.
        """
        self._command({"kind": "safe", "by": by, "why": why})
        durable = self._outputs.hold(by, why)
        if self.modes is not None and self.modes.end_manual("outputs are held safe"):
            return _all(durable, self.modes.keep())
        return durable

    def choose_recipe(self, recipe: str, by: str) -> None:
        """Put a recipe in force for the items that begin from now on; recorded."""
        self._command({"kind": "recipe", "recipe": recipe, "by": by})
        self._step(rooms.RecipeChosen(self._timeline.now(), recipe, by))

    async def rearm(self, by: str) -> None:
        """A person at the device says that outputs may move again: every device is told, and it is recorded.

        Raises:
            StorageError: they may move, but a restart may hold them again.
        """
        self._command({"kind": "rearm", "by": by})
        await self._outputs.release()

    def indicate(self, point: str, on: bool) -> bool:
        """See Outputs.indicate."""
        return self._outputs.indicate(point, on)

    def note(self, body: dict[str, object]) -> None:
        """Record how an alarm stands; it leaves with the results."""
        packed = msgpack.packb(body, use_bin_type=True)
        self._last_record = self._ledger.append("notice", self._timeline.now(), packed, stream=True)

    @property
    def frames(self) -> Frames:
        """The pictures under way, for who looks on."""
        return self._frames

    @property
    def outputs(self) -> Outputs:
        """Where acts go."""
        return self._outputs

    def step(self, event: Event) -> int:
        """Let the engine take what a person asked of its outputs (mode_desk.py); return the record's number."""
        return self._step(event)

    def command(self, body: Mapping[str, object]) -> None:
        """Record what somebody asked for."""
        self._command(body)

    def now(self) -> int:
        """Return the engine's time."""
        return self._timeline.now()

    def answer(self, item: ItemId, step: str, answer: str, by: str, note: str) -> bool:
        """Take a person's answer to an open question; False where it is not open (any more)."""
        if not any((ask.item, ask.step) == (item, step) for ask in self.engine.asks()):
            return False
        self._step(rooms.Answered(self._timeline.now(), step, item, answer, by, note))
        return True

    def decide_by(self, plan: PipelinePlan, digest: str, record: bytes, is_whole: bool) -> None:
        """Decide by another plan from the next event on. It has the same parts, in the same order, and differs in
        numbers alone: items under way, windows and deadlines go on. `record` says so in the ledger, in one
        transaction with the state that it goes on from.
        """
        engine = Engine(plan)
        engine.restore(self.engine.state())
        self.engine, self._plan, self._digest = engine, plan, digest
        self.record_plan(record, is_whole)
        self.snapshot()
        self._changed.set()

    def record_plan(self, record: bytes, is_whole: bool) -> None:
        """Record the plan that is in force from now on. `is_whole`: with its tree."""
        self._last_record = self._ledger.append("plan", self._timeline.now(), record)
        if is_whole:
            self.trees.add(self._digest, self._last_record)

    def record_anew(self, record: bytes) -> None:
        """Another ledger begins while the line runs: plan and state are what it can be gone on from."""
        self.trees = Trees([])
        self.record_plan(record, True)
        self.snapshot()

    # --- recovery -----------------------------------------------------------------------------------------------

    async def recover(self, recovered: Recovered, plan: Plan) -> None:
        """Bring the engine to where the last durable step left it, and under the plan in force (recovery.py)."""
        past = Recovery(plan, self._ledger, self._say)
        await past.run(recovered)
        self.engine, self.trees, self.is_heir = past.engine, past.trees, past.is_heir

    def begin(self, device_names: set[str]) -> None:
        """Start the engine's life in this process, under the modes that are in force."""
        if self.modes is not None:
            self.modes.begin()
        intents = [intent for name in sorted(device_names) for intent in self._intents.open(name)]
        in_flight = tuple((i.act.cause, i.act.output, i.act.index, i.note) for i in intents)
        self._step(rooms.Started(self._timeline.now(), self._timeline.gap_ns, in_flight))

    # --- in -----------------------------------------------------------------------------------------------------

    def arrive(self, arrival: Arrival) -> None:
        """Take what a driver reports, now."""
        if self._stopping:
            return
        if isinstance(arrival, Frame):
            with self._frames.arrived(arrival.input, arrival.sequence, arrival.ref):
                self._arrived(arrival)
        else:
            self._arrived(arrival)

    def _arrived(self, arrival: Arrival) -> None:
        event = self._arrivals.event(arrival)
        if event is not None:
            self._step(event)

    def settled(self, outcome: Outcome) -> None:
        """Take the outcome of an act, of this run or an earlier one."""
        act, of = outcome.act, self._timeline.of
        record = self._step(
            rooms.ActSettled(
                self._timeline.now(),
                act.cause,
                act.output,
                act.index,
                outcome.kind.value,
                outcome.why,
                of(outcome.at_ns),
                outcome.position_mm,
                of(outcome.sent_ns),
            )
        )
        self._unsettled.append((record, outcome))
        if self.modes is not None:
            self.modes.settled(outcome)

    def committed(self, last_id: int) -> None:
        """The ledger has made everything up to `last_id` durable: intents whose outcome it holds are done with."""
        while self._unsettled and self._unsettled[0][0] <= last_id:
            _, outcome = self._unsettled.popleft()
            device = self._names.get(outcome.act.output)  # none: an earlier plan had that output
            for name in [device] if device else sorted({*self._names.values()}):
                for intent in self._intents.open(name):
                    if intent.act == outcome.act:
                        self._intents.settle(intent)
        self._durable_id = last_id
        while self._until_durable and self._until_durable[0][0] <= last_id:
            _, waiting = self._until_durable.popleft()
            if not waiting.done():
                waiting.set_result(None)

    async def run(self) -> None:
        """Keep time and serve the calls until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for work, name in self._early:
                self._task(work, name)
            if self.modes is not None:
                tasks.create_task(self.modes.run(), name="modes")
            for name, calls in self._calls.items():
                tasks.create_task(calls.run(), name=f"step {name}")
            while True:
                await self._next_tick()

    def hold(self) -> None:
        """Take nothing new from now on but the outcomes of acts under way."""
        self._stopping = True

    async def quiet(self, seconds: float) -> None:
        """Wait for acts under way at most so long, now that no device is opened again; those left are resolved by the
        next start.
        """
        self._outputs.end()
        if self._acts:
            await asyncio.wait(set(self._acts), timeout=seconds)

    def snapshot(self) -> None:
        """Put the engine's state into the ledger's next batch."""
        state = msgpack.packb([self._digest, self.engine.state(), self.trees.kept()], use_bin_type=True)
        self._ledger.save_snapshot(state, self._last_record)
        self._since_snapshot = 0

    # --- through ------------------------------------------------------------------------------------------------

    def _step(self, event: Event) -> int:
        """Step, record, start what is wanted; return the record's id."""
        effects = self.engine.step(event)
        record = self._last_record = self._ledger.append("event", event.t, pack_event(event))
        for index, effect in enumerate(effects):
            self._record(event, effect, index)
        for effect in effects:
            self._start(event, effect, record)
        self._since_snapshot += 1
        if self._since_snapshot >= SNAPSHOT_RECORDS:
            self.snapshot()
        self._changed.set()
        return record

    def _record(self, event: Event, effect: Effect, index: int) -> None:
        record = told(effect, index, self.engine.scene.events, self._digest)
        if record is None:
            return
        if isinstance(effect, rooms.Alarm):
            self._alarm(effect.code, effect.text)
        kind, body = record
        self._last_record = self._ledger.append(kind, event.t, msgpack.packb(body, use_bin_type=True), stream=True)

    def _alarm(self, code: str, text: str) -> None:
        self._say(f"{code}: {text}")
        self.on_alarm(code, text)

    def _start(self, event: Event, effect: Effect, record: int) -> None:
        match effect:
            case rooms.Infer():
                self._sharing.put(Call(effect, self._given(effect), event.t))
            case rooms.Look():
                self._task(self._look(effect), f"lookup {effect.step} {effect.item}")
            case rooms.Keep():
                self._frames.take(effect.input, effect.sequence)
            case rooms.Release():
                self._frames.done(effect.input, effect.sequence)
            case rooms.Fire() if effect.pulse.act.cause.startswith(CAUSE):
                self._task(self._by_hand(effect, record), f"act {effect.pulse.act}")
            case rooms.Fire():
                self._task(self._outputs.fire(effect), f"act {effect.pulse.act}")
            case rooms.Set():
                self._outputs.set(effect.setpoint)
            case rooms.Withdraw():
                self._outputs.withdraw(effect.act)
            case rooms.Book():
                self._task(self._book(effect, record), f"booking {effect.booking.act}")

    async def _book(self, effect: rooms.Book, record: int) -> None:
        """Have an effect in another system once its cause is durable: a cause that is lost comes again, under another
        identity, and its own may be another's then.
        """
        await self._durable(record)
        await self._outputs.book(effect)

    async def _by_hand(self, effect: rooms.Fire, record: int) -> None:
        """Do a person's pulse once its cause is durable, for the same reason; on a disk that refuses it is not done,
        since nobody stands there any more when it is mended.
        """
        try:
            async with asyncio.timeout(LATE_S):
                await self._durable(record)
        except TimeoutError:
            why = "the record of who wanted it is not durable"
            self.settled(Outcome(effect.pulse.act, OutcomeKind.NOT_EXECUTED, why))
            return
        await self._outputs.fire(effect)

    async def _durable(self, record: int) -> None:
        if record > self._durable_id:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._until_durable.append((record, waiting))
            await waiting

    def _given(self, infer: rooms.Infer) -> Given:
        """Return what the model is shown: the frame's picture, which is kept until it has answered, or values."""
        match infer.given:
            case None:
                ref = self._frames.take(infer.input, infer.sequence)
                return PictureRef(ref, infer.box, self._tiles[infer.step])
            case str() as text:
                return Text(text)
            case numbers:
                return Vector(numbers)

    def _call(self, call: Call) -> None:
        self._calls[call.infer.step].put(call)

    async def _look(self, look: rooms.Look) -> None:
        record, known_ns = await self._lookups.look(look, self._devices[look.input])
        self._looked(look, record, self._timeline.of(known_ns))

    def _looked(self, look: rooms.Look, record: Record, taken_t: int) -> None:
        if self._stopping:
            return  # the next start looks it up again
        fields = as_declared(record.fields if record.found else {}, self._records[look.input])
        health = record.health.value
        now = self._timeline.now()
        self._step(rooms.RecordSeen(now, look.step, look.item, record.found, fields, taken_t, health, record.why))

    def _answered(self, call: Call, inferred: Inferred) -> None:
        infer, result = call.infer, inferred.result
        self._doubts.look(infer.step, inferred)
        if not self._stopping:  # what would follow could not be done any more; the next start knows it as not answered
            self._result(
                rooms.ResultSeen(
                    t=self._timeline.now(),
                    step=infer.step,
                    sequence=infer.sequence,
                    item=infer.item,
                    taken_t=infer.taken_t,
                    called_t=call.asked_t,
                    health=inferred.health.value,
                    label=result.label if result else "",
                    score=result.score if result else 0.0,
                    why=inferred.why,
                    picture_digest=inferred.picture_digest,
                    decode_us=inferred.decode_us,
                    invoke_us=inferred.invoke_us,
                    found=found_of(inferred),
                    numbers=numbers_of(inferred),
                )
            )
        if infer.input:
            self._frames.done(infer.input, infer.sequence)  # last: what looks closer is shown the same picture

    def _result(self, seen: rooms.ResultSeen) -> None:
        self._step(seen)
        self.on_result(seen)

    def _identity(self) -> tuple[int, int]:
        """Return epoch and number for a message: they rise with the ledger's records, and are never used again."""
        return int.from_bytes(self._ledger.epoch[:4], "big"), self._ledger.next_id

    def _command(self, body: Mapping[str, object]) -> None:
        record = msgpack.packb(body, use_bin_type=True)
        self._last_record = self._ledger.append("command", self._timeline.now(), record)

    async def _next_tick(self) -> None:
        """Wait for the engine's next deadline, or for an event that may have moved it."""
        self._changed.clear()
        due = None if self._stopping else self.engine.next_deadline()  # one that passes while it stops would spin
        wait_s = None if due is None else max(0.0, (due - self._timeline.now()) / 1e9)
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            now = self._timeline.now()
            # uvloop's timers have millisecond grain and may come early: a tick before its time would be recorded for
            # nothing.
            if not self._stopping and due is not None and now >= due:
                self._step(rooms.Tick(now))

    def _task(self, work: Any, name: str) -> None:
        if self._tasks is None:  # bookings that a start takes up again are wanted before `run` has its first turn
            self._early.append((work, name))
            return
        task = self._tasks.create_task(work, name=name)
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)


async def _all(*durable: Awaitable[None]) -> None:
    await asyncio.gather(*durable)
