"""What a model is given to look at: a picture by its reference, a text, or numbers.

Each is bytes when it reaches the model, and the digest recorded with the answer is SHA-256 over those bytes: the
encoded picture, the text in UTF-8, the numbers as little-endian float64.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Union

MAX_CHARACTERS: Final = 4_000
MAX_NUMBERS: Final = 65_536


@dataclass(frozen=True, slots=True)
class PictureRef:
    """A picture that lies elsewhere: a path, or a slot of shared memory (contracts/slots.py).

    `box`: the part of it that the model is shown: left, top, right, bottom, each in 0..1; None for all of it.
    `tiles`: columns and rows into which that is cut; the model is shown each, and the answers are merged.
    """

    ref: str
    box: tuple[float, float, float, float] | None = None
    tiles: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody wrote. A model takes 1 to MAX_CHARACTERS characters."""

    text: str

    @property
    def encoded(self) -> bytes:
        """UTF-8. A lone surrogate passes, so that the model's side can refuse it and name its place."""
        return self.text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Vector:
    """Numbers in the order of the model's `input: {vector: [...]}`; at most MAX_NUMBERS."""

    numbers: tuple[float, ...]

    @property
    def encoded(self) -> bytes:
        """Little-endian float64. NaN and infinity pass, so that the model's side can refuse them and name the field."""
        return struct.pack(f"<{len(self.numbers)}d", *self.numbers)


Given = Union[PictureRef, Text, Vector]
