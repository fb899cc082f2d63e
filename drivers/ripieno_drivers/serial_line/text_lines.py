"""Bytes into lines of text: ended by CR, LF or both; bounded, whatever comes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line that was longer than the bound; it was thrown away up to its end."""

    bytes: int


class TextLines:
    """Remembers at most `longest` bytes. Empty lines (the gap in CR LF is one) are left out."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._dropped = 0

    def feed(self, received: bytes) -> list[bytes | Overlong]:
        """Return each line that has ended, without its end."""
        ended: list[bytes | Overlong] = []
        pieces = received.replace(b"\r", b"\n").split(b"\n")
        for piece in pieces[:-1]:
            if not (piece or self._rest or self._dropped):
                continue  # a flood of line ends is cheap
            self._keep(piece)
            if self._dropped:
                ended.append(Overlong(self._dropped + len(self._rest)))
            elif self._rest:
                ended.append(bytes(self._rest))
            self.clear()
        self._keep(pieces[-1])
        return ended

    def clear(self) -> None:
        """Forget the line that has begun."""
        self._rest.clear()
        self._dropped = 0

    def _keep(self, piece: bytes) -> None:
        room = self._longest - len(self._rest)
        self._rest += piece[:room]
        self._dropped += max(0, len(piece) - room)
