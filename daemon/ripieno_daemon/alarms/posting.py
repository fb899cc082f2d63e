"""A channel's messages on their way: one after the other, each until its system has it, the queue bounded.

The driver that serves the channel tries again with back-off, under the notice's key, until the system has it or has
said no to it. Meanwhile others wait here; the oldest goes where they become too many, and is counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn

from ripieno.contracts.driver import BookingDevice, Device
from ripieno.errors import CommandRefused, LinkDown
from ripieno.values import Act, Booking, OutcomeKind

from .notices import Notice

MOST_WAITING: Final = 100
VERB: Final = "tell"
DELIVERED, REFUSED, DROPPED = "delivered", "refused", "dropped"


class Posting:
    """One channel.

    Args:
        point: of the device that serves it.
        about: fields that each message has beside the notice's own.
        on_end: what became of a notice (delivered, refused or dropped), and why.
    """

    def __init__(
        self, point: str, about: tuple[tuple[str, object], ...], on_end: Callable[[Notice, str, str], None]
    ) -> None:
        self._point, self._about, self._on_end = point, about, on_end
        self._waiting: deque[Notice] = deque()
        self._some, self._bound = asyncio.Event(), asyncio.Event()
        self._device: Device | None = None
        self.ended = {DELIVERED: 0, REFUSED: 0, DROPPED: 0}

    @property
    def waiting(self) -> int:
        """How many have not ended yet."""
        return len(self._waiting)

    def bind(self, device: Device) -> None:
        """Send by this device from now on: it was opened, or opened anew."""
        self._device = device
        self._bound.set()

    def put(self, notice: Notice) -> None:
        """Queue a notice; never waits."""
        self._waiting.append(notice)
        if len(self._waiting) > MOST_WAITING:  # the first may be under way: it is told at least, the next is dropped
            dropped = self._waiting[1]
            del self._waiting[1]
            self._end(dropped, DROPPED, f"{MOST_WAITING} wait already")
        self._some.set()

    async def run(self) -> NoReturn:
        """Send until cancelled."""
        while True:
            while not self._waiting:
                self._some.clear()
                await self._some.wait()
            notice = self._waiting[0]
            ended, why = await self._sent(notice)
            self._waiting.popleft()
            self._end(notice, ended, why)

    async def _sent(self, notice: Notice) -> tuple[str, str]:
        booking = Booking(Act(f"alarm:{notice.key}", self._point, 0), self._point, VERB, self._about + notice.fields())
        while True:
            await self._bound.wait()
            device = self._device
            if not isinstance(device, BookingDevice):
                return REFUSED, "its driver sends no messages"
            try:
                outcome = await device.book(booking)
            except LinkDown:  # its driver has stopped, and is opened anew
                if self._device is device:
                    self._bound.clear()
                continue
            except CommandRefused as error:
                return REFUSED, str(error)
            return (DELIVERED, "") if outcome.kind is OutcomeKind.EXECUTED else (REFUSED, outcome.why)

    def _end(self, notice: Notice, ended: str, why: str) -> None:
        self.ended[ended] += 1
        self._on_end(notice, ended, why)
