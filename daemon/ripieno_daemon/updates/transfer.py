"""The device's side of a transfer: a head, then the chunks that are missing, pulled in small windows.

Nothing is pushed to a device: it asks, so that a slow link never has more in it than a command may wait behind. What it
has is on its disk; after a kill it asks for what was in flight, and for nothing else. A piece that nobody asked for,
that is longer than asked, or that has another digest is counted and dropped.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from ripieno.contracts.ports import Clock
from ripieno.errors import BrokerError

from ..bundles.packed_file import MAX_HEAD_BYTES
from ..bundles.release import CHUNK_BYTES, Release
from .pieces import GET, NONE, BadPiece, Block, Get, parse_block
from .slots import Refused
from .store import Store
from .window import Window

T = TypeVar("T")
MOST_DAMAGED: Final = 8  # of one piece: then nobody has it whole
MOST_NONE: Final = 5


class Away(Protocol):
    """Runs what touches the disk, elsewhere than on the loop: ports.thread.OwnThread.run."""

    async def __call__(self, call: Callable[[], T], /) -> T: ...


class Transfer:
    """Pulls one release at a time, whatever its name.

    Args:
        ask: sends a body of a type (GET) towards who has the bundle; raises BrokerError while the link is down.
        away: runs blocking calls.
    """

    def __init__(self, ask: Callable[[str, Mapping[str, Any]], Awaitable[None]], away: Away, clock: Clock) -> None:
        self._ask, self._away, self._clock = ask, away, clock
        self._inbox: asyncio.Queue[Block | str] = asyncio.Queue(64)
        self._asked: dict[tuple[bytes, int], tuple[Get, int]] = {}
        self.window = Window()
        self.counts: Counter[str] = Counter()
        self.done, self.whole = 0, 0

    def take(self, kind: str, body: Mapping[str, Any]) -> None:
        """A message of one of the two types came for this device."""
        try:
            block = str(body.get("why", ""))[:200] if kind == NONE else parse_block(body)
        except BadPiece:
            self.counts["malformed"] += 1
            return
        if isinstance(block, Block) and (block.digest, block.offset) not in self._asked:
            self.counts["unasked"] += 1
            return
        if self._inbox.full():
            self.counts["full"] += 1  # it is asked for again
            return
        self._inbox.put_nowait(block)

    async def head(self, digest: str, size: int) -> bytes:
        """Return the head of a release: exactly `size` bytes, which were announced; whatever they are is for others.

        Raises:
            Refused: nobody has it, or it has another length.
        """
        if not 0 < size <= MAX_HEAD_BYTES:
            raise Refused("size", f"a head of {size} bytes was announced; 1 to {MAX_HEAD_BYTES} are read")
        name, held = bytes.fromhex(digest), {}
        wanted = [Get(name, at, min(CHUNK_BYTES, size - at)) for at in range(0, size, CHUNK_BYTES)]

        async def came(block: Block) -> bool:
            if block.total != size:
                raise Refused("size", f"a head of {size} bytes was announced, {block.total} are there")
            held[block.offset] = block.content
            return True

        await self._pull(wanted, came)
        return b"".join(held[get.offset] for get in wanted)

    async def chunks(self, release: Release, store: Store) -> None:
        """Return when all chunks of a release that was begun in the store are there.

        Raises:
            Refused: nobody has a chunk, or it is damaged each time.
            StorageError: the disk refuses; what has come stays.
        """
        missing = await self._away(lambda: store.missing(release))
        self.whole = sum(release.chunks.values())
        self.done = self.whole - sum(missing.values())

        async def came(block: Block) -> bool:
            if hashlib.sha256(block.content).digest() != block.digest:
                return False
            await self._away(lambda: store.put(release, block.digest, block.content))
            self.done += len(block.content)
            return True

        await self._pull([Get(chunk, 0, size) for chunk, size in missing.items()], came)

    async def _pull(self, wanted: list[Get], came: Callable[[Block], Awaitable[bool]]) -> None:
        """Ask for each, a window at a time, until each has come."""
        waiting, damaged, nones = wanted[::-1], Counter[bytes](), 0
        self._asked.clear()
        while not self._inbox.empty():
            self._inbox.get_nowait()
        try:
            while waiting or self._asked:
                while waiting and len(self._asked) < self.window.chunks:
                    if not await self._send(waiting[-1]):
                        break
                    waiting.pop()
                block = await self._next()
                if block is None:
                    self._again(waiting)
                elif isinstance(block, str):
                    nones += 1
                    if nones >= MOST_NONE:
                        raise Refused("nobody", f"nobody has this bundle: {block}")
                    await self._clock.sleep(self.window.retry_s)
                    self._again(waiting, every=True)
                elif not await self._accepted(block, came, waiting):
                    damaged[block.digest] += 1
                    if damaged[block.digest] >= MOST_DAMAGED:
                        raise Refused("damaged", f"{block.digest.hex()[:16]}... came damaged {MOST_DAMAGED} times")
        finally:
            self._asked.clear()

    async def _accepted(self, block: Block, came: Callable[[Block], Awaitable[bool]], waiting: list[Get]) -> bool:
        found = self._asked.pop((block.digest, block.offset), None)
        if found is None:
            self.counts["twice"] += 1
            return True
        get, asked_ns = found
        if await came(block) and len(block.content) == get.size:
            if get.size == CHUNK_BYTES:  # a small piece tells of the way, not of the width
                self.window.came(get.size, self._clock.monotonic_ns(), asked_ns)
            self.counts["pieces"] += 1
            self.counts["bytes"] += get.size
            return True
        self.counts["damaged"] += 1
        waiting.append(get)
        return False

    async def _send(self, get: Get) -> bool:
        self._asked[get.digest, get.offset] = (get, self._clock.monotonic_ns())
        try:
            await self._ask(GET, get.to_plain())
        except BrokerError:
            self._asked.pop((get.digest, get.offset), None)
            self.window.idle()
            await self._clock.sleep(1.0)
            return False
        self.counts["asked"] += 1
        return True

    async def _next(self) -> Block | str | None:
        """Return what came, None if nothing did for so long that it must be asked for again."""
        if not self._asked:
            return None
        if not self._inbox.empty():
            return self._inbox.get_nowait()
        taking = asyncio.ensure_future(self._inbox.get())
        pause = asyncio.ensure_future(self._clock.sleep(self.window.retry_s))
        try:
            await asyncio.wait({taking, pause}, return_when=asyncio.FIRST_COMPLETED)
            return taking.result() if taking.done() else None
        finally:
            taking.cancel()
            pause.cancel()

    def _again(self, waiting: list[Get], *, every: bool = False) -> None:
        late_ns = self._clock.monotonic_ns() - int(self.window.retry_s * 1e9)
        for key, (get, asked_ns) in list(self._asked.items()):
            if every or asked_ns <= late_ns:
                del self._asked[key]
                waiting.append(get)
                self.counts["again"] += not every
                self.window.idle()
