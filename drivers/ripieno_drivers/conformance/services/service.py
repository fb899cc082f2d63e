"""What a simulated service is: a system that bookings go to, or records come from. Its author ships it with the driver.

It is written from the service's public description, not from the driver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

if TYPE_CHECKING:
    from .outside import Outside


class Conversation(Protocol):
    """One connection to the service, at the level of bytes."""

    def answer(self, written: bytes) -> bytes:
        """Take what the host wrote; return what goes back."""


class Service(Protocol):
    """A system at the other end of one port.

    `settings`: keyword arguments of the driver's settings class. `points`: (name, kind, keyword arguments of the
    driver's point class). `records`: input -> key -> the record under it, or None: there are two.
    """

    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def points(self) -> Sequence[tuple[str, str, Mapping[str, Any]]]: ...
    @property
    def records(self) -> Mapping[str, Mapping[str | float, Mapping[str, object] | None]]: ...
    @property
    def tables(self) -> Mapping[str, Sequence[str]]:
        """SQLite databases that are there before the driver comes: path -> statements."""

    def connected(self) -> Conversation:
        """Somebody has connected over the network."""

    def effects(self, act: str, outside: Outside) -> int:
        """Return how often an act has had its effect, over everything that was done to the service."""


def is_service(simulated: object) -> TypeGuard[Service]:
    """Whether this is a service, and not a device on a line."""
    return hasattr(simulated, "effects")
