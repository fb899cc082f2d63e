"""Putting other files into force while it runs, or the same ones anew; one at a time, and never worse ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ripieno.errors import ConfigError, RipienoError
from ripieno.plan import Plan, digest, encode

from .difference import differences
from .plans import FILE, Plans
from .preloading import preload
from .standby import Standby
from .standing import RUNNING, Standing

if TYPE_CHECKING:
    from ripieno_daemon.app import Ports

    from .lives import Lives
    from .safe_mode import SafeMode


class Reloading:
    """Hands over from one life of the app to the next.

    Args:
        ports: makes the ports for a plan.
        tell: what kind of thing happened, and the sentence for a person.
    """

    def __init__(
        self,
        plans: Plans,
        lives: Lives,
        safe_mode: SafeMode,
        standing: Standing,
        ports: Callable[[Plan], Ports],
        tell: Callable[[str, str], None],
        standby: Standby,
    ) -> None:
        self._plans, self._lives, self._safe_mode, self._standing = plans, lives, safe_mode, standing
        self._make_ports, self._tell, self._standby = ports, tell, standby
        self._one_at_a_time = asyncio.Lock()

    async def reload(self, by: str, only: str = "") -> dict[str, Any]:
        """Put the files as they are now into force, unless they are worse than what runs; return what changed.

        `only`: the digest of the one plan that is wanted; the files that make another are declined.
        """
        async with self._one_at_a_time:
            before = self._standing.plan
            assert before is not None
            self._tell("reload", f"{by} asks for the files as they are now")
            try:
                plan = await self._plans.compiled()
            except ConfigError as error:
                return self._plans.refused([str(problem) for problem in error.problems])
            if only and digest(plan) != only:
                why = f"the files make plan {digest(plan)} now, not {only[:64]}; ask for the plan again"
                return {"ok": False, "declined": True, "why": why}
            changed = differences(before, plan)
            if encode(plan) == encode(before) and self._standing.phase == RUNNING:
                self._plans.mended()
                return {"ok": True, "changed": [], "text": "nothing has changed"}
            if plan.storage.state != before.storage.state:
                return self._plans.refused(["storage.state: another state directory needs a restart of the service"])
            if failed := await self._hand_over(plan, FILE):
                return self._plans.refused([failed])
            self._standing.reloads += 1
            for line in changed:
                self._tell("changed", line)
            return {"ok": True, "changed": changed, "text": f"{len(changed)} places changed"}

    async def restart(self, by: str) -> dict[str, Any]:
        """End what runs in order and begin the same plan anew, with new workers and devices opened again."""
        async with self._one_at_a_time:
            plan = self._standing.plan
            assert plan is not None
            self._tell("said", f"{by} asks for a restart of what runs")
            if failed := await self._hand_over(plan, self._standing.source):
                return {"ok": False, "why": failed}
            return {"ok": True, "text": "it runs anew"}

    async def _hand_over(self, plan: Plan, source: str) -> str:
        """Let another life of the app take the place of this one; return why it did not, "" where it did."""
        try:
            ports = self._standby.take(plan)
            if ports is None:
                ports = await preload(plan, self._make_ports(plan), lambda text: self._tell("said", text))
        except RipienoError as error:
            return str(error)
        answered = self._lives.follow(plan, source, ports)
        self._safe_mode.leave()
        return await answered
