"""Go-back-N: frames that arrive in order, each direction with its own numbers (docs/link-protocol.md, section 4)."""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from ripieno_sim.codec import Message

__all__ = ["WINDOW", "Arrival", "Outgoing", "Reliable"]

WINDOW = 8
RTO_FLOOR_US = 20_000
RTO_CEILING_US = 200_000


class Arrival(Enum):
    """Where a reliable frame stands against the expected one."""

    IN_ORDER = "process it"
    BEHIND = "acknowledge it again"
    AHEAD = "one is missing"


@dataclass(slots=True)
class Outgoing:
    """A numbered frame that waits to be acknowledged."""

    seq: int
    kind: int
    message: Message
    sent_us: int = 0
    sent_times: int = 0


class Reliable:
    """Both directions of one session's reliable frames, at one end.

    Args:
        byte_ns: how long one byte takes on the line.
        room: the most frames that may wait behind the window.
    """

    def __init__(self, byte_ns: int, room: int) -> None:
        self.expected = 0
        self._room = room
        self._next_seq = 0
        self._waiting: deque[tuple[int, Message]] = deque()
        self._sent: deque[Outgoing] = deque()
        self._resend_from: int | None = None
        self._timer_us: int | None = None
        self._floor_us = RTO_FLOOR_US + 40 * byte_ns // 1000
        self._nak_pause_us = 30 * byte_ns // 1000
        self._last_resend_us = -RTO_CEILING_US
        self._smoothed_us = 0
        self._deviation_us = 0
        self._rto_us = self._floor_us

    def arrival(self, seq: int) -> Arrival:
        """Place a received number; IN_ORDER moves the expectation on."""
        gap = (seq - self.expected) & 0xFF
        if gap == 0:
            self.expected = (self.expected + 1) & 0xFF
            return Arrival.IN_ORDER
        return Arrival.BEHIND if gap >= 0x80 else Arrival.AHEAD

    def push(self, kind: int, message: Message) -> bool:
        """Queue a frame; False when there is no room for it."""
        if len(self._waiting) >= self._room:
            return False
        self._waiting.append((kind, message))
        return True

    def waiting(self, kind: int) -> int:
        """Return how many frames of a type have no number yet."""
        return sum(1 for queued, _ in self._waiting if queued == kind)

    def acknowledge(self, ack: int, now_us: int) -> list[Outgoing]:
        """Take the peer's `ack`; return the frames that it has now confirmed."""
        if not self._sent:
            return []
        confirmed = (ack - self._sent[0].seq) & 0xFF
        if not 0 < confirmed <= len(self._sent):
            return []
        done = [self._sent.popleft() for _ in range(confirmed)]
        if done[-1].sent_times == 1:  # Karn: a resent frame says nothing about the round trip
            self._measure(now_us - done[-1].sent_us)
        self._rto_us = self._estimate_us()
        if self._resend_from is not None:
            self._resend_from = max(0, self._resend_from - confirmed)
        self._timer_us = now_us + self._rto_us if self._sent else None
        return done

    def reject(self, now_us: int) -> None:
        """Take a NAK: send everything unacknowledged again, at most once per 30 byte times."""
        if self._sent and now_us - self._last_resend_us >= self._nak_pause_us:
            self._resend(now_us)

    def advance(self, now_us: int) -> None:
        """Let the timer run out if it is time."""
        if self._timer_us is not None and now_us >= self._timer_us and self._sent:
            self._rto_us = min(2 * self._rto_us, RTO_CEILING_US)
            self._resend(now_us)

    def next_deadline_us(self) -> int | None:
        """Return when the oldest unacknowledged frame is sent again."""
        return self._timer_us

    def has_frame(self) -> bool:
        """Say whether a frame may be sent now."""
        if self._resend_from is not None and self._resend_from < len(self._sent):
            return True
        return bool(self._waiting) and len(self._sent) < WINDOW

    def next_frame(self, now_us: int) -> Outgoing | None:
        """Return the next frame to send, a resent one (`sent_times` above 1) first."""
        if self._resend_from is not None:
            if self._resend_from < len(self._sent):
                frame = self._sent[self._resend_from]
                self._resend_from += 1
                frame.sent_times += 1
                return frame
            self._resend_from = None
        if not self._waiting or len(self._sent) >= WINDOW:
            return None
        kind, message = self._waiting.popleft()
        frame = Outgoing(self._next_seq, kind, message, now_us, 1)
        self._next_seq = (self._next_seq + 1) & 0xFF
        self._sent.append(frame)
        if self._timer_us is None:
            self._timer_us = now_us + self._rto_us
        return frame

    def _resend(self, now_us: int) -> None:
        self._resend_from = 0
        self._last_resend_us = now_us
        self._timer_us = now_us + self._rto_us

    def _measure(self, round_trip_us: int) -> None:
        """Smooth the round trip as RFC 6298 does (gains 1/8 and 1/4)."""
        if not self._smoothed_us:
            self._smoothed_us, self._deviation_us = round_trip_us, round_trip_us // 2
            return
        self._deviation_us += (abs(round_trip_us - self._smoothed_us) - self._deviation_us) // 4
        self._smoothed_us += (round_trip_us - self._smoothed_us) // 8

    def _estimate_us(self) -> int:
        return min(max(self._floor_us, self._smoothed_us + 4 * self._deviation_us), RTO_CEILING_US)
