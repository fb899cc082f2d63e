"""A driver's settings as plain values, for the plan."""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Mapping
from typing import Any

from ripieno.contracts.driver import Place


def plain_fields(made: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a driver's dataclass as plain values: settings, and those that say where a thing is."""
    hints = typing.get_type_hints(type(made), include_extras=True)
    settings: dict[str, Any] = {}
    places: dict[str, Any] = {}
    for field in dataclasses.fields(made):
        extras = getattr(hints[field.name], "__metadata__", ())
        is_place = any(isinstance(extra, Place) or extra is Place for extra in extras)
        (places if is_place else settings)[field.name] = _plain(getattr(made, field.name))
    return settings, places


def plain_point(point: Any) -> dict[str, Any]:
    """Return the fields of a point: all of them are settings, wherever they say that a thing is."""
    settings, places = plain_fields(point)
    return settings | places


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return tuple(_plain(one) for one in value) if isinstance(value, (tuple, list, frozenset)) else value
