"""Driver `inbox`: messages that people and programs of this machine hand in with `ripieno tell`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, NoReturn

from ripieno.contracts.driver import Context, Device, Driver
from ripieno.contracts.site import Doors, Told
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import DeviceUp
from ripieno_drivers.unmoving import MovesNothing

from .arriving import Arriving, needs_record, short_key


@dataclass(frozen=True, kw_only=True)
class InboxSettings:
    """The command line of this device; nothing to set."""


@dataclass(frozen=True, kw_only=True)
class InboxPoint:
    """One message input; nothing to set."""


class Inbox(MovesNothing):
    """Whoever tells something has an answer when it is durable, and not before."""

    def __init__(self, settings: InboxSettings, context: Context) -> None:
        self._context = context
        self._arriving = Arriving(context)

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            DeviceError: this host has no door, or another device serves one of the inputs.
        """
        context = self._context
        needs_record(context)
        if context.doors is None:
            raise DeviceError(f"{context.device}: nobody can hand in messages on this host")
        try:
            async with asyncio.TaskGroup() as group:
                for point in context.points:
                    group.create_task(self._serve(context.doors, point.name), name=f"{context.device}: {point.name}")
                context.report(DeviceUp(context.device, 0, context.clock.monotonic_ns()))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the first is why the others ended

    async def _serve(self, doors: Doors, input: str) -> NoReturn:
        async def take(told: Told) -> str:
            body = self._arriving.usable(input, told.body)
            if not body:
                raise CommandRefused("nothing is in it that can be used")
            key = short_key(told.key) or f"told-{self._context.entropy.token(8).hex()}"
            self._arriving.report(input, body, key)
            assert self._context.recorded is not None
            await self._context.recorded()
            return key

        await doors.serve(input, take)
        raise DeviceError(f"{self._context.device}: the door of {input} has closed by itself")


def _open(settings: Any, context: Context) -> Device:
    return Inbox(settings, context)


DRIVER = Driver(
    name="inbox",
    summary="messages that are handed in at this device: `ripieno tell INPUT`",
    settings=InboxSettings,
    point=InboxPoint,
    inputs=frozenset({"message"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=True,
    open=_open,
)
