"""The daemon's ports, simulated: clock, entropy, serial line and camera folder, all in one virtual time from one
seed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping

from ripieno.errors import DeviceError
from ripieno_sim.rig import Rig

from .loop import START_NS, VirtualLoop

WALL_START_NS = 1_750_000_000_000_000_000  # a fixed day: the ledger's wall times follow from the seed, too


class VirtualClock:
    """The Clock port on a `VirtualLoop`."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop

    def monotonic_ns(self) -> int:
        """Return virtual nanoseconds."""
        return self.loop.now_ns

    def wall_ns(self) -> int:
        """Return UTC as the simulated device sees it."""
        return WALL_START_NS + self.loop.now_ns - START_NS

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(seconds)

    def now_us(self) -> int:
        """Return the plant's time."""
        return (self.loop.now_ns - START_NS) // 1000


class SeededEntropy:
    """The Entropy port: bytes that follow from the seed and the number of calls."""

    def __init__(self, seed: int, name: str) -> None:
        self._key, self._calls = f"{seed}/{name}".encode(), 0

    def token(self, size: int) -> bytes:
        """Return `size` bytes."""
        self._calls += 1
        return hashlib.shake_128(self._key + b"/%d" % self._calls).digest(size)


class RigLines:
    """The Lines port with a whole rig (line, board, plant) behind one port name; it also keeps the rig moving."""

    def __init__(self, rig: Rig, clock: VirtualClock, port: str) -> None:
        self._rig, self._clock, self._port = rig, clock, port
        self._loop = clock.loop
        self._host: _RigLine | None = None
        self._loop.machine = self
        self.moved()

    @property
    def due_us(self) -> int | None:
        """When the rig next does something by itself."""
        return self._rig.due_us

    async def open(
        self, port: str, baud: int, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> _RigLine:
        """Open the one port there is."""
        if port != self._port:
            raise DeviceError(f"{port}: no such port; the simulated line is at {self._port}")
        if self._host is not None:
            raise DeviceError(f"{port}: another program has it open; end that one first")
        self._host = _RigLine(self, on_bytes)
        return self._host

    def written(self, line: _RigLine, chunk: bytes) -> None:
        """Put the host's bytes on the line."""
        if line is self._host:
            self._rig.send(chunk, self._clock.now_us())
            self.moved()

    def let_go(self, line: _RigLine) -> None:
        """The host has closed the port (or died)."""
        if line is self._host:
            self._host = None

    def moved(self) -> None:
        """Something changed the rig from outside: look again when it has something to do."""
        self._rig.next_deadline_us()

    def close(self) -> None:
        """Stop moving the rig."""
        self._loop.machine = None

    def advance(self) -> None:
        """Let the rig do what is due, and go on while nobody else has anything to do before its next deadline."""
        rig, loop = self._rig, self._loop
        while True:
            arrived = rig.resume((loop.now_ns - START_NS) // 1000)
            if arrived and self._host is not None:
                self._host.on_bytes(arrived)
            due_us = rig.due_us
            if due_us is None or not loop.leap(START_NS + due_us * 1000):
                return


class _RigLine:
    """An open end of the rig's line."""

    def __init__(self, lines: RigLines, on_bytes: Callable[[bytes], None]) -> None:
        self._lines, self.on_bytes = lines, on_bytes

    def write(self, data: bytes) -> int:
        """Write everything: the simulated line has room."""
        self._lines.written(self, data)
        return len(data)

    def close(self) -> None:
        """Close this end."""
        self._lines.let_go(self)


class PictureStore:
    """The Folder port in memory: what the camera station shows arrives as a file that a name stands for."""

    def __init__(self, keep: int = 64) -> None:
        self._keep = keep
        self._pictures: dict[str, bytes] = {}
        self._watchers: dict[str, Callable[[str], None]] = {}

    async def watch(self, path: str, existing: bool, on_new: Callable[[str], None]) -> Callable[[], None]:
        """Call `on_new` with the name of each picture that arrives under `path`."""
        self._watchers[path] = on_new
        return lambda: self._forget(path, on_new)

    def remove(self, path: str) -> None:
        """Forget a picture."""
        self._pictures.pop(path, None)

    def arrive(self, folder: str, name: str, picture: bytes) -> None:
        """The camera has written a picture."""
        self._pictures[f"{folder}/{name}"] = picture
        while len(self._pictures) > self._keep:
            del self._pictures[next(iter(self._pictures))]
        watcher = self._watchers.get(folder)
        if watcher is not None:
            watcher(name)

    def read(self, ref: str) -> bytes:
        """Return a picture; raises FileNotFoundError like a real folder."""
        if ref not in self._pictures:
            raise FileNotFoundError(ref)
        return self._pictures[ref]

    def names(self) -> Mapping[str, bytes]:
        """Return what is there."""
        return self._pictures

    def _forget(self, path: str, on_new: Callable[[str], None]) -> None:
        if self._watchers.get(path) is on_new:
            del self._watchers[path]
