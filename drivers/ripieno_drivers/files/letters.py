"""Files that arrive in a folder, each a message.

    FOLDER/NAME  ->  taken/NAME  ->  read, reported, durable  ->  done/NAME (or deleted)
                                     no message: said         ->  refused/NAME

It is moved to `taken` before it is read: a sender that writes the name again writes another message. What lies there at
a start was taken and perhaps not recorded: it is read again, under the same key, and counts once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from ripieno.contracts.driver import Context
from ripieno.contracts.site import Files
from ripieno.errors import DeviceError, StorageError
from ripieno_drivers.messages.arriving import LARGEST_BYTES, Arriving, digest_key, short_key
from ripieno_drivers.messages.keeping import Keeping

from .settings import FilesPoint

RETRY_S: Final = (0.5, 1.0, 2.0, 5.0)
AT_ONCE: Final = 64
MOST_WAITING: Final = 10_000
ENDINGS: Final = {"json": (".json",), "text": (".txt", ".text")}


class Letters:
    """One message input. `trouble` is told why the folder cannot be served, "" when it can."""

    def __init__(
        self, context: Context, files: Files, input: str, folder: str, point: FilesPoint, trouble: Callable[[str], None]
    ) -> None:
        self._context, self._files, self._input = context, files, input
        self._folder, self._point, self._trouble = folder, point, trouble
        self._arriving, self._keeping = Arriving(context), Keeping(context)
        self._waiting: deque[str] = deque()
        self._some = asyncio.Event()
        self._missed = False
        self._foreign = False

    async def run(self) -> None:
        """Serve until cancelled; a folder that is missing is waited for."""
        failures = 0
        while True:
            try:
                left = await self._listed("taken")
                stop = await self._context.folder.watch(self._folder, True, self._noticed)
            except DeviceError as error:
                self._trouble(str(error))
                await self._context.clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
                continue
            failures = 0
            self._trouble("")
            try:
                for start in range(0, len(left), AT_ONCE):
                    await self._read(left[start : start + AT_ONCE])
                await self._serve()
            finally:
                stop()

    async def _serve(self) -> None:
        """Take what arrives; return when some of it was too much to remember, and the folder must be looked at anew."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                names = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                await self._read([name for name in [await self._claimed(name) for name in names] if name])
            if self._missed:
                self._missed = False
                return

    async def _listed(self, below: str) -> list[str]:
        """Return the names in a folder of ours; it may not be there yet."""
        found: list[str] = []
        try:
            (await self._context.folder.watch(f"{self._folder}/{below}", True, found.append))()
        except DeviceError:
            return []
        return sorted(found)

    def _noticed(self, name: str) -> None:
        if name.startswith("."):
            return
        if not name.lower().endswith(ENDINGS[self._point.format]):
            if not self._foreign:
                self._foreign = True
                ending = ENDINGS[self._point.format][0]
                self._say(f"{name} is no {ending} file and is left where it is, as others like it")
            return
        if len(self._waiting) >= MOST_WAITING:
            self._missed = True
            return
        self._waiting.append(name)
        self._some.set()

    async def _claimed(self, name: str) -> str:
        """Move a file to `taken`; return its name there, "" where it is gone or may not be moved."""
        try:
            return await self._files.move(f"{self._folder}/{name}", f"{self._folder}/taken")
        except StorageError as error:
            self._arriving.refuse(self._input, str(error))
            return ""

    async def _read(self, names: Sequence[str]) -> None:
        """Report the messages in these files of `taken`, and put the files away when they are durable."""
        done = []
        for name in names:
            path = f"{self._folder}/taken/{name}"
            try:
                found = await self._files.read(path, LARGEST_BYTES + 1)
            except StorageError as error:
                self._arriving.refuse(self._input, str(error))
                continue
            if found is None:
                continue
            digest = digest_key(found.content).removeprefix("sha256:")[:8]  # some disks count time in steps of 2 s
            key = short_key(f"{name}@{found.modified_ns}/{digest}")
            is_message = self._arriving.take(self._input, self._point, found.content, key)
            if is_message:
                done.append(path)
            else:
                await self._away(path, "refused")
        if done:
            await self._keeping.durable()
        for path in done:
            await self._away(path, "done" if self._point.then == "move" else "")

    async def _away(self, path: str, below: str) -> None:
        try:
            if below:
                await self._files.move(path, f"{self._folder}/{below}")
            else:
                await self._files.remove(path)
        except StorageError as error:
            self._say(f"{error}; it stays, and counts once though it will be read again")

    def _say(self, text: str) -> None:
        self._context.say(f"{self._context.device}: {self._input}: {text}")
