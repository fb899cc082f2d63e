"""The whole checkup, in the order in which a person would mend what it finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from ripieno.errors import ConfigError
from ripieno.plan import Plan
from ripieno_daemon.compiling import compile_in_child

from .alarms import alarms
from .attached import attached
from .broker import broker
from .finding import Finding, bad, good
from .machine import clock, disk, user
from .runtimes import runtimes


async def checkup(device_file: str | None, dev: Path, proc: Path) -> AsyncIterator[Finding]:
    """Yield each finding as soon as it is there. `device_file`: None to look at the machine alone."""
    plan: Plan | None = None
    if device_file is not None:
        try:
            plan = await compile_in_child(device_file)
            yield good("device file", f"{device_file} is good")
        except ConfigError as error:
            for problem in error.problems:
                yield bad("device file", str(problem), "mend the place named; `ripieno check` says when it is good")
    yield user(plan)
    yield clock()
    for finding in disk(Path(plan.storage.state) if plan else None, plan.storage.quota_bytes if plan else 0):
        yield finding
    for finding in attached(plan, dev, proc):
        yield finding
    async for finding in runtimes():
        yield finding
    if plan is not None:
        for finding in await broker(plan.broker):
            yield finding
        for finding in alarms(plan.alarms):
            yield finding
