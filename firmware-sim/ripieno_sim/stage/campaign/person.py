"""The person at the machine: holds the outputs safe, lets them move again, and looks at the lamp now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from ripieno.errors import StorageError
from ripieno_daemon.app import App

from .terms import US
from .world import World

LOOKS: Final = 3  # of three chances to look, a person takes one
ARMED: Final = 0b11
NAME: Final = "somebody"


@dataclass(slots=True)
class Hold:
    """A person holds the outputs safe. Times in us. `is_durable`: it is in force over restarts, too."""

    begins_us: int
    until_us: int | None = None
    is_durable: bool = False


class Person:
    """One person for all lives of the daemon. `holds`: when the outputs were held."""

    def __init__(self, world: World) -> None:
        self.holds: list[Hold] = []
        self._world = world
        self._rearms_lamp = world.terms.variant.rearm == "person"
        self._looked = 0
        self._wants_rearm = False
        self._doing: set[asyncio.Task[None]] = set()

    def hold(self, app: App | None, lasts_us: int) -> str:
        """Hold the outputs, and want them to move again later; return it in words, "" where nobody can be asked."""
        if app is None or app.conductor is None or (self.holds and self.holds[-1].until_us is None):
            return ""
        hold, self._wants_rearm = Hold(self._world.now_us()), False
        self.holds.append(hold)
        self._do(self._held(app, hold))
        self._world.at(hold.begins_us + lasts_us, self.want_rearm)
        return f"somebody holds the outputs safe for {lasts_us / US:.1f} s"

    def want_rearm(self) -> None:
        """What is held may move again, as soon as somebody looks."""
        self._wants_rearm = True

    def look(self, app: App) -> None:
        """Look whether there is something to rearm."""
        self._looked += 1
        is_still = self._looked % LOOKS == 0 and self._world.rig.board.orders.armed != ARMED
        if self._wants_rearm if app.held is not None else self._rearms_lamp and is_still:
            self._do(self._rearmed(app))

    async def _held(self, app: App, hold: Hold) -> None:
        try:
            await app.make_safe(NAME, "to look into the machine")
            hold.is_durable = True
        except StorageError:
            pass  # they are told that it is in force until the next start only

    async def _rearmed(self, app: App) -> None:
        for hold in self.holds:
            hold.until_us = self._world.now_us() if hold.until_us is None else hold.until_us
        try:
            await app.rearm(NAME)
        except StorageError:
            pass  # they are told so, and look again

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._world.loop.create_task(work, name="a person")
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
