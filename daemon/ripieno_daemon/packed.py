"""Msgpack read with limits and written the same way for the same content: for bytes that anybody may have sent.

What is not bounded by the parser is counted afterwards: a message of 64 kB may say that it holds 4 billion values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgpack

from ripieno.errors import RipienoError

MAX_DEPTH: Final = 16
MAX_ELEMENTS: Final = 20_000
_LEAVES: Final = frozenset({type(None), bool, int, float, str, bytes})


class BadPacked(RipienoError):
    """Bytes that are not what they should be. `reason` is a short word for the answer and for counters."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


def pack(value: Any, max_bytes: int) -> bytes:
    """Return the bytes of a value, keys of maps sorted; a tuple is written as a list.

    Raises:
        BadPacked: larger, deeper or with more elements than a receiver takes.
    """
    budget = [MAX_ELEMENTS - 1]
    packed: bytes = msgpack.packb(_sorted(value, 0, budget), use_bin_type=True)
    if len(packed) > max_bytes:
        raise BadPacked("size", f"a message of {len(packed)} bytes; at most {max_bytes}")
    return packed


def unpack(packed: bytes, max_bytes: int) -> Any:
    """Return the value that these bytes are: maps with text keys, each once, lists, and plain values.

    Raises:
        BadPacked: too large, damaged, too deep, too many elements, or of a kind that has no place here.
    """
    if len(packed) > max_bytes:
        raise BadPacked("size", f"a message of {len(packed)} bytes; at most {max_bytes}")
    try:
        value = msgpack.unpackb(
            packed,
            raw=False,
            strict_map_key=True,
            use_list=True,
            object_pairs_hook=_unique,
            ext_hook=_no_extension,
            max_str_len=max_bytes,
            max_bin_len=max_bytes,
            max_array_len=MAX_ELEMENTS,
            max_map_len=MAX_ELEMENTS,
        )
    except BadPacked:
        raise
    except Exception as error:  # msgpack raises many kinds: ValueError, its own, RecursionError, UnicodeDecodeError
        raise BadPacked("format", f"not msgpack as expected: {error or type(error).__name__}") from None
    _check(value, 0, [MAX_ELEMENTS - 1])
    return value


def _check(value: Any, depth: int, budget: list[int]) -> None:
    """Count containers whole and look at leaves in place: most of a batch is leaves, and a call costs ten of them."""
    kind = type(value)
    if kind in _LEAVES:
        return
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise BadPacked("key", f"key {key!r} is no text")
        inner = value.values()
    elif kind is list:
        inner = value
    else:
        raise BadPacked("format", f"a {kind.__name__} has no place here")
    _spend(len(inner), depth, budget)
    for each in inner:
        if type(each) not in _LEAVES:
            _check(each, depth + 1, budget)


def _sorted(value: Any, depth: int, budget: list[int]) -> Any:
    if type(value) in _LEAVES:
        return value
    if isinstance(value, Mapping):
        _spend(len(value), depth, budget)
        return {key: _sorted(value[key], depth + 1, budget) for key in sorted(value)}
    if isinstance(value, list | tuple):
        _spend(len(value), depth, budget)
        return [each if type(each) in _LEAVES else _sorted(each, depth + 1, budget) for each in value]
    return value


def _spend(count: int, depth: int, budget: list[int]) -> None:
    budget[0] -= count
    if depth + (count > 0) > MAX_DEPTH:
        raise BadPacked("depth", f"nested deeper than {MAX_DEPTH}")
    if budget[0] < 0:
        raise BadPacked("elements", f"more than {MAX_ELEMENTS} elements")


def _unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise BadPacked("key", "a key stands twice in one map")
    return content


def _no_extension(code: int, _content: bytes) -> Any:
    raise BadPacked("format", f"extension type {code} has no place here")
