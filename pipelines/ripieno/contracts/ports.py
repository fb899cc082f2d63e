"""Ports: everything outside the engine. The daemon wires real ones, simulation wires simulated ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from ripieno.values import Inferred

from .runtime import Loaded


class Clock(Protocol):
    """`monotonic_ns` never steps; `wall_ns` is UTC since 1970 and may. `sleep` is the only way to wait."""

    def monotonic_ns(self) -> int: ...
    def wall_ns(self) -> int: ...
    async def sleep(self, seconds: float) -> None: ...


class Entropy(Protocol):
    """Unpredictable bytes; in simulation, bytes that follow from the seed."""

    def token(self, size: int) -> bytes: ...


class Line(Protocol):
    """An open serial line. `write` takes what fits now and says how many bytes that was; it never blocks."""

    def write(self, data: bytes) -> int: ...
    def close(self) -> None: ...


class Lines(Protocol):
    """Opens serial lines. `on_bytes` is called with what was read, `on_lost` once when the line is gone.

    Raises:
        DeviceError: the port does not exist, is taken, or may not be opened; the message names it and the mend.
    """

    async def open(
        self, port: str, baud: int, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> Line: ...


class Folder(Protocol):
    """A folder that pictures arrive in. `watch` calls `on_new(name)` once for each whole file, old ones first if `existing`."""

    async def watch(self, path: str, existing: bool, on_new: Callable[[str], None]) -> Callable[[], None]: ...
    def remove(self, path: str) -> None: ...


class AppendFile(Protocol):
    """The preallocated file of intents. `write_at` returns when the bytes would survive a power cut.

    Raises:
        StorageError: the disk refused.
    """

    def read(self) -> bytes: ...
    async def write_at(self, offset: int, data: bytes) -> None: ...
    def close(self) -> None: ...


class Rows(Protocol):
    """What one transaction reads."""

    def fetchall(self) -> list[tuple[object, ...]]: ...


class Database(Protocol):
    """One SQLite database with one writer. `write` runs `work(connection)` in one durable transaction, off the loop.

    Raises:
        StorageError: the disk refused; nothing of the transaction is kept.
    """

    async def write(self, work: Callable[[object], object]) -> object: ...
    async def read(self, work: Callable[[object], object]) -> object: ...
    async def close(self) -> None: ...


class Storage(Protocol):
    """Opens files below the daemon's state directory."""

    def database(self, name: str) -> Database: ...
    def append_file(self, name: str, size: int) -> AppendFile: ...


class Broker(Protocol):
    """A message broker at the level of messages. QoS 1: `publish` returns at the PUBACK.

    `on_message(topic, payload, ack)` must call `ack()` after what it did is durable; unacknowledged messages come again.

    Raises:
        BrokerError: away or refused; nothing is queued by the port.
    """

    async def run(
        self,
        subscriptions: Sequence[str],
        on_message: Callable[[str, bytes, Callable[[], None]], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None: ...
    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None: ...


class Inference(Protocol):
    """Runs a step's model on a frame, elsewhere. One call at a time per step; each has the step's deadline."""

    async def start(self) -> Mapping[str, Loaded]:
        """Load and self-test the models; what runs behind each step. Raises ModelError."""

    async def infer(self, step: str, ref: str) -> Inferred:
        """Return within the step's deadline: a bad picture is DAMAGED, no answer in time is LATE.

        Raises:
            WorkerLost: the worker died under this call; a new one is being started.
            ModelError: the model is out of use until a reload: it keeps killing its worker, or its file has changed.
        """

    async def stop(self) -> None: ...


Notify = Callable[[str], None]
Work = Callable[[], Awaitable[None]]
