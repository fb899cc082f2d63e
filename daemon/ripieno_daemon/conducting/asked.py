"""A question that waits for a person: how it is named, and what whoever answers must know. Here and from afar alike."""

from __future__ import annotations

from typing import Any, Final

from ripieno.engine import Ask

LONGEST_NAME: Final = 100
LONGEST_NOTE: Final = 1000


def id_of(ask: Ask) -> str:
    """Return how a question is named: ITEM/STEP."""
    return f"{ask.item}/{ask.step}"


def as_map(ask: Ask, now_t: int) -> dict[str, Any]:
    """Return what whoever answers must know; `left_s`: seconds until it expires."""
    return {
        "id": id_of(ask),
        "role": ask.role,
        "question": ask.question,
        "answers": list(ask.answers),
        "show": dict(ask.show),
        "left_s": round((ask.due_t - now_t) / 1e9, 1),
    }
