"""Which decision a person means: its id, or as much of it as names only one."""

from __future__ import annotations

from typing import Any

import msgpack

from .past import Past
from .rerun import CannotAnswer

FEW = 8


def find_decision(past: Past, words: str) -> tuple[int, dict[str, Any]]:
    """Return (record, body) of the decision: `part-7f00a1b2-12`, `part-...-12`, `part 12`, `12`, `trim_up@81/1`.

    Raises:
        CannotAnswer: none, or several decisions are meant; the message lists them.
    """
    found: list[tuple[int, dict[str, Any]]] = []
    waiting = ""
    for row in past.rows():
        if row.kind not in ("decision", "ask") or row.payload is None:
            continue
        body: dict[str, Any] = msgpack.unpackb(row.payload, raw=False)
        if row.kind == "ask":
            if words == body["item"] or is_meant(words, body["item"]):
                waiting = f"{body['item']} is not decided yet: it was last asked by {body['step']} (ripieno asks)"
            continue
        if body["id"] == words:
            return row.id, body
        if is_meant(words, body["id"]):
            found.append((row.id, body))
    if len(found) == 1:
        return found[0]
    if not found and waiting:
        raise CannotAnswer(waiting)
    if not found:
        raise CannotAnswer(f"no decision is called {words!r}; ids are like part-7f00a1b2-12 or rule@event/index")
    ids = ", ".join(body["id"] for _, body in found[:FEW])
    raise CannotAnswer(f"{words!r} may be {len(found)} decisions: {ids}{', …' if len(found) > FEW else ''}")


def is_meant(words: str, id: str) -> bool:
    """Whether a shortened name fits an id. Of several pipelines an id has its own's name in front: `line/part-...`."""
    head, at, event = id.partition("@")
    own = head.rpartition("/")[2]
    if at:
        return words in {f"{name}@{number}" for name in (head, own) for number in (event, event.partition("/")[0])}
    kind, number = own.partition("-")[0], own.rpartition("-")[2]
    if words == own:
        return True
    if words.isdigit():
        return number == words
    for dots in ("...", "…"):
        if dots in words:
            begin, _, end = words.partition(dots)
            return (
                (id.startswith(begin) or own.startswith(begin))
                and id.endswith(end)
                and not (end.isdigit() and end != number)
            )
    return words.split() == [kind, number]
