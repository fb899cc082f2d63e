"""The `Doors` port: inputs that people and programs of this machine may tell something, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ripieno.contracts.site import Told
from ripieno.errors import CommandRefused, DeviceError

Take = Callable[[Told], Awaitable[str]]


class OpenDoors:
    """Which inputs are served now. Who calls, and whether he may, is known before `tell` (service/answers.py)."""

    def __init__(self) -> None:
        self._takers: dict[str, Take] = {}

    @property
    def inputs(self) -> list[str]:
        """The inputs that can be told something."""
        return sorted(self._takers)

    async def serve(self, input: str, take: Take) -> None:
        """Serve until cancelled. Raises DeviceError: somebody else serves this input."""
        if input in self._takers:
            raise DeviceError(f"{input} is served by another device already; bind it once")
        self._takers[input] = take
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            del self._takers[input]

    async def tell(self, input: str, told: Told) -> str:
        """Hand in a message; return its key when it is durable.

        Raises:
            CommandRefused: the input takes none; the message says which do.
            StorageError: the disk refuses now; the message is queued, and may still become durable.
        """
        take = self._takers.get(input)
        if take is None:
            there = ", ".join(self.inputs) or "none; bind a message input to a device with driver inbox"
            raise CommandRefused(f"no input {input[:80]!r} takes messages here; there are: {there}")
        return await take(told)
