"""Loading the models of a plan that is to come into force, while the old one still runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ripieno.plan import Plan
from ripieno_daemon.bundles import open_bundle

from .preloaded import Preloaded

if TYPE_CHECKING:
    from ripieno_daemon.app import Ports


async def preload(plan: Plan, ports: Ports, say: Callable[[str], None]) -> Ports:
    """Return the ports with workers that have the plan's models loaded already.

    Raises:
        BundleError, ModelError, WorkerLost: a model cannot be used; nothing was changed.
    """
    made: dict[str, Preloaded] = {}
    try:
        for pipeline in plan.pipelines:
            inference = ports.inference(plan, pipeline, open_bundle(Path(pipeline.bundle)), say)
            made[pipeline.name] = Preloaded(inference, await inference.start())
    except BaseException:
        for one in made.values():
            await one.stop()
        raise
    return replace(ports, inference=lambda plan, pipeline, bundle, say: made[pipeline.name])
