"""What ran before a trial stands by: its models stay loaded in workers of their own, so that going back waits for none.

A worker's start takes a fraction of a second on an idle machine and several on a busy one; the memory is a worker's, as
long as a trial lasts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ripieno.errors import RipienoError
from ripieno.plan import Plan, joined
from ripieno_daemon.bundles import PlanModels

if TYPE_CHECKING:
    from ripieno_daemon.app import Ports


class Standby:
    """At most one plan. `load`: makes ports with workers that have a plan's models (preloading.py)."""

    def __init__(self, load: Callable[[Plan], Awaitable[Ports]], say: Callable[[str], None]) -> None:
        self._load, self._say = load, say
        self._plan: Plan | None = None
        self._ports: Ports | None = None

    async def begin(self, plan: Plan) -> None:
        """Let this plan stand by; where it cannot, going back takes longer, and it is said."""
        await self.end()
        try:
            self._ports, self._plan = await self._load(plan), plan
        except RipienoError as error:
            self._say(f"what ran before does not stand by, so that going back would take longer: {error}")

    def take(self, plan: Plan) -> Ports | None:
        """Return the ports if this very plan stands by; it does no more then."""
        if self._ports is None or self._plan != plan:
            return None
        ports, self._ports, self._plan = self._ports, None, None
        return ports

    async def end(self) -> None:
        """Let go of its workers."""
        ports, plan, self._ports, self._plan = self._ports, self._plan, None, None
        if ports is not None and plan is not None:
            await ports.inference(plan, joined(plan), PlanModels({}), self._say).stop()
