"""Decisions as entries: they are in the record, not in the log, and are put between its entries for who asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgpack

from ..inquiry.past import opened
from .entry import Entry
from .wish import Wish


def decisions(state: Path, wish: Wish) -> Iterator[Entry]:
    """Yield the decisions of a ledger that are wanted, oldest first. Raises StorageError."""
    only = ""  # the one pipeline of the plan; of several, each name says which
    with opened(state) as past:
        for row in past.rows():
            if row.payload is None:
                continue
            if row.kind == "plan":
                only = str(msgpack.unpackb(row.payload)["pipeline"])
            elif row.kind == "decision":
                body = msgpack.unpackb(row.payload)
                entry = Entry(row.wall_ns // 1000, "info", "decision", _told(body), _about(body, only))
                if wish.takes(entry):
                    yield entry


def _told(body: dict[str, object]) -> str:
    why = f" ({body['why']})" if body.get("why") else ""
    rule = f" by {body['rule']}" if body.get("rule") else ""
    return f"{body['id']}: {body.get('verdict') or 'fired'}{rule}{why}"


def _about(body: dict[str, object], only: str) -> dict[str, str]:
    id, item = str(body["id"]), str(body.get("item") or "")
    owner, slash, _ = str(body.get("rule") or item).partition("/")
    return {"decision": id, "pipeline": owner if slash else only} | ({"item": item} if item else {})
