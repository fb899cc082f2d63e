"""The daemon: builds the parts that a plan names, hands each what it needs, runs them, and ends in order.

This is the only module that knows which parts exist. Order of a start: ledger and recovery, models, then devices,
so that nothing is armed before everything that decides is ready. A stop goes the other way: outputs safe first, the
record last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgpack

from ripieno.contracts.driver import Arrival
from ripieno.contracts.runtime import Loaded
from ripieno.errors import RipienoError, StorageError
from ripieno.plan import Plan, digest, joined
from ripieno.values import DeviceDown, DeviceImpaired, DeviceUp

from ..bundles import PlanModels, open_bundles
from ..conducting.conductor import Conductor
from ..conducting.mode_desk import Change, ModeDesk
from ..conducting.mode_file import FILE_BYTES as MODES_BYTES
from ..conducting.mode_file import ModeFile
from ..conducting.products import Products
from ..conducting.recovery import CARRIED, TAKEN_OVER
from ..conducting.standstill import FILE_BYTES as STANDSTILL_BYTES
from ..conducting.standstill import Held, Standstill
from ..conducting.timeline import Timeline
from ..ledger import IntentFile, Ledger, Recovered
from ..ledger.intents import FILE_BYTES
from ..ledger.mending import NAME as LEDGER
from ..ledger.mending import Mending
from ..supervision import Supervisor, WatchedInference
from .asked import ask_for_progress
from .contexts import contexts
from .devices import OpenDevices
from .ports import Ports
from .recorded import plan_record, words
from .told import parts_of

if TYPE_CHECKING:
    from ..fleet import Outbox
    from ..orders import Executor
    from ..remote.afar import FarEnd
    from ..updates.updates import Updates

ACTS_S = 0.3  # a stop waits so long for outcomes that are on their way; the next start resolves the rest


class App:
    """One daemon, for one plan.

    Args:
        say: one sentence for a person, about what changed.
        on_ready: called once when every device is up and the models are loaded: the first act is possible.
        supervisor: keeps the tasks running and knows which of them make progress.
        on_begun: called once when all that decides is loaded and the devices are being opened.

    Attributes:
        plan, digest: what it decides by.
        down: the devices that cannot be used now, and why.
        models: what runs behind each step.
        mending: what was done about damaged ledgers, None where there is no shelf for them.
        doors: where people and programs of this machine hand in messages.
        executors: what may be asked from afar, by kind of order, beside what the line itself does (afar.py).
        updates: who judges releases by what the line does with them, None for nobody.
    """

    def __init__(
        self,
        plan: Plan,
        ports: Ports,
        say: Callable[[str], None],
        on_ready: Callable[[], None] = lambda: None,
        supervisor: Supervisor | None = None,
        on_begun: Callable[[], None] = lambda: None,
    ) -> None:
        self.plan, self._pipeline, self._ports = plan, joined(plan), ports
        self._say, self._on_ready, self._on_begun = say, on_ready, on_begun
        self._supervisor = supervisor or Supervisor(
            ports.clock, ports.entropy, lambda stop, then: say(f"ALARM {stop}; {then}")
        )
        self.digest = digest(plan)
        self.down: dict[str, str] = {}
        self._settled = asyncio.Event()
        self.conductor: Conductor | None = None
        self.ledger: Ledger | None = None
        self.mending: Mending | None = None
        self.outbox: Outbox | None = None
        self.models: Mapping[str, Loaded] = {}
        self.doors = ports.doors
        self.executors: Mapping[str, Executor] = {}
        self.updates: Updates | None = None
        self.on_held: Callable[[Held | None], None] = self._say_held
        self.on_alarm: Callable[[str, str], None] = lambda code, text: None
        self.on_impaired: Callable[[DeviceImpaired], None] = lambda impaired: None
        self.on_mode: Callable[[Change], None] = lambda change: None
        self._far: FarEnd | None = None
        self._is_ending = False

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set.

        Raises:
            BundleError: the bundle is not what the plan was made from.
            ModelError: a model cannot be used.
            StorageError: the ledger cannot be opened.
        """
        models = open_bundles(self.plan)
        storage, clock = self._ports.storage, self._ports.clock
        opened = partial(
            Ledger.open,
            clock=clock,
            entropy=self._ports.entropy,
            group_ms=self.plan.storage.group_ns / 1e6,
            dictionary=words(self._pipeline, self.digest),
            on_alarm=self._storage_alarm,
        )
        if (shelf := self._ports.shelf) is not None:
            quota_bytes = self.plan.storage.quota_bytes
            self.mending = Mending(storage, shelf, clock, self._ports.entropy, self._say, quota_bytes)
        ledger = self.ledger = await (
            self.mending.open(opened) if self.mending is not None else opened(storage.database(LEDGER))
        )
        ledger.on_epoch = self._begin_record
        try:
            intents = IntentFile(storage.append_file("intents", FILE_BYTES))
            try:
                standstill = Standstill(storage.append_file("standstill", STANDSTILL_BYTES))
                try:
                    await self._serve(models, ledger, intents, standstill, stop)
                finally:
                    standstill.close()
            finally:
                intents.close()
        finally:
            await self._close(ledger)

    async def rearm(self, by: str) -> bool:
        """A person at the device says that outputs may move again (`rearm: person` waits for it after every fault).

        Return whether there was anything to arm.
        """
        if self.conductor is None:
            self._say("not armed: the devices are not open yet")
            return False
        self._say(f"{by} says that outputs may move again")
        try:
            await self.conductor.rearm(by)
        finally:
            if self._far is not None:
                await self._far.clear_stop()
        return True

    async def make_safe(self, by: str, why: str) -> bool:
        """Hold the outputs safe until `rearm`; return whether there were any to hold. Raises StorageError."""
        if self.conductor is None:
            return False
        await self.conductor.make_safe(by, why)
        return True

    def indicate(self, point: str, on: bool) -> bool:
        """Switch a lamp of the alarms; return whether its device is open. It is not held with the outputs."""
        return self.conductor is not None and self.conductor.indicate(point, on)

    def note(self, body: dict[str, object]) -> bool:
        """Record how an alarm stands, for the fleet; return whether there is a record to take it."""
        if self.conductor is None or self._is_ending:
            return False
        self.conductor.note(body)
        return True

    async def acknowledge_damage(self, folder: str, by: str) -> None:
        """A person has seen that a damaged ledger was set aside. Raises StorageError: a restart tells it again."""
        if self.mending is not None:
            await self.mending.acknowledge(folder, by)

    def _say_held(self, held: Held | None) -> None:
        self._say(
            "outputs are no longer held" if held is None else f"ALARM {held}; `ripieno rearm` lets them move again"
        )

    @property
    def modes(self) -> ModeDesk | None:
        """The modes of the line, None before its devices are open."""
        return self.conductor.modes if self.conductor is not None else None

    @property
    def held(self) -> Held | None:
        """Who holds the outputs safe, None for nobody."""
        return self.conductor.held if self.conductor is not None else None

    @property
    def products(self) -> Products | None:
        """The recipes, None as long as the line is not open."""
        ready = self.conductor is not None and self.ledger is not None
        return Products(self.conductor, self.ledger) if ready else None  # type: ignore[arg-type]  # both are there

    async def _serve(
        self, models: PlanModels, ledger: Ledger, intents: IntentFile, standstill: Standstill, stop: asyncio.Event
    ) -> None:
        recovered = await ledger.recover()
        timeline = Timeline(self._ports.clock, recovered.last_t_ns, recovered.last_wall_ns)
        far = self._far = await self._far_end(ledger, timeline)
        try:
            if far is not None:
                self._run_by(far.plan)
            if self.updates is not None:
                self.updates.recording(lambda told: self._record_update(ledger, timeline, told))
            await self._serve_line(models, ledger, intents, standstill, stop, recovered, timeline)
        finally:
            self._far = None
            if self.updates is not None:
                self.updates.recording(None)
            if far is not None:
                await far.close()

    async def _far_end(self, ledger: Ledger, timeline: Timeline) -> FarEnd | None:
        if self.plan.broker.transport == "none":
            return None
        from ..remote.afar import FarEnd

        return await FarEnd.open(
            self.plan, self._ports, ledger, timeline, self.executors, self._decide_by, self._say, self.updates
        )

    async def _serve_line(
        self,
        models: PlanModels,
        ledger: Ledger,
        intents: IntentFile,
        standstill: Standstill,
        stop: asyncio.Event,
        recovered: Recovered,
        timeline: Timeline,
    ) -> None:
        far = self._far
        updates = self.updates
        inference = WatchedInference(self._ports.inference(self.plan, self._pipeline, models, self._say))
        conductor = Conductor(
            self._pipeline, self.digest, ledger, intents, timeline, inference, self._say, self._ports.clock
        )
        if updates is not None:
            inference.on_lost, conductor.on_result = updates.died, updates.seen
        conductor.obey(standstill, lambda held: self.on_held(held))
        conductor.on_alarm = lambda code, text: self.on_alarm(code, text)
        await conductor.recover(recovered, self.plan)
        if far is not None:
            far.obey(conductor)
        loaded = self.models = await inference.start()
        modes = ModeFile(self._ports.storage.append_file("modes", MODES_BYTES))
        boot = self._ports.boot_id()
        conductor.modes = ModeDesk(
            self.plan, modes, boot, timeline, conductor.outputs, conductor, lambda change: self.on_mode(change)
        )
        try:
            for step, model in sorted(loaded.items()):
                self._say(f"step {step}: {model.model} on {model.runtime} {model.version}")
            is_whole = self.digest not in conductor.trees
            how = TAKEN_OVER if conductor.is_heir else ""
            conductor.record_plan(plan_record(self.plan, loaded, is_whole, how), is_whole)
            async with asyncio.TaskGroup() as parts:
                running = [
                    parts.create_task(ledger.run(), name="ledger"),
                    parts.create_task(conductor.run(), name="conductor"),
                ]
                if (mending := self.mending) is not None:
                    running.append(self._supervisor.begin(parts, "mending", lambda: mending.run(ledger)))
                outbox = self.outbox = far.outbox if far is not None else None
                if far is not None:
                    running.append(self._supervisor.begin(parts, "station", far.run))
                ledger.on_commit = lambda last_id: self._committed(conductor, outbox, last_id)
                report = self._reporting(conductor)
                context = contexts(self._ports, conductor, intents, report, self._say, partial(self._recorded, ledger))
                devices = OpenDevices(self.plan.devices, self._supervisor, conductor, context)
                devices.open_all(self._ports.drivers)
                self.down = {device.name: "not open yet" for device in self.plan.devices}
                conductor.begin(set(self.down))
                running.append(parts.create_task(self._tell_ready(ledger), name="ready"))
                ask_for_progress(self._supervisor, ledger, conductor, timeline, inference)
                lines = devices.begin_all(parts)
                self.conductor = conductor
                self._on_begun()
                await stop.wait()
                await self._end(lines, running, conductor, ledger, outbox)
        finally:
            modes.close()
            await inference.stop()

    async def _end(
        self,
        devices: Sequence[asyncio.Task[None]],
        parts: Sequence[asyncio.Task[None]],
        conductor: Conductor,
        ledger: Ledger,
        outbox: Outbox | None,
    ) -> None:
        conductor.hold()
        self._is_ending = True
        for task in devices:
            task.cancel()
        await asyncio.gather(*devices, return_exceptions=True)
        await self._flush(ledger)  # what waits until its cause is durable need not wait for the next commit
        await conductor.quiet(ACTS_S)
        conductor.snapshot()
        await self._flush(ledger)
        if outbox is not None:
            from ..fleet.draining import drained

            await drained(lambda: outbox.backlog, self._ports.clock)
        for task in parts:
            task.cancel()
        await asyncio.gather(*parts, return_exceptions=True)

    def _begin_record(self) -> None:
        """Another ledger begins while the line runs: what a restart needs goes into its first batch."""
        if self.outbox is not None:
            self.outbox.on_epoch()
        if self.conductor is not None:
            self.conductor.record_anew(plan_record(self.plan, self.models, True, CARRIED))

    def _run_by(self, plan: Plan) -> None:
        self.plan, self._pipeline, self.digest = plan, joined(plan), digest(plan)

    async def _decide_by(self, plan: Plan) -> None:
        """Decide by a plan with other numbers from the next event on; parts under way go on."""
        conductor, ledger = self.conductor, self.ledger
        if conductor is None or ledger is None:
            raise RipienoError("the devices are not open yet")
        self._run_by(plan)
        is_whole = self.digest not in conductor.trees
        record = plan_record(self.plan, self.models, is_whole, CARRIED)
        conductor.decide_by(self._pipeline, self.digest, record, is_whole)
        try:
            await ledger.flush()
        except StorageError as error:
            self._say(f"other numbers are in force, and a restart may not know it: {error}")

    async def _recorded(self, ledger: Ledger) -> None:
        if self._is_ending:
            raise StorageError("the daemon stops, and takes no more")
        await ledger.flush()

    async def _flush(self, ledger: Ledger) -> None:
        try:
            await ledger.flush()
        except StorageError as error:
            self._say(f"the last records are not durable: {error}")

    def report(self) -> dict[str, Any]:
        """Return what `ripieno status` tells of the parts."""
        return parts_of(self)

    def _reporting(self, conductor: Conductor) -> Callable[[Arrival], None]:
        def report(arrival: Arrival) -> None:
            if isinstance(arrival, DeviceUp):
                self.down.pop(arrival.device, None)
                self._say(f"{arrival.device}: up")
            elif isinstance(arrival, DeviceImpaired):
                self.on_impaired(arrival)
            elif isinstance(arrival, DeviceDown):
                self.down[arrival.device] = arrival.why
                self._say(f"{arrival.device}: down: {arrival.why}")
            conductor.arrive(arrival)
            if not self._settled.is_set() and not self.down and conductor.is_placed:
                self._settled.set()

        return report

    async def _tell_ready(self, ledger: Ledger) -> None:
        """Say so once everything is up and the count that items begin from is durable: a crash cannot lose it any
        more.
        """
        await self._settled.wait()
        try:
            await ledger.flush()
        except StorageError as error:
            self._say(f"not durable: {error}")
        self._on_ready()

    def _committed(self, conductor: Conductor, outbox: Outbox | None, last_id: int) -> None:
        conductor.committed(last_id)
        if outbox is not None:
            outbox.on_commit(last_id)

    def _record_update(self, ledger: Ledger, timeline: Timeline, told: Mapping[str, Any]) -> None:
        packed = msgpack.packb(dict(told), use_bin_type=True)
        assert isinstance(packed, bytes)
        ledger.append("update", timeline.now(), packed, stream=True)

    def _storage_alarm(self, text: str | None) -> None:
        self._say("the record is durable again" if text is None else f"ALARM the record is not durable: {text}")

    async def _close(self, ledger: Ledger) -> None:
        try:
            await ledger.close()
        except RipienoError as error:
            self._say(f"the last records are lost: {error}")
        if self.mending is not None:
            await self.mending.close()
