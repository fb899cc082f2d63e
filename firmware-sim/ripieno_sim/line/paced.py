"""Bytes take 10 bit times each, one after another, in both directions at once."""

import random
from collections import deque

from ripieno_sim.line.faults import CLEAN, LineFaults

__all__ = ["TO_BOARD", "TO_HOST", "PacedLine"]

TO_BOARD, TO_HOST = 0, 1
_NS = 1000  # in a microsecond
_ROOM_BYTES = 65_536  # what one direction holds; more is lost and counted


class _Way:
    """One direction: pieces that end with a zero or with their chunk, and when each has wholly arrived."""

    __slots__ = ("dead", "free_ns", "held_bytes", "lost_bytes", "pieces")

    def __init__(self) -> None:
        self.pieces: deque[tuple[int, bytes]] = deque()
        self.free_ns = 0
        self.held_bytes = 0
        self.lost_bytes = 0
        self.dead = False


class PacedLine:
    """A serial line without I/O, in a time that is handed in.

    A piece is delivered when its last byte has arrived: up to the next zero that does not begin it, the end of its
    chunk, or a seeded cut.

    Args:
        baud: bits a second; a byte has 10.
        draw: the line's own random stream; only a faulty line draws from it.
        faults: what goes wrong from the start; assign `faults` to change it, `dead` by `cut`.
        grain_bytes: pieces for the board are no longer than this; 0: whole frames, which cost less.
    """

    def __init__(self, baud: int, draw: random.Random, faults: LineFaults = CLEAN, grain_bytes: int = 0) -> None:
        self.faults = faults
        self._grain_bytes = grain_bytes
        self._byte_ns = 10_000_000_000 // baud
        self._draw = draw
        self._ways = (_Way(), _Way())

    def cut(self, direction: int, dead: bool = True) -> None:
        """Cut a direction, or mend it; what is sent while it is cut is gone."""
        self._ways[direction].dead = dead

    def tear(self, direction: int, now_us: int) -> None:
        """Lose what has not arrived by now, as a plug that is pulled does; a frame on its way is torn."""
        way = self._ways[direction]
        kept: deque[tuple[int, bytes]] = deque()
        for end_us, piece in way.pieces:
            behind = max(0, -(-(end_us - now_us) * _NS // self._byte_ns))
            if behind < len(piece):
                kept.append((min(end_us, now_us), piece[: len(piece) - behind]))
        held_bytes = sum(len(piece) for _, piece in kept)
        way.lost_bytes += way.held_bytes - held_bytes
        way.pieces, way.held_bytes, way.free_ns = kept, held_bytes, now_us * _NS

    def lost_bytes(self, direction: int) -> int:
        """Return how many bytes found no room or a cut line."""
        return self._ways[direction].lost_bytes

    def send(self, direction: int, chunk: bytes, now_us: int) -> None:
        """Put bytes on the line behind those that still wait for it."""
        way, faults = self._ways[direction], self.faults
        if way.dead or way.held_bytes + len(chunk) > _ROOM_BYTES:
            way.lost_bytes += len(chunk)
            return
        start_ns = max(now_us * _NS, way.free_ns)
        if faults is not CLEAN:
            if faults.echo and direction == TO_BOARD:
                self._lay(self._ways[TO_HOST], chunk, max(now_us * _NS, self._ways[TO_HOST].free_ns))
            start_ns += faults.delay_us(self._draw) * _NS
            chunk = faults.mangle(chunk, self._draw)
        self._lay(way, chunk, start_ns)

    def deliver(self, now_us: int) -> tuple[bytes, bytes]:
        """Return what has arrived at the board and at the host and was not yet returned."""
        return self._arrived(self._ways[0], now_us), self._arrived(self._ways[1], now_us)

    def next_deadline_us(self) -> int | None:
        """Return when the next piece arrives."""
        to_board, to_host = self._ways[0].pieces, self._ways[1].pieces
        if to_board and (not to_host or to_board[0][0] <= to_host[0][0]):
            return to_board[0][0]
        return to_host[0][0] if to_host else None

    def _lay(self, way: _Way, chunk: bytes, start_ns: int) -> None:
        end_ns, place = start_ns, 0
        while place < len(chunk):
            zero = chunk.find(b"\0", place + 1)  # one that leads a frame comes with it, as a tty wakes its reader
            end = len(chunk) if zero < 0 else zero + 1
            if self._grain_bytes and way is self._ways[TO_BOARD]:
                end = min(end, place + self._grain_bytes)
            if self.faults.split and end - place > 1 and self._draw.random() < self.faults.split:
                end = self._draw.randrange(place + 1, end)
            end_ns += (end - place) * self._byte_ns
            way.pieces.append((-(-end_ns // _NS), chunk[place:end]))
            place = end
        way.held_bytes += len(chunk)
        way.free_ns = end_ns

    @staticmethod
    def _arrived(way: _Way, now_us: int) -> bytes:
        pieces = way.pieces
        if not pieces or pieces[0][0] > now_us:
            return b""
        arrived = pieces.popleft()[1]
        while pieces and pieces[0][0] <= now_us:
            arrived += pieces.popleft()[1]
        way.held_bytes -= len(arrived)
        return arrived
