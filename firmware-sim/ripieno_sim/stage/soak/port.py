"""The host's serial port: buffers of the system, a plug that can be pulled, and perhaps another device behind it."""

from __future__ import annotations

from collections import deque
from typing import Final

from ripieno.errors import DeviceError
from ripieno_drivers.link.inbox import Inbox
from ripieno_sim.line import TO_BOARD, TO_HOST

from .track import Track

SYSTEM_BYTES: Final = 4096
"""What a tty keeps for a host that does not read; more is lost."""
REMEMBERED: Final = 64


class SoakPort:
    """Opened by one host at a time. A closed port's bytes are lost."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self.now_us = 0
        self.is_plugged = True
        self.is_stuck = False
        self.takes_only: int | None = None
        """Only so many bytes of the next write leave the host."""
        self.other_end: bytes | None = None
        """Another device is on the port and says this to whatever it hears; None: the board is."""
        self.past: deque[bytes] = deque(maxlen=REMEMBERED)
        self._inbox: Inbox | None = None
        self._held: bytearray | None = None

    def open(self, inbox: Inbox) -> None:
        """Open it for a host; raises DeviceError where there is no port, or where another has it."""
        if not self.is_plugged:
            raise DeviceError("/dev/soak: no such port; plug the board in")
        if self._inbox is not None:
            raise DeviceError("/dev/soak: taken by another program; stop that one")
        self._inbox = inbox

    def close(self) -> None:
        """Close it; the next `open` begins with empty buffers."""
        self._inbox = self._held = None

    def write(self, data: bytes) -> int:
        """Take what fits."""
        if self.is_stuck or self._inbox is None or not self.is_plugged:
            return 0
        if self.takes_only is not None:
            data, self.takes_only = data[: self.takes_only], None
        if self.other_end is not None:
            self._inbox.take(self.other_end)
        else:
            self.past.append(data)
            self.track.write(data, self.now_us)
        return len(data)

    def arrived(self, received: bytes) -> None:
        """Hand what came over the line to the host, or keep it while the host does not read."""
        if self._inbox is None or not self.is_plugged or self.other_end is not None:
            return
        if self._held is not None:
            self._held += received[: SYSTEM_BYTES - len(self._held)]
        else:
            self._inbox.take(received)

    def hold(self) -> None:
        """The host does not read from now on."""
        if self._held is None:
            self._held = bytearray()

    def release(self) -> None:
        """The host reads again, first what was kept."""
        held, self._held = self._held, None
        if held and self._inbox is not None:
            self._inbox.take(bytes(held))

    def unplug(self) -> None:
        """Pull the plug: what is on its way in either direction is gone."""
        self.is_plugged = False
        for way in (TO_BOARD, TO_HOST):
            self.track.line.tear(way, self.now_us)
            self.track.line.cut(way)
        if self._inbox is not None:
            self._inbox.take_loss("/dev/soak: unplugged")

    def plug(self) -> None:
        """Put it back."""
        self.is_plugged = True
        for way in (TO_BOARD, TO_HOST):
            self.track.line.cut(way, False)
