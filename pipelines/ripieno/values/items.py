"""Items: what decisions are about. A part on a belt is one; so is a study or a question."""

from __future__ import annotations

import enum
from typing import NamedTuple


class ItemId(NamedTuple):
    """The identity of an item: made by the device that starts it, unique for ever.

    `epoch` is the board's journal epoch, `number` its count of starting edges under that epoch.
    """

    kind: str
    epoch: int
    number: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.epoch:08x}-{self.number}"


class Verdict(enum.StrEnum):
    """What became of an item. UNDECIDED never passes (invariant 5)."""

    GOOD = "good"
    DEFECTIVE = "defective"
    UNDECIDED = "undecided"
