"""What `ripieno status` tells of an app's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import App


def parts_of(app: App) -> dict[str, Any]:
    """Return how each part stands, as plain values; None for a part that is not there yet."""
    conductor, ledger, outbox, held = app.conductor, app.ledger, app.outbox, app.held
    return {
        "decides_by": app.digest,
        "devices": {
            one.name: {"up": one.name not in app.down, "why": app.down.get(one.name, "")} for one in app.plan.devices
        },
        "models": {
            step: {"model": one.model, "runtime": one.runtime, "version": one.version}
            for step, one in sorted(app.models.items())
        },
        "held": held.as_map() if held is not None else None,
        "modes": app.modes.report() if app.modes is not None else None,
        "recipe": app.products.report() if app.products is not None else None,
        "counters": dict(conductor.engine.counters) if conductor is not None else {},
        "ledger": None
        if ledger is None
        else {
            "head": ledger.head()[0],
            "chain": ledger.head()[1],
            "waiting": ledger.waiting,
            "refused": ledger.refused,
            "durable": ledger.is_durable,
            "set_aside": app.mending.as_maps() if app.mending is not None else [],
        },
        "storage": app.mending.uses() if app.mending is not None else {},
        "outbox": None if outbox is None else {"backlog": outbox.backlog},
    }
