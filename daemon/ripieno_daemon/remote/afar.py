"""The fleet inside one life of the app: opened before the line is, obeyed once there is one.

    open: databases of orders and twin; the plan as it was set from afar before this start
    obey: what an order may do to the line; a stop that still holds holds from the first effect on
    begin: the one task, which connects

A device whose enrolment cannot be read obeys nobody and says so; its line and its results go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import msgpack

from ripieno.errors import RipienoError, StorageError
from ripieno.plan import Plan, digest, joined

from ..fleet import Quota
from ..orders.executors import Executor
from ..trust.enrolled import Enrolled
from .answering import BY, Answering, Asking
from .choosing import Choosing
from .moding import moding
from .snapshot import Snapshot
from .stationed import Afar, Stationed, open_station
from .tuning import Tuning

if TYPE_CHECKING:
    from ..app import Ports
    from ..conducting.conductor import Conductor
    from ..conducting.timeline import Timeline
    from ..ledger import Ledger
    from ..updates.updates import Updates

ROW_BYTES: Final = 4096  # what a result takes on the disk with all that led to it, at most: storage.quota in rows


class FarEnd:
    """Open with `FarEnd.open`, then `obey`, then `begin`; `close` after the task has ended.

    Attributes:
        plan: what the files say, with what was set from afar.
        outbox: sends the results.
    """

    def __init__(self, plan: Plan, stationed: Stationed, say: Callable[[str], None]) -> None:
        self.plan, self.outbox = plan, stationed.outbox
        self._stationed, self._say = stationed, say
        self._conductor: Conductor | None = None
        self._keeping: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls,
        plan: Plan,
        ports: Ports,
        ledger: Ledger,
        timeline: Timeline,
        executors: Mapping[str, Executor],
        decide_by: Callable[[Plan], Awaitable[None]],
        say: Callable[[str], None],
        updates: Updates | None = None,
    ) -> FarEnd | None:
        """Open it, None where the plan names no broker.

        Args:
            executors: beside those that the line itself has.
            decide_by: has another plan decide from the next event on.
            updates: those of this device, None for none.

        Raises:
            StorageError: the disk refused.
        """
        boot = int.from_bytes(ports.entropy.token(4), "big")
        broker = ports.broker(plan, boot)
        if broker is None:
            return None
        far: FarEnd | None = None

        def end() -> FarEnd:
            assert far is not None, "nothing comes before the station runs"
            return far

        def record(ended: Mapping[str, Any]) -> None:
            ledger.append("command", timeline.now(), msgpack.packb(dict(ended), use_bin_type=True), stream=True)

        async def put(changed: Plan) -> None:
            await decide_by(changed)
            end().plan = changed
            end()._stationed.station.state_changed()

        async def safe(args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
            await end().line.make_safe(BY, "asked for from afar")
            return {}

        cameras = [one.name for one in joined(plan).inputs if one.kind == "frame"]
        snapshot = Snapshot(cameras, lambda: end().line.frames, ports.clock)
        asks, answer = Asking(lambda: end().line), Answering(lambda: end().line)
        recipe, modes = Choosing(lambda: end().line, ledger), moding(lambda: end().line)
        asked: dict[str, Executor] = {
            **executors,
            **modes,
            "safe": safe,
            "snapshot": snapshot,
            "asks": asks,
            "answer": answer,
        }
        enrolled, tuning = _enrolled(plan, ports, say), Tuning(plan, put)
        stationed = await open_station(
            plan,
            broker,
            ledger,
            ports.storage,
            ports.clock,
            ports.entropy,
            Afar(
                enrolled,
                {**asked, "recipe": recipe},
                tuning,
                lambda why: end().hold(why),
                record,
                ports.clock_quality,
                updates,
            ),
            boot=boot,
            describe=lambda: {
                "plan": digest(end().plan),
                "version": metadata.version("ripieno"),
                **({"releases": updates.report()} if updates is not None else {}),
            },
            say=say,
            quota=Quota(max(1, plan.storage.quota_bytes // ROW_BYTES)),
        )
        far = cls(plan, stationed, say)
        if stationed.twin is not None and (applied := stationed.twin.applied).rev:
            far.plan, wrong = tuning.begin_with(applied.values)
            for key, why in wrong.items():
                say(f"setting {key} of revision {applied.rev} is not in force: {why}")
        return far

    @property
    def line(self) -> Conductor:
        """The line that obeys."""
        assert self._conductor is not None, "orders are taken once there is a line"
        return self._conductor

    def obey(self, conductor: Conductor) -> None:
        """From now on orders go to this line. A stop from before this start holds it now."""
        self._conductor = conductor
        orders = self._stationed.orders
        if orders is not None and orders.is_stopped and conductor.held is None:
            self.hold("stopped from afar, before this start")

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._stationed.station.run()

    def hold(self, why: str) -> None:
        """Hold all outputs safe: at once, whatever the disk does. What a restart must know follows."""
        task = asyncio.ensure_future(self._keep(self.line.make_safe(BY, why)))
        self._stationed.station.state_changed()
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def clear_stop(self) -> None:
        """A person at the device says that a stop from afar is over. Raises StorageError: a restart holds again."""
        orders = self._stationed.orders
        if orders is not None and orders.is_stopped:
            try:
                await orders.clear_stop()
            finally:
                self._stationed.station.state_changed()

    async def close(self) -> None:
        """Close the databases, after what holds is durable."""
        await asyncio.gather(*self._keeping)
        await self._stationed.close()

    async def _keep(self, durable: Awaitable[None]) -> None:
        try:
            await durable
        except StorageError as error:
            self._say(f"ALARM outputs are held, but a restart may not know it: {error}")


def _enrolled(plan: Plan, ports: Ports, say: Callable[[str], None]) -> Enrolled | None:
    try:
        return ports.enrolled(plan)
    except RipienoError as error:
        say(f"ALARM nobody is obeyed from afar: {error}")
        return None
