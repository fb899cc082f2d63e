"""A folder as a camera: it reports new pictures, or plays those that lie there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from ripieno.contracts.driver import Context, Driver
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import Act, DeviceDown, DeviceUp, Frame, Outcome, Pulse, Setpoint

from .names import Named, Names
from .settings import FolderPoint, FolderSettings

RETRY_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
REMOVED_AT_ONCE: Final = 2
"""How many old pictures go when a new one comes: a folder with a wrong `keep` empties slowly enough to be noticed."""


class FolderCamera:
    """The device; see FolderSettings."""

    def __init__(self, settings: FolderSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._names = Names(settings.pattern)
        self._inputs = [point.name for point in context.points if point.kind == "frame"]
        self._sequence = 0
        self._kept: deque[str] = deque()
        self._said_foreign = False
        self._existing: list[str] | None = []

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            DeviceError: mode play, and there is no picture to play.
        """
        if self._settings.mode == "play":
            await self._play()
        else:
            await self._watch()
        await asyncio.get_running_loop().create_future()  # played to the end: wait to be cancelled

    async def _play(self) -> None:
        found: list[str] = []
        (await self._context.folder.watch(self._settings.path, True, found.append))()
        pictures = [(name, named) for name in sorted(found) if (named := self._names.read(name)) is not None]
        if not pictures:
            raise DeviceError(
                f"{self._settings.path}: no picture to play; expected .png, .jpg, .jpeg or .bmp files"
                + (f" whose name matches {self._settings.pattern!r}" if self._settings.pattern else "")
            )
        clock = self._context.clock
        self._context.report(DeviceUp(self._context.device, 0, clock.monotonic_ns()))
        due_ns, period_ns = clock.monotonic_ns(), round(1e9 / self._settings.rate_hz)
        while True:
            for name, named in pictures:
                self._seen(name, named)
                due_ns = max(due_ns + period_ns, clock.monotonic_ns() - period_ns)  # late ones are not made up for
                await clock.sleep(max(0, due_ns - clock.monotonic_ns()) / 1e9)
            if not self._settings.loop:
                self._context.say(f"{self._context.device}: played {len(pictures)} pictures")
                return

    async def _watch(self) -> None:
        stop = await self._started()
        if self._settings.keep and len(self._kept) > self._settings.keep:
            self._context.say(
                f"{self._context.device}: {len(self._kept)} pictures lie in {self._settings.path} and keep is "
                f"{self._settings.keep}: the oldest will be deleted as new ones come"
            )
        self._context.report(DeviceUp(self._context.device, 0, self._context.clock.monotonic_ns()))
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            stop()

    async def _started(self) -> Callable[[], None]:
        """Watch as soon as the folder can be watched; what lies there by then is old and not reported."""
        failures, said = 0, ""
        while True:
            existing: list[str] = []
            self._existing = existing
            try:
                stop = await self._context.folder.watch(self._settings.path, True, self._noticed)
            except DeviceError as error:
                if str(error) != said:
                    said = str(error)
                    self._context.say(f"{self._context.device}: {said}")
                    self._context.report(DeviceDown(self._context.device, said, self._context.clock.monotonic_ns()))
                await self._context.clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
                continue
            self._existing = None
            self._kept = deque(name for name in sorted(existing) if self._names.read(name) is not None)
            return stop

    def _noticed(self, name: str) -> None:
        if self._existing is not None:
            self._existing.append(name)
        else:
            self._arrived(name)

    def _arrived(self, name: str) -> None:
        named = self._names.read(name)
        if named is None:
            if not self._said_foreign and not name.startswith(".") and not name.endswith(".part"):
                self._said_foreign = True
                self._context.say(
                    f"{self._context.device}: {name} is no picture of this camera and is ignored, as others like it"
                )
            return
        self._seen(name, named)
        if not self._settings.keep:
            return
        if name in self._kept:
            self._kept.remove(name)  # written again: it is among the newest now
        self._kept.append(name)
        for _ in range(min(REMOVED_AT_ONCE, len(self._kept) - self._settings.keep)):
            self._context.folder.remove(self._path(self._kept.popleft()))

    def _seen(self, name: str, named: Named) -> None:
        self._sequence += 1
        sequence = self._sequence if named.n is None else named.n
        where_mm = None if named.count is None else named.count / self._settings.counts_per_mm
        now_ns = self._context.clock.monotonic_ns()
        path, key = self._path(name), name.rpartition(".")[0] or name
        for point in self._inputs:
            self._context.report(Frame(point, path, sequence, where_mm, now_ns, now_ns, key=key))

    def _path(self, name: str) -> str:
        return f"{self._settings.path.rstrip('/')}/{name}"

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        raise self._no_outputs()

    def withdraw(self, act: Act) -> None:
        raise self._no_outputs()

    def set(self, setpoint: Setpoint) -> None:
        raise self._no_outputs()

    def rearm(self) -> None:
        raise self._no_outputs()

    def _no_outputs(self) -> CommandRefused:
        return CommandRefused(f"{self._context.device}: a camera has no outputs")


DRIVER = Driver(
    name="folder-camera",
    summary="pictures that arrive in a folder (a camera that uploads by FTP), or a recorded folder played",
    settings=FolderSettings,
    point=FolderPoint,
    inputs=frozenset({"frame"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=False,
    open=FolderCamera,
)
