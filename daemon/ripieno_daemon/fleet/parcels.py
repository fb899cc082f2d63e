"""What goes into one message of a stream: rows, or the number of rows that are gone.

    rows   {stream, epoch, first, rows: [[seq, record id, kind, t_ns, payload], ...]}
    gone   {stream, epoch, first, rows: [], dropped: how many, id: the ledger's record id of the first}

A row is gone when the quota took its payload, or when it is too large for a message: the hole is told, and the
numbers of a stream have no gap. For subscribers that are not ours a row is one JSON object.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from typing import Any, Final, NamedTuple

from ..ledger import StreamRow
from ..packed import BadPacked, unpack

ROWS: Final = 128
BYTES: Final = 64 * 1024
ROW_BYTES: Final = 32  # of a row beside its payload
LARGEST_ROW: Final = 192 * 1024  # with its envelope below the 256 kB that a receiver takes
DROPPED_AT_ONCE: Final = 10_000


class Parcel(NamedTuple):
    """Consecutive rows; `dropped` > 0: so many that are gone, and `rows` has only the first of them, for its ids."""

    rows: list[StreamRow]
    dropped: int
    last: int
    last_id: int

    def body(self, stream: str, epoch: bytes) -> dict[str, Any]:
        """Return the body of the message."""
        head = {"stream": stream, "epoch": epoch, "first": self.rows[0].seq}
        if self.dropped:
            return {**head, "rows": [], "dropped": self.dropped, "id": self.rows[0].id}
        return {**head, "rows": self.rows}


def is_gone(row: StreamRow) -> bool:
    """Whether there is nothing to send of a row: it was given up, or no message can hold it."""
    return not row.payload or len(row.payload) > LARGEST_ROW


def cut(ahead: deque[StreamRow]) -> Parcel:
    """Take the rows of one message from the left, at least one."""
    first = ahead.popleft()
    last = first
    if is_gone(first):
        count = 1
        while ahead and count < DROPPED_AT_ONCE and is_gone(ahead[0]):
            last = ahead.popleft()
            count += 1
        return Parcel([first], count, last.seq, last.id)
    rows, size = [first], len(first.payload) + ROW_BYTES
    while ahead and len(rows) < ROWS and not is_gone(ahead[0]):
        size += len(ahead[0].payload) + ROW_BYTES
        if size > BYTES:
            break
        rows.append(ahead.popleft())
    return Parcel(rows, 0, rows[-1].seq, rows[-1].id)


def as_json(row: StreamRow, device: str, stream: str, dropped: int = 0) -> bytes:
    """Return a row as one JSON object; bytes are base64, what cannot be read is under `payload` as it is."""
    head: dict[str, Any] = {"device": device, "stream": stream, "seq": row.seq, "kind": row.kind, "t_ns": row.t_ns}
    if dropped:
        return json.dumps({**head, "kind": "gap", "dropped": dropped}).encode()
    try:
        content = unpack(row.payload, LARGEST_ROW)
    except BadPacked:
        content = row.payload
    body = {"payload": _plain(content)} if not isinstance(content, dict) else _plain(content)
    return json.dumps({**head, **{key: each for key, each in body.items() if key not in head}}).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None  # JSON has no such number
    return value
