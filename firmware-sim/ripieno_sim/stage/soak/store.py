"""The host's durable intents: they outlive a host, take their time, and a disk may be full or slow."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from ripieno.contracts.driver import Intent
from ripieno.values import Act


class Store:
    """The `Intents` of every life of the host; `named` hears each one that is durable."""

    def __init__(self, draw: random.Random, named: Callable[[Intent], None]) -> None:
        self._named = named
        self.opened: dict[int, Intent] = {}
        self.is_full = False
        self.slow_us = 0
        self._ids: dict[Act, list[int]] = {}
        self._highest = 0
        self._draw = draw

    def highest(self, device: str) -> int:
        """Return the highest id ever made durable."""
        return self._highest

    def open(self, device: str) -> Sequence[Intent]:
        """Return the intents without an outcome."""
        return list(self.opened.values())

    async def write(self, intent: Intent) -> None:
        """The soak's host says itself when an intent is written: nothing may wait here."""
        raise NotImplementedError

    def settle(self, intent: Intent) -> None:
        """Its outcome is known."""
        self.opened.pop(intent.command_id, None)

    def outcome_known(self, act: Act) -> None:
        """Settle every intent of an act."""
        for cmd_id in self._ids.pop(act, ()):
            self.opened.pop(cmd_id, None)

    def takes_us(self) -> int:
        """Return how long the next write takes."""
        return self._draw.randint(100, 4_000) + (self._draw.randint(0, self.slow_us) if self.slow_us else 0)

    def survives(self) -> bool:
        """Say whether a write that was under way when the host died reached the disk."""
        return self._draw.random() < 0.5

    def written(self, intent: Intent) -> bool:
        """Make an intent durable; False when the disk is full."""
        if self.is_full:
            return False
        self.opened[intent.command_id] = intent
        self._ids.setdefault(intent.act, []).append(intent.command_id)
        self._highest = max(self._highest, intent.command_id)
        self._named(intent)
        return True
