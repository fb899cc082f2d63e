"""The questions that wait for a person: listed, and answered once, by who is named."""

from __future__ import annotations

from typing import Any

from ripieno.engine import Ask
from ripieno.engine.items import item_of
from ripieno_daemon.app import App
from ripieno_daemon.conducting.asked import LONGEST_NAME, LONGEST_NOTE, as_map, id_of

Asked = dict[str, Any]


def listed(app: App | None) -> Asked:
    """Return the open questions, the oldest first, with the seconds that are left."""
    conductor = app.conductor if app is not None else None
    if conductor is None:
        return {"ok": True, "asks": []}
    return {"ok": True, "asks": [as_map(ask, conductor.now()) for ask in conductor.engine.asks()]}


def answered(app: App | None, asked: Asked, peer: str) -> Asked:
    """Give the answer to the engine; a refusal says which questions and answers there are."""
    conductor = app.conductor if app is not None else None
    if conductor is None:
        return {"ok": False, "why": "the daemon is not serving yet"}
    wanted = str(asked.get("id", ""))
    open_asks = {id_of(ask): ask for ask in conductor.engine.asks()}
    found = open_asks.get(wanted) or _only(wanted, open_asks)
    if found is None:
        there = ", ".join(open_asks) or "none"
        return {"ok": False, "why": f"no question {wanted[:80]!r} is open (any more); open: {there}"}
    answer = str(asked.get("answer", ""))
    if answer not in found.answers:
        return {"ok": False, "why": f"{answer[:60]!r} is no answer to it; there are {', '.join(found.answers)}"}
    name = str(asked.get("as", ""))[:LONGEST_NAME]
    by = f"{name} ({peer})" if name else peer
    conductor.answer(found.item, found.step, answer, by, str(asked.get("note", ""))[:LONGEST_NOTE])
    return {"ok": True, "text": f"{id_of(found)}: {answer}, by {by}"}


def _only(item: str, open_asks: dict[str, Ask]) -> Ask | None:
    """Return the question about an item, where there is one."""
    about = item_of(item)
    found = [ask for ask in open_asks.values() if about is not None and ask.item == about]
    return found[0] if len(found) == 1 else None
