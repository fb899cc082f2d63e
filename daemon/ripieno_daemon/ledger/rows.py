"""What a ledger gives back: rows of the stream, records, and all that a start builds on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NamedTuple


class StreamRow(NamedTuple):
    """A record of the stream as the outbox sends it."""

    seq: int
    id: int
    kind: str
    t_ns: int
    payload: bytes


class RecordRow(NamedTuple):
    """A record as recovery and replay read it; an erased payload is b""."""

    id: int
    kind: str
    t_ns: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a ledger held when it was opened.

    `records()` gives what follows the snapshot, in order, in chunks of 500 rows.
    """

    snapshot: bytes | None
    snapshot_id: int
    records: Callable[[], AsyncIterator[RecordRow]]
    last_t_ns: int
    last_wall_ns: int
