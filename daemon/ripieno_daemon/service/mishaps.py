"""What can go wrong beside the parts that are supervised: a blocked loop, a stuck part, an error that nobody took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ripieno_daemon.conducting.standstill import Held
from ripieno_daemon.ports.loop_watch import Blocked
from ripieno_daemon.supervision import Stop, Stuck, stop_of

from .standing import Standing


class Mishaps:
    """Tells each of them as an alarm or a stop."""

    def __init__(self, standing: Standing, tell: Callable[[str, str], None]) -> None:
        self._standing, self._tell = standing, tell

    def blocked(self, blocked: Blocked) -> None:
        """From the watching thread: nothing but saying it is allowed."""
        self._tell("blocked", f"ALARM the loop is blocked at {blocked.place}\n{blocked.stack}")

    def free(self, blocked: Blocked) -> None:
        """The loop turns again."""
        self._standing.blocked += 1
        text = f"the loop was blocked for {blocked.seconds:.1f} s at {blocked.place}"
        self._standing.alarm("blocked", blocked.place, text, lasts=False)

    def held(self, held: Held | None) -> None:
        """Somebody holds the outputs, or nobody does any more."""
        if held is None:
            self._standing.over("held")
        else:
            self._standing.alarm("held", "", f"{held}; `ripieno rearm` lets them move again")

    def stuck(self, stuck: list[Stuck] | None) -> None:
        """Parts make no progress, or all do again."""
        if stuck is None:
            self._standing.over("stuck")
            return
        text = f"{'; '.join(map(str, stuck))}; systemd will restart the daemon"
        self._standing.alarm("stuck", "", text)

    def lost(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error that no task took: a callback's. It is told like any other stop."""
        error = context.get("exception")
        part = str(context.get("task") or context.get("handle") or "a callback")
        stop = (
            stop_of(part[:200], error) if error else Stop(part[:200], str(context["message"]), "no error", "report it")
        )
        self._standing.stopped(stop, "it goes on without")
