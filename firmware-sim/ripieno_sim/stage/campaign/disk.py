"""The disk of a campaign: real files on the virtual clock, which may refuse or be slow; what became durable when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from ripieno.contracts.driver import Intent
from ripieno.contracts.ports import AppendFile, Clock, Database, DatabaseReader, Transaction
from ripieno.errors import StorageError
from ripieno_daemon.ledger.intents import decode
from ripieno_daemon.ports import InlineStorage
from ripieno_sim.seeds import stream

T = TypeVar("T")
SLOW_S: Final = 2.0
INTENTS: Final = "intents"
LEAST_S: Final = 0.0003
RECENT_US: Final = 3_000_000


class Disk:
    """The disk lives through; each process of the daemon gets its own files of it by `storage`.

    `durable`: command -> (intent, when it would have survived a power cut).
    """

    def __init__(self, seed: int, root: Path, clock: Clock, now_us: Callable[[], int], usual_s: float) -> None:
        self.is_full = self.fails = self.is_slow = False
        self.durable: dict[int, tuple[Intent, int]] = {}
        self._refused_us = -RECENT_US
        self._seed, self._root, self._clock, self._now_us, self._usual_s = seed, root, clock, now_us, usual_s

    @property
    def is_troubled(self) -> bool:
        """Whether it refuses or is slow now, or did within the last seconds."""
        bad = self.is_full or self.fails or self.is_slow
        return bad or self._now_us() - self._refused_us < RECENT_US

    def storage(self, life: int) -> DiskStorage:
        """Return the files as one process opens them."""
        draw = stream(self._seed, f"disk {life}")

        def latency_s(_: str) -> float:
            return LEAST_S + (SLOW_S if self.is_slow else self._usual_s) * draw.random()

        return DiskStorage(self, InlineStorage(self._root, self._clock, latency_s))

    def check(self, name: str, *, is_allocated: bool) -> None:
        """Raise StorageError where this file cannot be written now."""
        if self.fails or (self.is_full and not is_allocated):
            self._refused_us = self._now_us()
        if self.fails:
            raise StorageError(f"{name}: input/output error (check the disk)")
        if self.is_full and not is_allocated:
            raise StorageError(f"{name}: database or disk is full (free space on its file system)")

    def note(self, record: bytes) -> None:
        """A piece of the intents' file is durable."""
        found = decode(record)
        if found is not None:
            intent = found[1]
            self.durable.setdefault(intent.command_id, (intent, self._now_us()))


class DiskStorage:
    """The `Storage` port."""

    def __init__(self, disk: Disk, inner: InlineStorage) -> None:
        self._disk, self._inner = disk, inner

    def database(self, name: str) -> Database:
        """A database that the disk may refuse to write."""
        return _Database(name, self._disk, self._inner.database(name))

    def reader(self, path: str, within_s: float) -> DatabaseReader:
        """A database of the site, read."""
        return self._inner.reader(path, within_s)

    def append_file(self, name: str, size: int) -> AppendFile:
        """A file that has its place already: a full disk does not stop it."""
        return _File(name, self._disk, self._inner.append_file(name, size))


class _Database:
    def __init__(self, name: str, disk: Disk, inner: Database) -> None:
        self._name, self._disk, self._inner = name, disk, inner

    async def write(self, work: Callable[[Transaction], T]) -> T:
        def checked(tx: Transaction) -> T:
            self._disk.check(self._name, is_allocated=False)  # when it is its turn, not when it is asked for
            return work(tx)

        return await self._inner.write(checked)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._inner.read(work)

    async def close(self) -> None:
        await self._inner.close()


class _File:
    def __init__(self, name: str, disk: Disk, inner: AppendFile) -> None:
        self._name, self._disk, self._inner = name, disk, inner

    def read(self) -> bytes:
        return self._inner.read()

    async def write(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        self._disk.check(self._name, is_allocated=True)
        await self._inner.write(pieces)
        for _, piece in pieces if self._name == INTENTS else ():
            self._disk.note(piece)

    def close(self) -> None:
        self._inner.close()
