"""What a bad line does to a chunk of bytes, and how often."""

import math
import random
from dataclasses import dataclass

__all__ = ["CLEAN", "LineFaults"]

_NOISE_BYTES = 24
_BURST_BYTES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFaults:
    """Probabilities; by byte where the name says so, else by chunk that is sent."""

    flip_per_byte: float = 0.0
    drop_per_byte: float = 0.0
    burst: float = 0.0
    duplicate: float = 0.0
    noise: float = 0.0
    line_break: float = 0.0
    split: float = 0.0
    delay: float = 0.0
    longest_delay_us: int = 2_000_000
    wrong_baud: bool = False
    echo: bool = False

    def mangle(self, sent: bytes, draw: random.Random) -> bytes:
        """Return what is left of a chunk, and what came on top of it."""
        chunk = bytearray(sent)
        if self.wrong_baud:
            return draw.randbytes(len(chunk))
        for place in self._places(len(chunk), self.flip_per_byte, draw):
            chunk[place] ^= 1 << draw.randrange(8)
        for place in reversed(self._places(len(chunk), self.drop_per_byte, draw)):
            del chunk[place]
        if self.burst and draw.random() < self.burst:
            begin = draw.randrange(len(chunk) + 1)
            del chunk[begin : begin + draw.randint(2, _BURST_BYTES)]
        if self.duplicate and draw.random() < self.duplicate:
            chunk *= 2
        if self.noise and draw.random() < self.noise:
            chunk[:0] = draw.randbytes(draw.randint(1, _NOISE_BYTES))
        if self.line_break and draw.random() < self.line_break:
            place = draw.randrange(len(chunk) + 1)
            chunk[place:place] = b"\0"
        return bytes(chunk)

    def delay_us(self, draw: random.Random) -> int:
        """Return for how long this chunk and all behind it are held up."""
        return draw.randint(1, self.longest_delay_us) if self.delay and draw.random() < self.delay else 0

    @staticmethod
    def _places(length: int, probability: float, draw: random.Random) -> list[int]:
        """Return where something happens, by drawing the distance to the next such byte: most chunks cost one draw."""
        if not probability:
            return []
        if probability >= 1:
            return list(range(length))
        places, place, rate = [], -1, 1 / math.log1p(-probability)
        while (place := place + 1 + int(math.log(1.0 - draw.random()) * rate)) < length:
            places.append(place)
        return places


CLEAN = LineFaults()
