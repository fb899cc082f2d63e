"""How much is asked for at once: so little that a command never waits long behind it, so much that the link is used.

Bytes in flight <= what the link brings in 60 ms, between 32 and 512 kB, in whole chunks. On a link of 1 MB/s that is
two chunks: measured there, a command's round trip is 46 ms in the median and 140 ms at most, at 96 % of the link; four
chunks made it 119 and 214 ms, a whole file of 20 MB 10 s.
"""

from __future__ import annotations

from typing import Final

from ..bundles.release import CHUNK_BYTES

AHEAD_S: Final = 0.060
LEAST_CHUNKS, MOST_CHUNKS = 1, 16
FIRST_CHUNKS: Final = 2
SMOOTHING: Final = 0.2
LEAST_RETRY_S: Final = 2.0


class Window:
    """Adapts to how fast pieces come. No clock: times come in, in nanoseconds."""

    def __init__(self) -> None:
        self._byte_s: float | None = None  # what a byte takes: pieces that come together would make a rate look endless
        self._last_ns: int | None = None
        self._waited_s = 0.0

    @property
    def chunks(self) -> int:
        """How many chunks may be in flight."""
        if self._byte_s is None:
            return FIRST_CHUNKS
        return max(LEAST_CHUNKS, min(MOST_CHUNKS, round(AHEAD_S / max(self._byte_s * CHUNK_BYTES, 1e-6))))

    @property
    def retry_s(self) -> float:
        """After how long without an answer a piece is asked for again."""
        return max(LEAST_RETRY_S, 4 * self._waited_s)

    def came(self, size: int, t_ns: int, asked_ns: int) -> None:
        """A piece of `size` bytes came, which was asked for at `asked_ns`."""
        self._waited_s = (t_ns - asked_ns) / 1e9
        begun_ns = asked_ns if self._last_ns is None else max(self._last_ns, asked_ns)
        self._last_ns = t_ns
        byte_s = (t_ns - begun_ns) / 1e9 / size
        self._byte_s = byte_s if self._byte_s is None else (1 - SMOOTHING) * self._byte_s + SMOOTHING * byte_s

    def idle(self) -> None:
        """Nothing came for a while: the rate is not known any more."""
        self._byte_s, self._last_ns = None, None
