"""Driver `files`: reports as files, one for each act, and files that arrive as messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from ripieno.contracts.driver import Context, Device, Driver
from ripieno.contracts.site import Files
from ripieno.errors import CommandRefused, DeviceError, StorageError
from ripieno.values import Booking, Outcome, OutcomeKind
from ripieno_drivers.booking.patience import Patience
from ripieno_drivers.messages.arriving import needs_record
from ripieno_drivers.payloads import plain_name
from ripieno_drivers.serial_line import Standing
from ripieno_drivers.unmoving import MovesNothing

from .letters import Letters
from .reports import as_json, as_markdown
from .settings import FilesPoint, FilesSettings

AT_ONCE: Final = 8  # after a restart hundreds may be wanted in one turn of the loop, which is everybody's
AGAIN_S: Final = (0.1, 0.5, 2.0, 10.0)
DISK: Final = "the disk"


class FileExchange(MovesNothing):
    """One folder. A disk that refuses is tried again on a ladder: the report waits, the line does not."""

    def __init__(self, settings: FilesSettings, context: Context) -> None:
        self._context = context
        self._root = settings.path.rstrip("/")
        self._standing = Standing(context)
        self._points = {one.name: one.settings for one in context.points}
        self._troubles: dict[str, str] = {}
        self._unseen: set[str] = set()
        self._opened, self._room = asyncio.Event(), asyncio.Semaphore(AT_ONCE)
        self._patience = Patience(context.device, AGAIN_S, self._refused, lambda: self._tell(DISK, ""))
        self._files: Files | None = None
        for point in context.points:
            if point.kind != "message" and point.settings.take:
                raise DeviceError(f"{context.device}: {point.name} is a {point.kind}: it is written, give `put`")

    async def run(self) -> None:
        """Serve until cancelled."""
        context, files = self._context, self._context.files
        if files is None:
            raise DeviceError(f"{context.device}: this host offers no files")
        inputs = {name: point for name, point in self._points.items() if point.take}
        if inputs:
            needs_record(context)
        self._files = files
        self._opened.set()
        self._unseen = set(inputs)
        try:
            async with asyncio.TaskGroup() as group:
                for name, point in inputs.items():
                    letters = Letters(context, files, name, self._at(point.take), point, self._teller(name))
                    group.create_task(letters.run(), name=f"{context.device}: {name}")
                self._stand()
                await asyncio.get_running_loop().create_future()
        finally:
            self._patience.close()
            self._opened.set()  # who waits learns that it is closed

    async def book(self, booking: Booking) -> Outcome:
        """Write the report unless it is there; returns once it is durable. Raises LinkDown: `run` has ended."""
        context, point = self._context, self._points.get(booking.output)
        if point is None or not point.put:
            raise CommandRefused(f"{context.device} has no output {booking.output!r}")
        await self._opened.wait()
        files = self._files
        assert files is not None
        await self._patience.done(lambda: self._write(files, booking, point), StorageError)
        return Outcome(booking.act, OutcomeKind.EXECUTED, at_ns=context.clock.monotonic_ns())

    async def _write(self, files: Files, booking: Booking, point: FilesPoint) -> None:
        """Write the readable file first: where the JSON one is, the report is whole."""
        async with self._room:
            base, now_ns = f"{self._at(point.put)}/{plain_name(str(booking.act))}", self._context.clock.wall_ns()
            if point.readable:
                await files.create(f"{base}.md", as_markdown(booking, now_ns))
            await files.create(f"{base}.json", as_json(booking, now_ns))

    def _refused(self, error: Exception) -> None:
        self._tell(DISK, f"{error}; reports wait")

    def _at(self, below: str) -> str:
        return f"{self._root}/{below}".removesuffix("/.")

    def _teller(self, who: str) -> Callable[[str], None]:
        return lambda why: self._tell(who, why)

    def _tell(self, who: str, why: str) -> None:
        """Someone cannot go on, or can again ("")."""
        self._unseen.discard(who)
        if why:
            self._troubles[who] = why
        else:
            self._troubles.pop(who, None)
        self._stand()

    def _stand(self) -> None:
        if self._patience.is_closed:
            return
        if self._troubles:
            self._standing.down("; ".join(self._troubles.values()))
        elif not self._unseen:
            self._standing.up()


def _open(settings: Any, context: Context) -> Device:
    return FileExchange(settings, context)


DRIVER = Driver(
    name="files",
    summary="reports as files, one for each act, and files that arrive as messages",
    settings=FilesSettings,
    point=FilesPoint,
    inputs=frozenset({"message"}),
    outputs=frozenset({"report", "message", "booking"}),
    pulse_contract="none",
    falls_safe=True,
    open=_open,
)
