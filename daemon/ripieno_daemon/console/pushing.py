"""One release on its way to one device: planned, applied with the plan's hash, watched until it is kept or given up.

    plan ---> (a person agrees) ---> apply ---> pulling ---> testing ---> on trial ---> confirmed | reverted
                                                  cancelled | refused

The device does it all by itself once it was applied; who watches may go, and come back: what is under way is watched
on, and nothing is planned anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ripieno.contracts.ports import Clock
from ripieno.errors import RipienoError

from ..bundles.packed_file import PackedBundle
from .console import Console, NotAnswered
from .releases import CONFIRMED, IDLE, End, ended, is_under_way, standing, told_of

LOOK_S: Final = 0.1
LOST_S: Final = 10.0
SAME, BUSY = "same", "busy"


class Declined(RipienoError):
    """The device does not take it. `reason`: a short word of the device's."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class Pushing:
    """One release and one device, over a console that is connected and serves it (serving.py)."""

    def __init__(self, console: Console, clock: Clock, device: str, bundle: PackedBundle) -> None:
        self._console, self._clock, self._device, self._bundle = console, clock, device, bundle
        self._digest = bundle.release.digest
        self._last_before: Any = None

    @property
    def told(self) -> Mapping[str, Any]:
        """What the device says of the releases of this name."""
        return told_of(self._state, self._bundle.release.name)

    @property
    def is_under_way(self) -> bool:
        """Whether the device is busy with this very release: it is watched, not planned."""
        return is_under_way(self.told, self._digest)

    @property
    def is_running(self) -> bool:
        """Whether this release is confirmed there already."""
        return self.told.get(CONFIRMED) == self._digest and not self.is_under_way

    async def plan(self) -> Mapping[str, Any]:
        """Return what the device says that applying it would change; nothing is changed.

        Raises:
            Declined: with the device's reason.
            NotAnswered: it is offline, or gave no answer in time.
        """
        if not self._state.get("online"):
            raise NotAnswered(f"{self._device} is offline; push again when it is there (ripieno fleet ls)")
        return await self._ask("plan", {"bundle": f"{self._digest}:{len(self._bundle.head)}"})

    async def apply(self, hash: str) -> None:
        """Begin what was planned; returns when it is durable on the device that it was begun.

        Raises:
            Declined: what runs there has changed since, or the policy wants more.
            NotAnswered: no answer in time; it may have begun all the same (`watch` tells).
        """
        self._last_before = self.told.get("last")
        await self._ask("apply", {"plan": hash})

    async def watch(self, show: Callable[[str], None]) -> End:
        """Return how it ended; `show` is given a few words on how far it is."""
        seen, quiet_ns = self.is_under_way, 0
        while (end := ended(self.told, self._digest, self._last_before)) is None:
            now_ns = self._clock.monotonic_ns()
            is_online, is_under_way = bool(self._state.get("online")), self.is_under_way
            seen, quiet_ns = seen or is_under_way, quiet_ns or now_ns
            if is_under_way or not is_online or not seen or self.told.get("phase") != IDLE:
                quiet_ns = 0
            elif now_ns - quiet_ns > LOST_S * 1e9:
                return End("lost", "the device began anew and says nothing of this update; push it again")
            show(standing(self.told) or "begun" if is_online else "offline; it goes on when it is back")
            await self._clock.sleep(LOOK_S)
        return end

    @property
    def _state(self) -> Mapping[str, Any]:
        seen = self._console.seen.get(self._device)
        return {} if seen is None else seen.state

    async def _ask(self, kind: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = await self._console.ask(self._device, kind, args)
        if answer.get("state") != "DONE":
            reason = str(answer.get("reason", "")) or str(answer.get("state", "")).lower()
            raise Declined(reason, f"{self._device}: {kind} {answer.get('state')} ({reason}): {answer.get('text', '')}")
        result = answer.get("result")
        return result if isinstance(result, Mapping) else {}
