"""A clock whose time passes when it is slept, and entropy that is a number."""

from __future__ import annotations

import asyncio


class Clock:
    """Virtual: `sleep` moves the time on and lets others have their turn."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000
        self.slept: list[float] = []

    def monotonic_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 1_700_000_000_000_000_000 + self.now_ns

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_ns += int(seconds * 1e9)
        await asyncio.sleep(0)

    def pass_s(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)


class Entropy:
    """Always the same bytes."""

    def __init__(self, byte: int = 0) -> None:
        self._byte = byte

    def token(self, size: int) -> bytes:
        return bytes([self._byte]) * size
