"""Ports: everything outside the engine. The daemon wires real ones, simulation wires simulated ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ripieno.values import Given, Inferred

from .runtime import Loaded

T = TypeVar("T")


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
    """A folder that pictures arrive in.

    `watch` calls `on_new(name)` once for each whole file, old ones first if `existing`.
    """

    async def watch(self, path: str, existing: bool, on_new: Callable[[str], None]) -> Callable[[], None]: ...
    def remove(self, path: str) -> None: ...


class AppendFile(Protocol):
    """A preallocated file of fixed size, for records that must be durable fast (the intents).

    `write` puts every (offset, bytes) piece and returns when all would survive a power cut; the pieces may tear on one.

    Raises:
        StorageError: the disk refused, or a piece lies outside the file.
    """

    def read(self) -> bytes: ...
    async def write(self, pieces: Sequence[tuple[int, bytes]]) -> None: ...
    def close(self) -> None: ...


class Rows(Protocol):
    """What a statement gives. An INTEGER comes as int, a BLOB as bytes, a NULL as None."""

    def fetchall(self) -> list[Any]: ...
    def fetchone(self) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...


class Transaction(Protocol):
    """What a piece of work sees of the database while it has it for itself."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Rows: ...
    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Rows: ...


class Database(Protocol):
    """One SQLite database with one writer; all work runs one after the other, in the order of the calls, off the loop.

    `write` runs `work` in one durable transaction, `read` without keeping anything. A caller that is cancelled does not
    undo work that has begun. `work` must not touch what belongs to the loop.

    Raises:
        StorageError: the disk refused; nothing of the transaction is kept.
    """

    async def write(self, work: Callable[[Transaction], T]) -> T: ...
    async def read(self, work: Callable[[Transaction], T]) -> T: ...
    async def close(self) -> None: ...


class DatabaseReader(Protocol):
    """A SQLite database that other programs write: looked into, off the loop, and never changed.

    TEXT that is not UTF-8 has lone surrogates for the bytes that are none.

    Raises:
        StorageError: there is none, it may not be read, or `work` took longer than the reader's limit or found the
            database locked for so long; the message names file and mend. Whatever SQLite says of a statement, too.
    """

    async def read(self, work: Callable[[Transaction], T]) -> T: ...
    async def close(self) -> None: ...


class Storage(Protocol):
    """Opens files below the daemon's state directory. Who opens one closes it. `size` is in bytes."""

    def database(self, name: str) -> Database: ...
    def reader(self, path: str, within_s: float) -> DatabaseReader:
        """A database of the site, wherever it lies; a relative path counts from the state directory."""

    def append_file(self, name: str, size: int) -> AppendFile: ...


class SharedMemory(Protocol):
    """Memory that a driver's process writes pictures into and a worker reads from; this process never looks at it.

    `ref` is how a worker of this daemon finds it (see slots.py). Who asked for it closes it.
    """

    @property
    def ref(self) -> str: ...
    def close(self) -> None: ...


class Child(Protocol):
    """A process that a driver has started. Its death is told once, whatever ends it."""

    @property
    def pid(self) -> int: ...
    def send(self, message: bytes) -> bool:
        """Send without waiting; False: it does not take it now (it hangs, or is dead), and the message is dropped."""

    def kill(self) -> None:
        """SIGKILL; the death is told later."""

    async def stop(self) -> None:
        """Ask it to end, kill it after 1 s; return when it is gone."""


class Processes(Protocol):
    """Processes of drivers, for what may hang or die: a camera's library, not a serial line.

    `start` runs `main(line, memory, arguments) -> int` of a module, in a process that dies with this one: `line` is a
    socket of whole messages (SOCK_SEQPACKET), `memory` a file descriptor to map. `on_message` has each message that it
    sends, `on_end` one sentence about its death with its last words.

    Raises:
        DeviceError: the process or the memory cannot be made.
    """

    def memory(self, name: str) -> SharedMemory: ...
    async def start(
        self,
        module: str,
        arguments: Sequence[str],
        memory: SharedMemory,
        on_message: Callable[[bytes], None],
        on_end: Callable[[str], None],
    ) -> Child: ...


class Broker(Protocol):
    """A message broker at the level of messages. QoS 1: `publish` returns at the PUBACK.

    `on_message(topic, payload, ack)` must call `ack()` after what it did is durable; unacknowledged messages come
    again.

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
    """Runs a step's model, elsewhere. One call at a time per step; each has the step's deadline."""

    async def start(self) -> Mapping[str, Loaded]:
        """Load and self-test the models; what runs behind each step. Raises ModelError."""

    async def infer(self, step: str, given: str | Given) -> Inferred:
        """Return within the step's deadline: what no model can read is DAMAGED, WRONG_SIZE, MISSING (nothing in it) or
        NON_FINITE, no answer in time is LATE.

        Args:
            given: what the step's model takes: a picture (a plain string is a PictureRef), a Text or a Vector.

        Raises:
            WorkerLost: the worker died under this call; a new one is being started.
            ModelError: the model takes something else; or it is out of use until a reload: it keeps killing its
                worker, or its file has changed.
        """

    async def stop(self) -> None: ...


Notify = Callable[[str], None]
Work = Callable[[], Awaitable[None]]
