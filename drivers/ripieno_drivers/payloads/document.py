"""Bytes from outside to a JSON document, or one sentence about why they are none (RFC 8259, read strictly)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn


class BadPayload(Exception):
    """The bytes are no document; the message says why, without the bytes."""


def read_document(payload: bytes, most: int) -> Any:
    """Return the document: dicts, lists, texts, numbers, truth values, None.

    Raises:
        BadPayload: more than `most` bytes, not UTF-8, not JSON, a name that is given twice in one object, or nested
            deeper than anything is.
    """
    if len(payload) > most:
        raise BadPayload(f"it has {len(payload)} bytes; at most {most} are taken")
    try:
        return json.loads(payload.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise BadPayload(f"it is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise BadPayload(f"it is not JSON: {error.msg} at character {error.pos}") from None
    except ValueError as error:  # an integer with more digits than Python reads
        raise BadPayload(f"it is not JSON that can be read: {error}") from None
    except RecursionError:
        raise BadPayload("it is nested too deeply") from None


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadPayload(f"it says {twice[:40]!r} twice")
    return found


def _no_number(word: str) -> NoReturn:
    raise BadPayload(f"{word} is no JSON number")
