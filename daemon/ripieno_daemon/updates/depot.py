"""The other side of a transfer: answers requests for pieces of packed bundles, from any number of devices.

One piece is read and sent at a time, so memory is one piece whatever is asked for; at most `MOST_WAITING` requests
wait, more are dropped and counted: their devices ask again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from ripieno.errors import BrokerError, BundleError

from ..bundles.packed_file import PackedBundle
from .pieces import BLOCK, NONE, BadPiece, Block, Get, parse_get

MOST_WAITING: Final = 1024
Tell = Callable[[str, str, Mapping[str, Any]], Awaitable[None]]


class Depot:
    """Serves bundles. `run` is a task.

    Args:
        tell: sends a body of a type to a device.
        counts: where it counts what it does, for who wants to look on.
    """

    def __init__(self, bundles: Sequence[PackedBundle], tell: Tell, counts: Counter[str] | None = None) -> None:
        self._heads = {bytes.fromhex(one.release.digest): one for one in bundles}
        self._chunks = {chunk: one for one in bundles for chunk in one.release.chunks}
        self._tell = tell
        self._waiting: asyncio.Queue[tuple[str, Get]] = asyncio.Queue(MOST_WAITING)
        self.counts: Counter[str] = Counter() if counts is None else counts

    def take(self, device: str, body: Mapping[str, Any]) -> None:
        """A request of a device came."""
        try:
            self._waiting.put_nowait((device, parse_get(body)))
        except BadPiece:
            self.counts["malformed"] += 1
        except asyncio.QueueFull:
            self.counts["full"] += 1

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            device, get = await self._waiting.get()
            kind, body = self._answer(get)
            try:
                await self._tell(device, kind, body)
                self.counts[kind] += 1
                self.counts["bytes"] += len(body.get("b", b""))
            except BrokerError:
                self.counts["not sent"] += 1  # it is asked for again

    def _answer(self, get: Get) -> tuple[str, dict[str, Any]]:
        head, bundle = self._heads.get(get.digest), self._chunks.get(get.digest)
        if head is not None:
            content = head.head[get.offset : get.offset + get.size]
            return BLOCK, Block(get.digest, get.offset, content, len(head.head)).to_plain()
        if bundle is None:
            return NONE, {"h": get.digest, "why": "this bundle is not served here"}
        try:
            whole = bundle.chunk(get.digest)
        except (BundleError, OSError) as error:
            return NONE, {"h": get.digest, "why": f"it cannot be read there: {error}"[:200]}
        return BLOCK, Block(get.digest, get.offset, whole[get.offset : get.offset + get.size], len(whole)).to_plain()
