"""What an update says of itself: each outcome once, and that something about it has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ripieno.contracts.ports import Clock
from ripieno.errors import RipienoError

from .slots import Slots

CHANGED: Final = "changed"  # how far it is: for the retained state alone
TOLD: Final = "told"
ALARM: Final = "alarm"
GIVEN_UP: Final = "given up"  # the verdict; "reverted" follows when the old one runs again


class Telling:
    """The voice of one bundle's updates; `last` is what was said last of a release, with when (us UTC)."""

    def __init__(self, slots: Slots, clock: Clock, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._slots, self._clock, self._tell = slots, clock, tell
        self.last: Mapping[str, Any] = {}

    def said(self, what: str, digest: str, why: str) -> None:
        """Something became of a release: on trial, confirmed, refused, reverted, cancelled, stopped."""
        said: dict[str, Any] = {"what": what, "name": self._slots.name, "release": digest, "why": why}
        try:
            release = self._slots.store.release(digest)
            said |= {"version": release.version, "counter": release.counter}
        except RipienoError:
            pass  # it never came whole, or is gone already
        self.last = {**said, "at_us": self._clock.wall_ns() // 1000}
        self._tell(said)

    def told(self, why: str, what: str = TOLD) -> None:
        """A sentence for a person."""
        self._tell({"what": what, "name": self._slots.name, "why": why})

    def changed(self) -> None:
        """It has come further."""
        self._tell({"what": CHANGED, "name": self._slots.name})
