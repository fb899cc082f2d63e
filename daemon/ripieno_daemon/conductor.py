"""The conductor: what devices report becomes events, the engine's effects become work, and both are recorded.

Everything about one event happens in one turn of the loop: step, record, start the work. So no event overtakes
another, and
the record of a step goes to the ledger in one transaction. Only the work itself (a pulse, a model) takes time, in
tasks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgpack

from ripieno import engine as rooms
from ripieno.contracts.driver import Arrival, BookingDevice, Device, Intents
from ripieno.contracts.ports import Inference
from ripieno.engine import Effect, Engine, Event, pack_event
from ripieno.errors import CommandRefused, LinkDown, RipienoError
from ripieno.plan import OutputPlan, PipelinePlan
from ripieno.values import (
    Act,
    Detections,
    DeviceDown,
    DeviceUp,
    Edge,
    Frame,
    Inferred,
    Outcome,
    OutcomeKind,
    Position,
    Reading,
    Setpoint,
    Trigger,
)

from .calls import Call, StepCalls
from .frames import Frames
from .ledger import Ledger, Recovered
from .standstill import LONGEST_TEXT, Held, Standstill
from .timeline import Timeline
from .told import told

SNAPSHOT_RECORDS = 500  # recovery steps through at most so many events, at some 20 us each
MOST_TREES = 16  # plans that a snapshot remembers as recorded whole; an older one is recorded again when it comes back
POSITION_EVERY_NS = 1_000_000_000  # a belt that nothing happens on is still looked at once a second


class Conductor:
    """Runs one pipeline's engine inside the daemon.

    Args:
        devices: the device of each output and input, by the name of the point.
        names: device name of each output, for the intents.
        say: one sentence for a person.

    `trees`: digests of the plans that the ledger holds whole, so that each is recorded once.
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
    ) -> None:
        self.engine = Engine(plan)
        self.trees: list[str] = []
        self._plan, self._digest = plan, digest
        self._ledger, self._intents, self._timeline, self._say = ledger, intents, timeline, say
        self._devices: Mapping[str, Device] = {}
        self._names: Mapping[str, str] = {}
        self._calls = {
            step.name: StepCalls(step.name, step.frames == "every", inference, self._answered) for step in plan.steps
        }
        self._frames = Frames()
        self._starts = {item.starts.split(".")[0] for item in plan.items}
        self._last_position_t = 0
        self._unplaced = {item.follows for item in plan.items}
        self._last_edges: dict[str, tuple[int, int]] = {}
        self._unsettled: deque[tuple[int, Outcome]] = deque()
        self._changed = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._early: list[tuple[Any, str]] = []
        self._acts: set[asyncio.Task[None]] = set()
        self._since_snapshot = 0
        self._last_record = 0
        self._stopping = False
        self._standstill: Standstill | None = None
        self._wanted: dict[str, Setpoint] = {}
        self._firing: dict[Act, Device] = {}

    def bind(self, devices: Mapping[str, Device], names: Mapping[str, str]) -> None:
        """Take the opened devices: by point name, and the device's own name by point name."""
        self._devices, self._names = devices, names
        self._frames.bind(devices)

    @property
    def is_placed(self) -> bool:
        """Whether this process has heard the count that items begin from: what was missed before it is known then."""
        return not self._unplaced

    def obey(self, standstill: Standstill, on_held: Callable[[Held | None], None]) -> None:
        """Take what may hold the outputs; one that holds them already is in force from the first effect on.

        `on_held`: called when they are held, and with None when they are let go.
        """
        self._standstill, self._on_held = standstill, on_held
        if standstill.held is not None:
            on_held(standstill.held)

    async def make_safe(self, by: str, why: str) -> None:
        """Hold all outputs at their safe values from now on: setpoints at once, pulses not sent, those that wait taken
        back; a pulse that has begun ends by its own span. Recorded, and in force until `rearm`, over restarts too.

        Raises:
            StorageError: they are held, but a restart may not know it.
        """
        assert self._standstill is not None
        held = Held(by, why[:LONGEST_TEXT], self._timeline.wall_ns())
        record = msgpack.packb({"kind": "safe", "by": by, "why": held.why}, use_bin_type=True)
        self._last_record = self._ledger.append("command", self._timeline.now(), record)
        durable = self._standstill.hold(held)
        self._on_held(held)
        for act, device in list(self._firing.items()):
            self._ask(lambda device=device, act=act: device.withdraw(act))  # type: ignore[misc]
        for output in self._plan.outputs:
            if output.kind == "setpoint" and output.name in self._devices:
                self._ask(lambda output=output: self._devices[output.name].set(_safe(output)))  # type: ignore[misc]
        await durable

    async def rearm(self, by: str) -> None:
        """A person at the device says that outputs may move again: every device is told, and it is recorded.

        Raises:
            StorageError: they may move, but a restart may hold them again.
        """
        record = msgpack.packb({"kind": "rearm", "by": by}, use_bin_type=True)
        self._last_record = self._ledger.append("command", self._timeline.now(), record)
        assert self._standstill is not None
        durable = self._standstill.release()
        self._on_held(None)
        for setpoint in self._wanted.values():
            self._ask(lambda setpoint=setpoint: self._devices[setpoint.output].set(setpoint))  # type: ignore[misc]
        self._wanted.clear()
        for device in {id(each): each for each in self._devices.values()}.values():
            try:
                device.rearm()
            except CommandRefused:
                pass  # it has no outputs
        await durable

    # --- recovery -----------------------------------------------------------------------------------------------

    async def recover(self, recovered: Recovered) -> None:
        """Bring the engine to where the last durable step left it: the snapshot, then every event behind it.

        What another plan did is not this engine's past: it begins anew then, and says so.
        """
        ours = True
        if recovered.snapshot is not None:
            digest, state, *trees = msgpack.unpackb(recovered.snapshot, raw=False)
            self.trees = trees[0] if trees else []
            ours = digest == self._digest
            if ours:
                self.engine.restore(state)
        async for record in recovered.records():
            if record.kind == "plan":
                body = msgpack.unpackb(record.payload, raw=False)
                ours = body["plan"] == self._digest
                self.trees += [body["plan"]] if "tree" in body else []
                if not ours:
                    self.engine = Engine(self._plan)
            elif record.kind == "event" and ours:
                self.engine.step(rooms.unpack_event(record.payload))
        if not ours:
            self._say("the plan has changed since the last run: items under way are given up, counting begins anew")

    def begin(self, device_names: set[str]) -> None:
        """Start the engine's life in this process: the first event of it."""
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
                self._step(self._frame(arrival))
            return
        event = self._event(arrival)
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

    def committed(self, last_id: int) -> None:
        """The ledger has made everything up to `last_id` durable: intents whose outcome it holds are done with."""
        while self._unsettled and self._unsettled[0][0] <= last_id:
            _, outcome = self._unsettled.popleft()
            device = self._names.get(outcome.act.output)
            for intent in self._intents.open(device) if device else ():
                if intent.act == outcome.act:
                    self._intents.settle(intent)

    async def run(self) -> None:
        """Keep time and serve the calls until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for work, name in self._early:
                self._task(work, name)
            for name, calls in self._calls.items():
                tasks.create_task(calls.run(), name=f"step {name}")
            while True:
                await self._next_tick()

    def hold(self) -> None:
        """Take nothing new from now on but the outcomes of acts under way."""
        self._stopping = True

    async def quiet(self, seconds: float) -> None:
        """Wait for acts under way at most so long; those left are resolved by the next start."""
        if self._acts:
            await asyncio.wait(set(self._acts), timeout=seconds)

    def snapshot(self) -> None:
        """Put the engine's state into the ledger's next batch."""
        state = msgpack.packb([self._digest, self.engine.state(), self.trees[-MOST_TREES:]], use_bin_type=True)
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
            self._start(event, effect)
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
            self._say(f"{effect.code}: {effect.text}")
        kind, body = record
        self._last_record = self._ledger.append(kind, event.t, msgpack.packb(body, use_bin_type=True), stream=True)

    def _start(self, event: Event, effect: Effect) -> None:
        if isinstance(effect, rooms.Infer):
            ref = self._frames.take(effect.input, effect.sequence)
            self._calls[effect.step].put(Call(effect, ref, event.t))
        elif isinstance(effect, rooms.Fire):
            self._task(self._fire(effect), f"act {effect.pulse.act}")
        elif isinstance(effect, rooms.Set):
            device = self._devices.get(effect.setpoint.output)
            if device is not None and self.held is None:
                device.set(effect.setpoint)
            elif device is not None:
                self._wanted[effect.setpoint.output] = effect.setpoint
                device.set(_safe(next(one for one in self._plan.outputs if one.name == effect.setpoint.output)))
        elif isinstance(effect, rooms.Withdraw):
            self._devices[effect.act.output].withdraw(effect.act)
        elif isinstance(effect, rooms.Book):
            self._task(self._book(effect), f"booking {effect.booking.act}")

    def _ask(self, ask: Callable[[], None]) -> None:
        """Ask a device; one that refuses says so and keeps nobody from asking the next."""
        try:
            ask()
        except RipienoError as error:
            self._say(f"refused: {error}")

    @property
    def held(self) -> Held | None:
        """Who holds the outputs safe, None for nobody."""
        return self._standstill.held if self._standstill is not None else None

    async def _fire(self, effect: rooms.Fire) -> None:
        pulse = effect.pulse
        if pulse.trigger is Trigger.TIME:
            pulse = replace(pulse, begin=self._timeline.to_host(int(pulse.begin)))
        device = self._devices[pulse.output]
        if (held := self.held) is not None:
            self.settled(Outcome(pulse.act, OutcomeKind.NOT_EXECUTED, str(held)))
            return
        self._firing[pulse.act] = device
        try:
            outcome = await device.fire(pulse, effect.note)
        except LinkDown:
            return  # it may have been sent, and its intent stays open: the next start asks the device about it
        except RipienoError as error:
            outcome = Outcome(pulse.act, OutcomeKind.NOT_EXECUTED, str(error))
        finally:
            self._firing.pop(pulse.act, None)
        self.settled(outcome)

    async def _book(self, effect: rooms.Book) -> None:
        device = self._devices[effect.booking.output]
        if not isinstance(device, BookingDevice):
            raise CommandRefused(f"{effect.booking.output}: the driver of its device claims bookings and makes none")
        self.settled(await device.book(effect.booking))

    def _answered(self, call: Call, inferred: Inferred) -> None:
        infer, result = call.infer, inferred.result
        found = result.found if isinstance(result, Detections) else ()
        self._frames.done(infer.input, infer.sequence)
        if self._stopping:
            return  # what would follow from it could not be done any more; the next start knows it as not answered
        self._step(
            rooms.ResultSeen(
                self._timeline.now(),
                infer.step,
                infer.sequence,
                infer.item,
                infer.taken_t,
                call.asked_t,
                inferred.health.value,
                result.label if result else "",
                result.score if result else 0.0,
                inferred.why,
                inferred.picture_digest,
                inferred.decode_us,
                inferred.invoke_us,
                tuple((one.label, one.score, *one.box) for one in found),
            )
        )

    def _frame(self, frame: Frame) -> Event:
        return rooms.FrameSeen(
            self._timeline.now(),
            frame.input,
            frame.sequence,
            frame.position_mm,
            self._timeline.of(frame.at_ns),
            frame.health.value,
            frame.why,
            frame.still_ns,
        )

    def _event(self, arrival: Arrival) -> Event | None:
        now, of = self._timeline.now(), self._timeline.of
        match arrival:
            case Edge():
                if arrival.input not in self._starts or not arrival.rising:
                    return None
                self._last_position_t = now
                return rooms.EdgeSeen(
                    now,
                    arrival.input,
                    True,
                    arrival.epoch,
                    arrival.number,
                    arrival.position_mm,
                    of(arrival.at_ns),
                )
            case Position():
                return self._position(arrival, now)
            case Reading():
                fields = next(one.fields for one in self._plan.inputs if one.name == arrival.input)
                values = tuple(float(arrival.fields[name]) for name, _ in fields)
                return rooms.ReadingSeen(now, arrival.input, values, of(arrival.at_ns), arrival.health.value)
            case DeviceUp():
                return rooms.DeviceChanged(now, arrival.device, True, arrival.epoch, "")
            case DeviceDown():
                return rooms.DeviceChanged(now, arrival.device, False, 0, arrival.why)
            case _:
                return None

    def _position(self, arrival: Position, now: int) -> Event | None:
        """Only positions that make a difference are events: each one is recorded, and the record must stay small."""
        edges, due = (arrival.epoch, arrival.edges), self.engine.next_position_mm()
        news = (
            arrival.input in self._unplaced
            or (self._last_edges.get(arrival.input) != edges and now - self._last_position_t >= POSITION_EVERY_NS // 4)
            or (due is not None and arrival.position_mm >= due)
            or now - self._last_position_t >= POSITION_EVERY_NS
        )
        if not news:
            return None
        self._last_edges[arrival.input] = edges
        self._last_position_t = now
        self._unplaced.discard(arrival.input)
        return rooms.PositionSeen(
            now,
            arrival.input,
            arrival.position_mm,
            arrival.epoch,
            arrival.edges,
            self._timeline.of(arrival.at_ns),
        )

    async def _next_tick(self) -> None:
        """Wait for the engine's next deadline, or for an event that may have moved it."""
        self._changed.clear()
        due = self.engine.next_deadline()
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


def _safe(output: OutputPlan) -> Setpoint:
    return Setpoint(output.name, float(output.safe), output.lease_ns / 1e9)
