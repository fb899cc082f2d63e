"""All updates of one device: one updater for each bundle that is taken from `bundles/NAME/current`, one way to chunks.

They outlive the lives of the app: `connected` and `recording` are told what the present life has, and that it has gone.
One release is under way at a time, whatever its name: they would share the link, the processor and the blame.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ripieno.contracts.ports import Clock
from ripieno.engine import ResultSeen
from ripieno.errors import BrokerError

from .arrival import SelfTest
from .disk import Disk
from .judging import Authority, name_in
from .over_broker import take_piece
from .slots import Refused
from .telling import CHANGED
from .transfer import Away, Transfer
from .trial import Gates, Noted, noted
from .tryout import Switch
from .updater import IDLE, Updater

MOST_UNRECORDED: Final = 64
PROGRESS_S: Final = 5.0
Ask = Callable[[str, Mapping[str, Any]], Awaitable[None]]
Record = Callable[[Mapping[str, Any]], None]


class Updates:
    """`add` and `start` first; `run` is a task, the rest is called on the loop.

    Args:
        away: runs what touches the disk.
        tell: each thing that happened, for people.
        gates: what a trial allows.

    Attributes:
        changed: called when `report` says something else.
    """

    def __init__(
        self,
        *,
        switch: Switch,
        test: SelfTest,
        away: Away,
        clock: Clock,
        tell: Record,
        gates: Callable[[], Gates] = Gates,
    ) -> None:
        self._switch, self._test, self._away, self._clock, self._tell = switch, test, away, clock, tell
        self._gates = gates
        self._transfer = Transfer(self._asked, away, clock)
        self._planning = asyncio.Lock()
        self._ask: Ask | None = None
        self._authority: Callable[[], Authority | None] = lambda: None
        self._record: Record | None = None
        self._unrecorded: deque[Mapping[str, Any]] = deque(maxlen=MOST_UNRECORDED)
        self._steps: Mapping[str, str] = {}
        self.by_name: dict[str, Updater] = {}
        self.changed: Callable[[], None] = lambda: None

    def add(self, disk: Disk, name: str) -> Updater:
        """Make the updater of a bundle, not started yet."""
        made = self.by_name[name] = Updater(
            disk,
            name,
            authority=lambda: self._authority(),
            transfer=self._transfer,
            switch=self._switch,
            test=self._test,
            away=self._away,
            clock=self._clock,
            tell=self._told,
            gates=self._gates,
        )
        return made

    # --- the present life of the app ----------------------------------------------------------------------------

    def connected(self, ask: Ask, authority: Callable[[], Authority | None]) -> None:
        """There is a way to chunks, and a policy; what was under way when this process began goes on."""
        self._ask, self._authority = ask, authority
        for one in self.by_name.values():
            one.may_take_up()

    def disconnected(self) -> None:
        """That way is closed; the policy holds until there is another."""
        self._ask = None

    def recording(self, record: Record | None) -> None:
        """There is a ledger, for what happened meanwhile too; None: it is being closed."""
        self._record = record
        while record is not None and self._unrecorded:
            record(self._unrecorded.popleft())

    def take(self, payload: bytes, ack: Callable[[], None]) -> None:
        """A message of the topic of chunks came."""
        take_piece(self._transfer, payload, ack)

    def runs(self, releases: Mapping[str, str], steps: Mapping[str, str]) -> None:
        """The line has begun: with which release of each bundle (digest), and of which bundle each step is."""
        self._steps = steps
        for name, one in self.by_name.items():
            one.runs(releases.get(name, ""))

    def seen(self, event: ResultSeen) -> None:
        """The line has recorded a result."""
        self.note(event.step, noted(event))

    def note(self, step: str, noted: Noted) -> None:
        """A result of the line came."""
        if (one := self.by_name.get(self._steps.get(step, ""))) is not None:
            one.note(noted)

    def died(self, step: str, why: str) -> None:
        """A worker died under a call of this step."""
        if (one := self.by_name.get(self._steps.get(step, ""))) is not None:
            one.died(why)

    # --- what is asked ------------------------------------------------------------------------------------------

    async def plan(self, digest: str, head_bytes: int) -> Mapping[str, Any]:
        """Fetch the head of a release, judge it, and say what applying it would change; nothing is changed.

        Raises:
            Refused: with a reason: busy, nobody has it, no bundle of that name is updated here; or as Updater.plan.
        """
        self._check_free()
        async with self._planning:
            head = await self._transfer.head(digest, head_bytes)
            name = name_in(head)
            if name not in self.by_name:
                there = ", ".join(sorted(self.by_name))
                raise Refused("name", f"a release of {name!r}; this device updates {there}")
            return await self.by_name[name].plan(head, digest)

    def has_planned(self, hash: str) -> bool:
        """Whether `hash` is what one of them planned last."""
        return any(one.has_planned(hash) for one in self.by_name.values())

    async def apply(self, hash: str) -> Mapping[str, Any]:
        """Begin what was planned under this hash. Raises Refused, StorageError: as Updater.apply."""
        self._check_free()
        for one in self.by_name.values():
            if one.has_planned(hash):
                return await one.apply(hash)
        raise Refused("plan", "this is not what was planned here last; plan it again")

    def report(self) -> Mapping[str, Any]:
        """Return how far each is, by the bundle's name."""
        return {name: one.status() for name, one in sorted(self.by_name.items())}

    async def run(self) -> None:
        """Do what is begun, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, one in self.by_name.items():
                group.create_task(one.run(), name=f"updates of {name}")
            group.create_task(self._tell_progress(), name="progress of updates")

    async def _tell_progress(self) -> None:
        while True:
            await self._clock.sleep(PROGRESS_S)
            if any(one.phase != IDLE for one in self.by_name.values()):
                self.changed()

    def _check_free(self) -> None:
        if self._planning.locked():
            raise Refused("busy", "an update is being planned")
        for name, one in self.by_name.items():
            if one.phase != IDLE:
                raise Refused("busy", f"an update of {name} is {one.phase}")

    async def _asked(self, kind: str, body: Mapping[str, Any]) -> None:
        if self._ask is None:
            raise BrokerError("there is no way to chunks now")
        await self._ask(kind, body)

    def _told(self, told: Mapping[str, Any]) -> None:
        if told["what"] != CHANGED:
            if self._record is not None:
                self._record(told)
            else:
                self._unrecorded.append(told)
        self._tell(told)
        self.changed()
