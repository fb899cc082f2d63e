"""Events and effects as plain arrays for the ledger: [code, field, ...].

Codes are fixed; a new field goes to the end.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import msgpack

from ripieno.values import ItemId

from . import events
from .events import Event

_EVENTS: dict[int, type] = {
    1: events.Started,
    2: events.Tick,
    3: events.EdgeSeen,
    4: events.PositionSeen,
    5: events.FrameSeen,
    6: events.ResultSeen,
    7: events.ActSettled,
    8: events.DeviceChanged,
    9: events.ReadingSeen,
    10: events.MessageSeen,
    11: events.RecordSeen,
    12: events.Answered,
    13: events.OutputTaken,
    14: events.PulseByHand,
    15: events.RecipeChosen,
}
_CODES = {kind: code for code, kind in _EVENTS.items()}
_FIELDS = {kind: tuple(field.name for field in dataclasses.fields(kind)) for kind in _CODES}
_ITEMS = {kind: names.index("item") for kind, names in _FIELDS.items() if "item" in names}


def pack_event(event: Event) -> bytes:
    """Return the event's bytes: the same event has the same bytes."""
    kind = type(event)
    packed = msgpack.packb([_CODES[kind], *[getattr(event, name) for name in _FIELDS[kind]]], use_bin_type=True)
    assert isinstance(packed, bytes)
    return packed


def unpack_event(packed: bytes) -> Event:
    """Return the event. Raises ValueError for bytes that are none."""
    try:
        code, *fields = msgpack.unpackb(packed, raw=False, use_list=False)
        kind = _EVENTS[code]
        where = _ITEMS.get(kind)
        if where is not None and fields[where] is not None:
            fields[where] = ItemId(*fields[where])
        event = kind(*fields)
    except (ValueError, TypeError, KeyError, msgpack.UnpackException) as error:
        raise ValueError(f"not an event: {error}") from error
    return event  # type: ignore[no-any-return]


def plain(value: Any) -> Any:
    """Return dataclasses and named tuples as maps and lists that msgpack and JSON take."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value
