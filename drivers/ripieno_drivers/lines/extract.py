"""A line of text into its fields, by pattern or by column. No judgement of the numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .settings import LinesPoint


class Extract:
    """Reads the lines of one point."""

    def __init__(self, point: LinesPoint) -> None:
        self._pattern = re.compile(point.pattern) if point.pattern else None
        self._columns = point.columns
        self._separator = point.separator

    def read(self, line: str) -> Mapping[str, str | None] | None:
        """Return each field's text (None: it is not there); None if the line is none of this point's."""
        if self._pattern is not None:
            match = self._pattern.search(line)
            return match.groupdict() if match is not None else None
        cells = line.split() if self._separator == " " else line.split(self._separator)
        return {name: cells[column] if column < len(cells) else None for name, column in self._columns.items()}


def without_checksum(line: str) -> str | None:
    """Return what a checksum vouches for: `$` and `*hh` taken off (NMEA 0183, section 5.3); None if it does not fit."""
    body, star, digits = line.rpartition("*")
    if not star or len(digits) != 2:
        return None
    body = body[body.rfind("$") + 1 :]
    total = 0
    for sign in body:
        total ^= ord(sign)
    try:
        return body if int(digits, 16) == total else None
    except ValueError:
        return None
