"""A place in a JSON document (RFC 6901): `/items/0/name`; "" is the whole document."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_ESCAPE = re.compile(r"~(?![01])")


class Absent(enum.Enum):
    """Nothing is there; null is something."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


def parse_pointer(text: str) -> tuple[str, ...]:
    """Return the names and numbers on the way. Raises ValueError: it does not begin with `/`, or a `~` is no escape."""
    if text and not text.startswith("/"):
        raise ValueError(f"{text!r} should begin with /, as /customer/name does")
    if _ESCAPE.search(text):
        raise ValueError(f"{text!r}: ~ is written ~0, and / in a name ~1")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:])


def is_a_pointer(text: str) -> bool:
    """Whether `parse_pointer` takes it."""
    try:
        parse_pointer(text)
    except ValueError:
        return False
    return True


def look(document: Any, way: Sequence[str]) -> Any:
    """Return what is there, ABSENT if nothing is."""
    for token in way:
        if isinstance(document, Mapping):
            if token not in document:
                return ABSENT
            document = document[token]
        elif isinstance(document, list):
            if not _INDEX.fullmatch(token) or int(token) >= len(document):
                return ABSENT
            document = document[int(token)]
        else:
            return ABSENT
    return document
