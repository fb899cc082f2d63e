"""Which plan runs: that of the files, or the one that worked last; and what is said of files that are worse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ripieno.errors import ConfigError, Problem, RipienoError
from ripieno.plan import Plan
from ripieno_daemon.compiling.parent import NotCompiled
from ripieno_daemon.compiling.remembered import Remembered
from ripieno_daemon.ports.small_files import SmallFiles

from .last_good import LastGood, why_not
from .standing import Standing

FILE, LAST_GOOD = "file", "last good plan"


class Releases(Protocol):
    """Whose files a plan may be made from (updating.py): each says whether it is worth making it anew."""

    async def started(self, plan: Plan) -> bool: ...
    async def blamed(self, problems: Iterable[Problem], folders: Iterable[str]) -> bool: ...


class Plans:
    """Compiles the device file, and keeps the plan that worked last.

    Args:
        kept: files that stay, None where nothing is kept.
        tell: what kind of thing happened, and the sentence for a person.

    Attributes:
        releases: asked before the first plan comes into force.
    """

    def __init__(
        self, device_file: str, kept: SmallFiles | None, standing: Standing, tell: Callable[[str, str], None]
    ) -> None:
        self._device_file, self._standing, self._tell = device_file, standing, tell
        self._remembered = Remembered(device_file, kept)
        self.releases: Releases | None = None
        self._last_good = LastGood(kept) if kept is not None else None

    async def first(self) -> tuple[Plan, str]:
        """Return the plan of the files, or the last good one where that is allowed. Raises ConfigError."""
        try:
            return await self._started(), FILE
        except ConfigError as error:
            kept = self._last_good.load() if self._last_good is not None else None
            if kept is None or kept.plan.on_bad_config == "refuse":
                raise
            for problem in error.problems:
                self._tell("problem", str(problem))
            self._worse([str(problem) for problem in error.problems], "the last good plan runs")
            return kept.plan, LAST_GOOD

    async def _started(self) -> Plan:
        """Return the plan of the files, once the releases in it have counted this start."""
        releases = self.releases
        while True:
            try:
                plan = await self.compiled()
            except NotCompiled as error:
                if releases is None or not await releases.blamed(error.problems, error.links.values()):
                    raise
            else:
                if releases is None or not await releases.started(plan):
                    return plan

    async def compiled(self) -> Plan:
        """Return the plan of the files as they are now. Raises ConfigError."""
        return await self._remembered.compiled()

    def refused(self, problems: list[str]) -> dict[str, Any]:
        """Say why the files do not come into force; return the answer for whoever asked."""
        for problem in problems:
            self._tell("problem", problem)
        self._worse(problems, "what ran runs on")
        return {"ok": False, "why": "refused; what ran runs on", "problems": problems}

    def mended(self) -> None:
        """The files are good again."""
        self._standing.over("config", self._device_file)

    async def keep(self, plan: Plan, wall_ns: int) -> None:
        """Keep a plan that works for a bad day, where anything is kept; a failure is an alarm."""
        if self._last_good is None:
            return
        try:
            await self._last_good.keep(plan, wall_ns)
            self._standing.over("last-good")
        except RipienoError as error:
            self._standing.alarm("last-good", "", why_not(error))

    def close(self) -> None:
        """Wait for what is being kept."""
        self._remembered.close()
        if self._last_good is not None:
            self._last_good.close()

    def _worse(self, problems: list[str], then: str) -> None:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        text = f"{then}; {self._device_file} is worse: {problems[0]}{more}; mend it, then `ripieno reload`"
        self._standing.alarm("config", self._device_file, text)
