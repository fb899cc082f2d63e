"""What the name of a picture tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp")


@dataclass(frozen=True, slots=True)
class Named:
    """`count`: encoder count at exposure; `n`: the camera's own sequence number; None where the name does not
    tell.
    """

    count: int | None
    n: int | None


class Names:
    """Reads names by a pattern with the optional groups `count` and `n`."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def read(self, name: str) -> Named | None:
        """Return what a name tells, None if it is no picture of ours (hidden, still being written, another
        suffix).
        """
        if name.startswith(".") or name.endswith(".part") or not name.lower().endswith(SUFFIXES):
            return None
        match = self._pattern.search(name)
        if match is None:
            return None
        groups = match.groupdict()
        return Named(_number(groups.get("count")), _number(groups.get("n")))


def _number(digits: str | None) -> int | None:
    try:
        return None if digits is None else int(digits)
    except ValueError:
        return None
