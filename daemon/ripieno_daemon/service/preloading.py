"""Loading the models of a plan that is to come into force, while the old one still runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ripieno.plan import Plan, joined
from ripieno_daemon.bundles import open_bundles

from .preloaded import Preloaded

if TYPE_CHECKING:
    from ripieno_daemon.app import Ports


async def preload(plan: Plan, ports: Ports, say: Callable[[str], None]) -> Ports:
    """Return the ports with workers that have the plan's models loaded already.

    Raises:
        BundleError, ModelError, WorkerLost: a model cannot be used; nothing was changed.
    """
    inference = ports.inference(plan, joined(plan), open_bundles(plan), say)
    try:
        made = Preloaded(inference, await inference.start())
    except BaseException:
        await inference.stop()
        raise
    return replace(ports, inference=lambda plan, pipeline, models, say: made)
