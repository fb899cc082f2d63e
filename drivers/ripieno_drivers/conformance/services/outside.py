"""The ports of a site, in memory: what was done to them stays when the driver's process dies."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ripieno.contracts.ports import AppendFile, Transaction
from ripieno.contracts.site import BrokerAddress, Endpoint, FileContent, TopicMessage
from ripieno.errors import BrokerError, DeviceError, StorageError

from .service import Conversation, Service
from .trouble import FAULTS, LATE_S, LATENCY_S, Trouble

T = TypeVar("T")


class Outside:
    """Everything that a driver of a service can reach. `opened`: what it has open now, by kind."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.trouble = Trouble()
        self.files: dict[str, bytes] = {}
        self.published: list[TopicMessage] = []
        self.opened = 0
        self._databases: dict[str, sqlite3.Connection] = {}
        for path, statements in service.tables.items():
            for statement in statements:
                self._database(path).execute(statement)

    def rows(self, path: str, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Look into a database, for the service that counts; a table that is not there yet is empty."""
        try:
            return self._database(path).execute(sql, parameters).fetchall()
        except sqlite3.OperationalError:
            return []

    def close(self) -> None:
        """Forget everything."""
        for database in self._databases.values():
            database.close()

    # the Storage port

    def database(self, name: str) -> KitDatabase:
        """A database that is written."""
        return KitDatabase(self, self._database(name))

    def reader(self, path: str, within_s: float) -> KitDatabase:
        """A database that is read; what is written to it is found out by the service, which counts."""
        return KitDatabase(self, self._database(path), within_s)

    def append_file(self, name: str, size: int) -> AppendFile:
        """There is none for a service."""
        raise StorageError(f"{name}: a service needs no such file")

    # the Files port

    async def create(self, path: str, content: bytes) -> bool:
        """Make a file unless there is one."""

        def made() -> bool:
            return self.files.setdefault(path, content) is content

        return await self.trouble.around(made, StorageError)

    async def read(self, path: str, most: int) -> FileContent | None:
        """Return a file; secrets are there, whatever their name is."""
        content = self.files.get(path, b"secret")
        return FileContent(content[:most], len(content), 0)

    async def move(self, path: str, folder: str) -> str:
        """Move a file."""
        name = path.rpartition("/")[2]
        self.files[f"{folder}/{name}"] = self.files.pop(path)
        return name

    async def remove(self, path: str) -> None:
        """Remove a file."""
        self.files.pop(path, None)

    # the Network port, and brokers

    async def connect(self, endpoint: Endpoint) -> KitStream:
        """Connect to the service, whatever it is called."""
        self.trouble.attempts += 1
        await asyncio.sleep(LATENCY_S)
        if self.trouble.away:
            raise DeviceError(f"{endpoint}: nobody listens there")
        return KitStream(self, self.service.connected())

    def broker(self, address: BrokerAddress) -> KitBroker:
        """A connection to a broker."""
        return KitBroker(self)

    def _database(self, name: str) -> sqlite3.Connection:
        if name not in self._databases:
            self._databases[name] = sqlite3.connect(":memory:", isolation_level=None)
        return self._databases[name]


class KitDatabase:
    """A SQLite database in memory. `within_s`: how long the port lets one piece of work take."""

    def __init__(self, outside: Outside, connection: sqlite3.Connection, within_s: float | None = None) -> None:
        self._outside, self._connection, self._within_s = outside, connection, within_s
        self._turn = asyncio.Lock()
        outside.opened += 1

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction."""
        return await self._worked(work, "COMMIT")

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work`, keeping nothing."""
        return await self._worked(work, "ROLLBACK")

    async def close(self) -> None:
        """Close it; what is in it stays."""
        self._outside.opened -= 1

    async def _worked(self, work: Callable[[Transaction], T], end: str) -> T:
        def worked() -> T:
            self._connection.execute("BEGIN")
            try:
                found = work(self._connection)
            except (sqlite3.Error, UnicodeError) as error:
                self._connection.execute("ROLLBACK")
                raise StorageError(str(error)) from error
            self._connection.execute(end)
            return found

        async with self._turn:
            try:
                async with asyncio.timeout(self._within_s):
                    return await self._outside.trouble.around(worked, StorageError)
            except TimeoutError as error:
                raise StorageError(f"not done within {self._within_s:g} s") from error


class KitStream:
    """A connection to the service: each write is one exchange."""

    def __init__(self, outside: Outside, peer: Conversation) -> None:
        self._outside, self._peer = outside, peer
        self._came = bytearray()
        self._ended = self._closed = self._broken = False
        self._news = asyncio.Event()
        outside.opened += 1

    @property
    def is_quiet(self) -> bool:
        """Whether it may be used for another request."""
        return not (self._came or self._ended or self._closed or self._broken)

    async def read(self, most: int) -> bytes:
        """Return what has come."""
        while not self._came and not self._ended:
            if self._broken or self._closed:
                raise DeviceError("the connection broke")
            self._news.clear()
            await self._news.wait()
        taken, self._came = bytes(self._came[:most]), self._came[most:]
        return taken

    async def write(self, data: bytes) -> None:
        """Bring it to the service, and its answer back, as the trouble lets it."""
        if self._closed or self._broken:
            raise DeviceError("the connection broke")
        kind = self._outside.trouble.next(FAULTS)
        if self._outside.trouble.away or kind == "before":
            self._broken = True
            return
        self._later(LATENCY_S, self._deliver, data, kind)

    def close(self) -> None:
        """Drop the connection. What was written is on its way."""
        if not self._closed:
            self._closed = True
            self._outside.opened -= 1
            self._news.set()

    def _deliver(self, data: bytes, kind: str) -> None:
        if self._outside.trouble.away:
            self._end()
            return
        answer = self._peer.answer(data)
        match kind:
            case "":
                self._later(LATENCY_S, self._receive, answer)
            case "late":
                self._later(LATE_S, self._receive, answer)
            case "twice":
                self._later(LATENCY_S, self._receive, answer + answer)
            case "half":
                self._later(LATENCY_S, self._receive, answer[: len(answer) // 2])
                self._later(2 * LATENCY_S, self._end)
            case "after":
                self._end()
            case _:
                pass  # silent

    def _receive(self, answer: bytes) -> None:
        self._came += answer
        self._news.set()

    def _end(self) -> None:
        self._ended = True
        self._news.set()

    @staticmethod
    def _later(seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        asyncio.get_running_loop().call_later(seconds, call, *arguments)


class KitBroker:
    """A connection to a broker that keeps what it is told."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def run(
        self,
        subscriptions: Sequence[str],
        on_message: Callable[[TopicMessage, Callable[[], None]], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        """Stay connected; the port has a ladder of its own."""
        self._outside.opened += 1
        told: bool | None = None
        try:
            while True:
                away = self._outside.trouble.away
                if away and told is not False:
                    on_down("the broker is away")
                elif not away and told is not True:
                    on_up()
                told = not away
                self._outside.trouble.attempts += away
                await asyncio.sleep(1.0 if away else 0.05)
        finally:
            self._outside.opened -= 1

    async def publish(self, message: TopicMessage) -> None:
        """Give a message to the broker."""
        await self._outside.trouble.around(lambda: self._outside.published.append(message), BrokerError)
