"""A driver of a service in a world of which everything is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from ripieno.contracts.driver import Context, Driver, Point
from ripieno.values import Act, Booking, Outcome, OutcomeKind

from ..life import Life
from ..virtual import LoopClock
from .outside import Outside
from .service import Service

UP_S: Final = 20.0
BOOKED_S: Final = 120.0
BOOKS: Final = ("booking", "message", "report")
DEVICE: Final = "service-under-test"


class ServiceWorld(Life):
    """Made inside a running loop. `make` is a new process of the driver; `outside` stays as it is."""

    def __init__(self, driver: Driver, factory: Callable[[int], Service]) -> None:
        self.driver, self.service = driver, factory(0)
        self.outside = Outside(self.service)
        self.trouble = self.outside.trouble
        self.reports: list[Any] = []
        self.said: list[str] = []
        self.task: asyncio.Task[None] | None = None
        self._acts = 0
        self.make()

    @property
    def outputs(self) -> list[str]:
        """The outputs that book."""
        return [name for name, kind, _ in self.service.points if kind in BOOKS and name not in self.service.records]

    def make(self) -> None:
        """Open the device (again), as a fresh process would."""
        nothing: Any = None
        points = [Point(name, kind, self.driver.point(**own)) for name, kind, own in self.service.points]
        context = Context(
            device=DEVICE,
            points=points,
            clock=LoopClock(),
            entropy=nothing,
            lines=nothing,
            folder=nothing,
            intents=nothing,
            report=self.reports.append,
            settled=nothing,
            say=self.said.append,
            storage=self.outside,
            network=self.outside,
            files=self.outside,
            brokers=self.outside.broker,
            recorded=self._recorded,
        )
        self.device: Any = self.driver.open(self.driver.settings(**self.service.settings), context)

    async def restart(self) -> None:
        """End this process of the driver, and begin another."""
        await self.stop()
        self.make()
        self.start()

    async def up(self) -> str:
        """Start, and return what is wrong, "" for nothing."""
        self.start()
        return "" if await self.until(self.is_up, UP_S) else f"it is not up after {UP_S:g} s"

    def close(self) -> None:
        """Forget the world."""
        self.outside.close()

    def booking(self, output: str) -> Booking:
        """A booking of a new act."""
        self._acts += 1
        return Booking(Act(f"part-00000001-{self._acts}", output, 0), output, "scrap", (("number", self._acts),))

    def effects(self, booking: Booking) -> int:
        """How often its act had its effect."""
        return self.service.effects(str(booking.act), self.outside)

    async def judged(self, booking: Booking) -> str:
        """Book, and return what is wrong with the outcome, "" for nothing."""
        try:
            async with asyncio.timeout(BOOKED_S):
                outcome = await self.device.book(booking)
        except TimeoutError:
            return f"no outcome after {BOOKED_S:g} s"
        return self.judge(booking, outcome)

    def judge(self, booking: Booking, outcome: Outcome) -> str:
        """Hold an outcome against what the service counts."""
        done = self.effects(booking)
        if outcome.act != booking.act:
            return "the outcome is another act's"
        if done > 1:
            return f"one act had its effect {done} times"
        if outcome.kind is OutcomeKind.EXECUTED and not done:
            return "it was said to be EXECUTED, and the service knows nothing of it"
        if outcome.kind is OutcomeKind.NOT_EXECUTED and done:
            return f"it was said to be NOT_EXECUTED ({outcome.why}), and the service has done it"
        if outcome.kind is not OutcomeKind.EXECUTED:
            return f"a booking that the service would take is {outcome.kind.value} ({outcome.why})"
        return ""

    async def _recorded(self) -> None:
        """Everything is durable at once."""
