"""What a lookup found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .evidence import Health


@dataclass(frozen=True, slots=True)
class Record:
    """The answer to one lookup. No record is an answer: `found` is False and `health` is GOOD.

    `fields`: texts, numbers and truth values by name; what the record does not hold is absent.
    `why`: what a person reads where `health` is not GOOD.
    """

    found: bool
    fields: Mapping[str, object] = field(default_factory=dict)
    health: Health = Health.GOOD
    why: str = ""
