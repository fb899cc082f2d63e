"""When to PING: 16 back to back at the start of a session, then one each 100 ms; docs/link-protocol.md section 6."""

from __future__ import annotations

from typing import Final

BURST: Final = 16
PERIOD_US: Final = 100_000
GIVE_UP_US: Final = 20_000
OUTSTANDING: Final = 16


class Pings:
    """Which PINGs are on their way. All times are host us."""

    def __init__(self, now_us: int) -> None:
        self._tag = 0
        self._sent: dict[int, int] = {}
        self._left = BURST
        self.next_us = now_us

    @property
    def burst_done(self) -> bool:
        return self._left == 0

    def send(self, now_us: int) -> int:
        """Note a PING that is written now and return its tag."""
        self._tag = (self._tag + 1) & 0xFFFF_FFFF
        self._sent[self._tag] = now_us
        if len(self._sent) > OUTSTANDING:
            del self._sent[next(iter(self._sent))]
        self._left = max(0, self._left - 1)
        self.next_us = now_us + (GIVE_UP_US if self._left else PERIOD_US)
        return self._tag

    def answered(self, tag: int, now_us: int) -> int | None:
        """Return when the PING with this tag was written, None if it is not known (any more)."""
        sent_us = self._sent.pop(tag, None)
        if sent_us is not None and self._left and tag == self._tag:
            self.next_us = now_us
        return sent_us
