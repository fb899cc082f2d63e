"""What of the engine's effects becomes a record, and how it reads: told once, for who records and for who replays."""

from __future__ import annotations

from typing import Any

from ripieno import engine as rooms
from ripieno.engine import Effect, plain


def told(effect: Effect, index: int, events: int, digest: str) -> tuple[str, dict[str, Any]] | None:
    """Return the record's kind and body, None for an effect that is work and no result.

    Args:
        index: of the effect in its step.
        events: how many events the engine has taken, this one included.
        digest: of the plan.
    """
    plan = {"plan": digest[:16]}
    match effect:
        case rooms.Decided():
            body = {"id": str(effect.item), **plain(effect), "item": str(effect.item), **plan}
            if not effect.key:
                del body["key"]  # of an item that moves: nobody sent it
            if not effect.recipe:
                del body["recipe"]  # no product was chosen
            return "decision", body
        case rooms.Ask():
            return "ask", {"id": f"{effect.item}/{effect.step}", **plain(effect), "item": str(effect.item), **plan}
        case rooms.AskEnded():
            return "ask", {"id": f"{effect.item}/{effect.step}", **plain(effect), "item": str(effect.item), **plan}
        case rooms.Fired():
            return "decision", {"id": f"{effect.rule}@{events}/{index}", **plain(effect), **plan}
        case rooms.Reported():
            return "inference", {"id": f"{effect.step}@{events}", **plain(effect), **plan}
        case rooms.Withheld():
            what = {"output": effect.output, "verb": effect.verb, "rule": effect.rule, "fields": dict(effect.fields)}
            return "outcome", {"id": str(effect.act), "kind": f"withheld: {effect.how}", **plain(what), **plan}
        case rooms.Alarm():
            return "alarm", plain(effect)
    return None
