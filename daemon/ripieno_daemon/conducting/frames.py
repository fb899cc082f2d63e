"""Where the pictures of frames are, from their arrival until the last who needs them has answered about them.

A picture may lie in a place that its camera uses again: the camera is told as soon as nobody needs it any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from ripieno.contracts.driver import Device, PictureDevice

_Key = tuple[str, int]


class Kept(NamedTuple):
    """A picture for somebody who looks on. `is_held`: it stays until `done`; else its place may be used again."""

    sequence: int
    ref: str
    is_held: bool


class Frames:
    """The refs of pictures under way, by (input, sequence)."""

    def __init__(self) -> None:
        self._refs: dict[_Key, str] = {}
        self._uses: dict[_Key, int] = {}
        self._seen: dict[str, Callable[[str], None]] = {}
        self._wanted: dict[str, list[asyncio.Future[Kept]]] = {}
        self._last: dict[str, Kept] = {}

    def __len__(self) -> int:
        return len(self._refs)

    def bind(self, devices: Mapping[str, Device]) -> None:
        """Take the device of each input."""
        self._seen = {name: one.seen for name, one in devices.items() if isinstance(one, PictureDevice)}

    @contextmanager
    def arrived(self, input: str, sequence: int, ref: str) -> Iterator[None]:
        """Keep a ref while the block lasts, and after it as long as a step that was given it needs it."""
        key = (input, sequence)
        self._refs[key], self._uses[key] = ref, 1
        self._last[input] = Kept(sequence, ref, False)
        for waiting in self._wanted.pop(input, ()):
            if not waiting.done():
                self._uses[key] += 1
                waiting.set_result(Kept(sequence, ref, True))
        try:
            yield
        finally:
            self.done(input, sequence)

    async def next(self, input: str) -> Kept:
        """Return the next picture of an input, held: whoever asks says `done` once it was looked at."""
        waiting: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self._wanted.setdefault(input, []).append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():  # it came in the same turn
                self.done(input, waiting.result().sequence)
            raise

    def last(self, input: str) -> Kept | None:
        """Return the last picture of an input, not held; None: none came."""
        return self._last.get(input)

    def take(self, input: str, sequence: int) -> str:
        """Return the ref for one more step, which says `done` later; "" where there is none."""
        key = (input, sequence)
        if key in self._uses:
            self._uses[key] += 1
        return self._refs.get(key, "")

    def done(self, input: str, sequence: int) -> None:
        """One who needed the picture does not any more."""
        key = (input, sequence)
        if key not in self._uses:
            return
        self._uses[key] -= 1
        if self._uses[key] == 0:
            del self._uses[key]
            ref = self._refs.pop(key)
            if ref and input in self._seen:
                self._seen[input](ref)
