"""Death at a chosen point: the n-th commit, the n-th frame or the n-th byte of a daemon's life.

The ports are the real ones (or the simulated ones), wrapped: at its point a `Fate` strikes, before or after the real
thing is
done. In a process of its own that is SIGKILL; in virtual time the incarnation's ports are dead from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from ripieno.errors import StorageError
from ripieno_sim.seeds import stream

if TYPE_CHECKING:  # who only draws points need not wait for the whole daemon
    from ripieno.contracts.ports import (
        AppendFile,
        Database,
        DatabaseReader,
        Folder,
        Line,
        Lines,
        Storage,
        Transaction,
    )
    from ripieno_daemon.app import Ports

T = TypeVar("T")
COMMIT, FRAME, BYTE, INTENT = "commit", "frame", "byte", "intent"
# How far into a life a point may lie: about 3 s of a line at 10 parts/s.
REACH = {COMMIT: 12, FRAME: 30, BYTE: 1500, INTENT: 25}


@dataclass(frozen=True, slots=True)
class Point:
    """Die at the `count`-th event of this kind; `after`: once it is done, else just before."""

    kind: str
    count: int
    after: bool

    def __str__(self) -> str:
        return f"{self.kind}:{self.count}:{'after' if self.after else 'before'}"

    @classmethod
    def parse(cls, text: str) -> Point:
        """Read what `str` gave. Raises ValueError."""
        kind, count, when = text.split(":")
        if kind not in REACH or when not in ("before", "after"):
            raise ValueError(f"no such point: {text}")
        return cls(kind, int(count), when == "after")


def draw_points(seed: int, count: int) -> list[Point]:
    """Return the points at which the lives of a run end."""
    draw = stream(seed, "chaos")
    kinds = list(REACH)
    chosen = [draw.choice(kinds) for _ in range(count)]
    return [Point(kind, draw.randint(1, REACH[kind]), draw.random() < 0.5) for kind in chosen]


class Fate:
    """Counts towards one point; `strike` ends the life. After that `is_dead`."""

    def __init__(self, point: Point | None, strike: Callable[[], None]) -> None:
        self._point, self._strike = point, strike
        self._seen = 0
        self.is_dead = False

    def reaches(self, kind: str, amount: int = 1) -> int | None:
        """Return after how many of `amount` events death comes (0: before the first), None if it does not."""
        if self.is_dead:
            return 0
        if self._point is None or self._point.kind != kind:
            return None
        self._seen += amount
        if self._seen < self._point.count:
            return None
        return max(0, amount - (self._seen - self._point.count) - (0 if self._point.after else 1))

    def arm(self, point: Point) -> None:
        """Count towards this point from now on."""
        self._point, self._seen = point, 0

    def disarm(self) -> None:
        """Spare this life."""
        self._point = None

    def strike(self) -> None:
        """Die now."""
        if not self.is_dead:
            self.is_dead = True
            self._strike()


def mortal(ports: Ports, fate: Fate) -> Ports:
    """Return the ports of a life that ends when `fate` says so."""
    return replace(
        ports,
        lines=_MortalLines(ports.lines, fate),
        folder=_MortalFolder(ports.folder, fate),
        storage=_MortalStorage(ports.storage, fate),
    )


class _MortalLines:
    def __init__(self, lines: Lines, fate: Fate) -> None:
        self._lines, self._fate = lines, fate

    async def open(
        self, port: str, baud: int, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> Line:
        def take(received: bytes) -> None:
            if not self._fate.is_dead:
                on_bytes(received)

        return _MortalLine(await self._lines.open(port, baud, take, on_lost), self._fate)


class _MortalLine:
    def __init__(self, line: Line, fate: Fate) -> None:
        self._line, self._fate = line, fate

    def write(self, data: bytes) -> int:
        if self._fate.is_dead:
            return len(data)
        lived = self._fate.reaches(BYTE, len(data))
        if lived is None:
            return self._line.write(data)
        self._line.write(data[:lived])
        self._fate.strike()
        return len(data)

    def close(self) -> None:
        self._line.close()


class _MortalFolder:
    def __init__(self, folder: Folder, fate: Fate) -> None:
        self._folder, self._fate = folder, fate

    async def watch(self, path: str, existing: bool, on_new: Callable[[str], None]) -> Callable[[], None]:
        def arrive(name: str) -> None:
            lived = self._fate.reaches(FRAME)
            if lived is None or (lived and not self._fate.is_dead):
                on_new(name)
            if lived is not None:
                self._fate.strike()

        return await self._folder.watch(path, existing, arrive)

    def remove(self, path: str) -> None:
        if not self._fate.is_dead:
            self._folder.remove(path)


class _MortalStorage:
    def __init__(self, storage: Storage, fate: Fate) -> None:
        self._storage, self._fate = storage, fate

    def database(self, name: str) -> Database:
        return _MortalDatabase(self._storage.database(name), self._fate)

    def reader(self, path: str, within_s: float) -> DatabaseReader:
        return self._storage.reader(path, within_s)

    def append_file(self, name: str, size: int) -> AppendFile:
        return _MortalFile(self._storage.append_file(name, size), self._fate)


class _MortalDatabase:
    def __init__(self, database: Database, fate: Fate) -> None:
        self._database, self._fate = database, fate

    async def write(self, work: Callable[[Transaction], T]) -> T:
        lived = self._fate.reaches(COMMIT)
        if lived == 0:
            self._fate.strike()
            raise StorageError("this process is dead")
        result = await self._database.write(work)
        if lived is not None:
            self._fate.strike()
        if self._fate.is_dead:
            raise StorageError("this process is dead")
        return result

    async def read(self, work: Callable[[Transaction], T]) -> T:
        if self._fate.is_dead:
            raise StorageError("this process is dead")
        return await self._database.read(work)

    async def close(self) -> None:
        await self._database.close()


class _MortalFile:
    def __init__(self, file: AppendFile, fate: Fate) -> None:
        self._file, self._fate = file, fate

    def read(self) -> bytes:
        return self._file.read()

    async def write(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        lived = self._fate.reaches(INTENT)
        if lived == 0:
            self._fate.strike()
            raise StorageError("this process is dead")
        await self._file.write(pieces)
        if lived is not None:
            self._fate.strike()
        if self._fate.is_dead:
            raise StorageError("this process is dead")

    def close(self) -> None:
        self._file.close()
