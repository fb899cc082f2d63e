"""Ports to the other systems of a site: its network, its files, its message broker, and who calls at this device.

Each has a real implementation in the daemon and one in virtual time; a driver never knows which it was given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files. `ca_file`: who vouches for the peer, "" for the system's authorities; it is always verified, its name
    too. `certificate_file`, `key_file`: who we are, for a peer that asks.
    """

    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a connection goes. `tls` None: in the clear."""

    host: str
    port: int
    tls: Tls | None = None

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


class Stream(Protocol):
    """An open connection: bytes both ways. Who opened it closes it; closing never waits."""

    @property
    def is_quiet(self) -> bool:
        """Whether it is open and nothing has come that was not read: it may be used for another request."""

    async def read(self, most: int) -> bytes:
        """Return what has come, 1 to `most` bytes; b"" when the peer has ended. Raises DeviceError: it broke."""

    async def write(self, data: bytes) -> None:
        """Return when there is room for more. Raises DeviceError: it broke."""

    def close(self) -> None: ...


class Network(Protocol):
    """Connections to other machines. `connect` has no limit of its own; it can be cancelled.

    Raises:
        DeviceError: the name is unknown, nobody listens, or the certificate is not right; the message names the
            endpoint and the mend.
    """

    async def connect(self, endpoint: Endpoint) -> Stream: ...


@dataclass(frozen=True, slots=True)
class FileContent:
    """What was read: `content` is cut at what was asked for, `size` is the whole file's."""

    content: bytes
    size: int
    modified_ns: int


class Files(Protocol):
    """Whole small files, read and written off the loop. A relative path counts from the state directory.

    Raises:
        StorageError: the disk refused; the message names the file and the mend.
    """

    async def create(self, path: str, content: bytes) -> bool:
        """Make a file, whole or not at all, and return when it would survive a power cut; its folders are made.

        Returns False, and changes nothing, where there is one already (then that one is durable).
        """

    async def read(self, path: str, most: int) -> FileContent | None:
        """Return at most the first `most` bytes of a regular file, None where there is none."""

    async def move(self, path: str, folder: str) -> str:
        """Move a file into another folder of the same file system, which is made, never over another file: it gets a
        number behind its name then. Returns its new name, "" where there is no such file any more.
        """

    async def remove(self, path: str) -> None:
        """Remove a file; one that is gone is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """A broker of the site. `client`: this connection's name among those of this device; the port puts the device's
    identity before it. `password_file`: read at every connect.
    """

    host: str
    port: int = 1883
    client: str
    username: str = ""
    password_file: str = ""
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class TopicMessage:
    """A message at a broker. `correlation`: what its sender calls it (MQTT 5 correlation data). `is_retained`: going
    out, the broker shall keep it; coming in, the broker had kept it from before.
    """

    topic: str
    payload: bytes
    correlation: bytes = b""
    is_retained: bool = False


class TopicBroker(Protocol):
    """A connection of a device's own to a broker of the site: plain messages, QoS 1.

    `run` stays connected until cancelled; `on_message(message, ack)`: what is not acknowledged comes again. `publish`
    returns when the broker has it.

    Raises:
        BrokerError: away, or cut meanwhile (then it may have arrived); from `run`: another client has our name.
        CommandRefused: the broker said no to this very message; trying again will not help.
    """

    async def run(
        self,
        subscriptions: Sequence[str],
        on_message: Callable[[TopicMessage, Callable[[], None]], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None: ...
    async def publish(self, message: TopicMessage) -> None: ...


Brokers = Callable[[BrokerAddress], TopicBroker]


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody at this device says to an input. `key`: the sender's name for it, "" for none. `by`: who it is, as
    the kernel tells it.
    """

    body: Mapping[str, object]
    key: str = ""
    by: str = ""


class Doors(Protocol):
    """Where people and programs of this machine hand in messages (`ripieno tell INPUT`)."""

    async def serve(self, input: str, take: Callable[[Told], Awaitable[str]]) -> None:
        """Serve until cancelled. `take` returns the message's key when it is durable; CommandRefused and StorageError
        are told to the caller.

        Raises:
            DeviceError: somebody else serves this input, or there can be no door here.
        """
