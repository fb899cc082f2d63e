"""systemd's notify socket, sd_notify(3): one datagram for each message, lines of NAME=value.

The address is $NOTIFY_SOCKET: a path, or `@name` for Linux' abstract sockets. Without one nothing is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import Final

LONGEST_STATUS: Final = 300


class SystemdNotify:
    """Sends to the socket that was in the environment; `is_heard` says whether there is one.

    `watchdog_s`: how long systemd waits for the next WATCHDOG=1, None where it does not watch this process.
    """

    def __init__(self, address: str, watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s if address else None
        self._address: str | bytes = b"\0" + address[1:].encode() if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> SystemdNotify:
        """Take the address out of the environment: a child that kept it could speak for this process."""
        address = environment.pop("NOTIFY_SOCKET", "")
        watched = environment.pop("WATCHDOG_USEC", "")
        of = environment.pop("WATCHDOG_PID", "")
        ours = watched.isdigit() and of in ("", str(os.getpid()))
        return cls(address, int(watched) / 1e6 if ours and int(watched) else None)

    @property
    def is_heard(self) -> bool:
        """Whether somebody listens."""
        return self._socket is not None

    def __call__(self, message: str) -> None:
        """Send one message now; one that cannot be taken is lost, as the protocol has it."""
        if self._socket is None:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            pass  # full or gone: the next message of its kind says it again, and a watchdog that hears nothing acts

    def status(self, text: str) -> None:
        """Say what `systemctl status` shows, one line."""
        self(f"STATUS={' '.join(text.split())[:LONGEST_STATUS]}")
