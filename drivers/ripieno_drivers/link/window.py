"""Reliable frames, each direction its own numbers, at most 8 on the way (go-back-N); docs/link-protocol.md section
4.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 8
QUEUE: Final = 64
"""Frames that may wait for room in the window; an act beyond that is refused at once instead of coming late."""
MAX_RTO_US: Final = 200_000
BACKWARD_NAKS: Final = 16
"""A peer that keeps asking for frames it acknowledged before is not the peer of this session (an echo, for
example).
"""


@dataclass(slots=True)
class Outbound:
    """A reliable frame on its way. `cmd_id` is set for an ACT, so that its first byte can be noticed."""

    type: int
    payload: bytes
    cmd_id: int = 0
    sent_us: int = 0
    again: bool = False


class Sender:
    """Our reliable frames. Times in us; `byte_us` is the time of one byte on the line (10 bits)."""

    def __init__(self, byte_us: float) -> None:
        self._byte_us = byte_us
        self._floor_us = 20_000 + 40 * byte_us
        self._queue: deque[Outbound] = deque()
        self._flight: deque[Outbound] = deque()
        self._base = 0
        self._smoothed_us = 0.0
        self._deviation_us = 0.0
        self._doublings = 0
        self._resend_at: float | None = None
        self._resend_asked = False
        self._nak_served_us: float | None = None
        self._backward_naks = 0

    @property
    def is_idle(self) -> bool:
        return not self._queue and not self._flight

    @property
    def room(self) -> int:
        return QUEUE - len(self._queue)

    @property
    def is_lost(self) -> bool:
        """Whether the peer's acknowledgements contradict themselves."""
        return self._backward_naks >= BACKWARD_NAKS

    def queue(self, frame: Outbound) -> bool:
        """Put a frame behind the others; False if there is no room."""
        if len(self._queue) >= QUEUE:
            return False
        self._queue.append(frame)
        return True

    def replace(self, type_: int, head: bytes, payload: bytes) -> bool:
        """Replace the payload of a queued, unsent frame of this type that begins with `head`; False if there is
        none.
        """
        for frame in self._queue:
            if frame.type == type_ and frame.payload.startswith(head):
                frame.payload = payload
                return True
        return False

    def acknowledged(self, ack: int, now_us: int) -> None:
        """The peer expects `ack` next. Numbers outside the window are stale and ignored."""
        done = (ack - self._base) & 0xFF
        if not 0 < done <= len(self._flight):
            return
        for _ in range(done):
            frame = self._flight.popleft()
        if not frame.again:  # a frame that was sent twice does not tell which copy was acknowledged
            self._measured(now_us - frame.sent_us)
        self._base = ack
        self._doublings = 0
        self._backward_naks = 0
        self._resend_at = now_us + self._rto_us() if self._flight else None

    def refused(self, ack: int, now_us: int) -> None:
        """A NAK: send again from `ack` on, at most once per 30 byte times."""
        if 0 < ((self._base - ack) & 0xFF) < 128:
            self._backward_naks += 1
            return
        self.acknowledged(ack, now_us)
        if self._nak_served_us is None or now_us - self._nak_served_us >= 30 * self._byte_us:
            self._nak_served_us = now_us
            if self._flight:
                self._resend_at = now_us
                self._resend_asked = True

    def due(self, now_us: int) -> list[tuple[int, Outbound, bool]]:
        """Return (seq, frame, is_resend) of what must be sent now; `left` has to be told when it will have left
        the line.
        """
        due: list[tuple[int, Outbound, bool]] = []
        if self._resend_at is not None and now_us >= self._resend_at:
            if not self._resend_asked:
                self._doublings += 1
            self._resend_asked = False
            for index, frame in enumerate(self._flight):
                frame.again = True
                due.append(((self._base + index) & 0xFF, frame, True))
        while self._queue and len(self._flight) < WINDOW:
            frame = self._queue.popleft()
            frame.sent_us = now_us
            due.append(((self._base + len(self._flight)) & 0xFF, frame, False))
            self._flight.append(frame)
        return due

    def left(self, at_us: float) -> None:
        """What `due` returned will have left the line at `at_us`: the timer runs from there, or a slow line would
        cause resends.
        """
        self._resend_at = at_us + self._rto_us()

    def next_deadline(self, now_us: int) -> float | None:
        if self._queue and len(self._flight) < WINDOW:
            return now_us
        return self._resend_at

    def _measured(self, round_trip_us: float) -> None:
        """RFC 6298's estimator."""
        if self._smoothed_us == 0:
            self._smoothed_us, self._deviation_us = round_trip_us, round_trip_us / 2
            return
        self._deviation_us += (abs(round_trip_us - self._smoothed_us) - self._deviation_us) / 4
        self._smoothed_us += (round_trip_us - self._smoothed_us) / 8

    def _rto_us(self) -> float:
        base = max(self._floor_us, self._smoothed_us + 4 * self._deviation_us)
        return min(base * (1 << min(self._doublings, 8)), max(MAX_RTO_US, self._floor_us))


class Receiver:
    """The peer's reliable frames: in order only, acknowledged at once, one NAK until progress."""

    def __init__(self) -> None:
        self.expected = 0
        self.owes_ack = False
        self.owes_nak = False
        self._nak_said = False

    def takes(self, seq: int) -> bool:
        """Return whether this frame is the expected one and must be processed."""
        ahead = (seq - self.expected) & 0xFF
        if ahead == 0:
            self.expected = (self.expected + 1) & 0xFF
            self.owes_ack = True
            self.owes_nak = self._nak_said = False
            return True
        if ahead < 128:
            self.damaged()
        else:
            self.owes_ack = True
        return False

    def damaged(self) -> None:
        """A frame was missed or broken."""
        if not self._nak_said:
            self._nak_said = self.owes_nak = True

    def told(self) -> None:
        """A frame with our `ack` has been sent."""
        self.owes_ack = False
