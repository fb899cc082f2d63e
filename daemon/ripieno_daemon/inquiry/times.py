"""Times as a person says them: seconds of the engine's clock, and UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .past import Row


def at(row: Row, t_ns: int) -> dict[str, Any]:
    """Return an engine time near this record, in seconds and as UTC."""
    return {"t_s": round(t_ns / 1e9, 6), "wall": wall_text(row.wall_of(t_ns))}


def wall_text(wall_ns: int) -> str:
    """Return a UTC time to the millisecond, as ISO 8601."""
    stamp = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{wall_ns % 1_000_000_000 // 1_000_000:03d}Z"


def wall_ns_of(words: str) -> int | None:
    """Return the UTC time (ns) that an ISO text names, None for something else; without a zone it is UTC."""
    try:
        stamp = datetime.fromisoformat(words.replace("Z", "+00:00"))
    except ValueError:
        return None
    stamp = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
    whole = stamp.replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000_000 + stamp.microsecond * 1000


def say(time: Mapping[str, Any]) -> str:
    """Return a time of `at` in words."""
    return f"{time['t_s']:.3f} s ({time['wall'][11:]})"
