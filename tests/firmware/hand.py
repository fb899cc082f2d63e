"""A hand at the host's end of a running board's port: one frame at a time, in wall-clock time."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from ripieno_sim.codec import (
    Act,
    Arm,
    Decoder,
    Done,
    Event,
    Frame,
    Hello,
    Message,
    Ping,
    Query,
    SetValue,
    Status,
    Type,
    Welcome,
    encode,
    open_body,
)
from ripieno_sim.codec.messages import RELIABLE

PATIENCE_S = 10.0
Found = TypeVar("Found")


class Hand:
    """Keeps a session alive and tells what came. Nothing is sent twice: on a good line nothing needs to be."""

    def __init__(self, fd: int) -> None:
        self.token = 0
        self.nonce = 0
        self.beats = True
        self.frames: list[tuple[int, Frame]] = []
        self.damaged = 0
        self._fd = fd
        self._seq = self._expected = 0
        self._decoder = Decoder()
        self._news = asyncio.Event()

    async def connect(self, armed: int = 3) -> Welcome:
        """Take up a session under a new nonce and arm."""
        self.token, self.nonce = 0, self.nonce + 1
        for _ in range(int(PATIENCE_S / 0.05)):
            self._write(b"\0" + encode(Type.HELLO, 0, 0, Hello(1, 0, self.nonce), 0))
            try:
                welcome = await self.until(self._welcome, 0.05)
                break
            except TimeoutError:
                continue
        else:
            raise TimeoutError("no WELCOME")
        self.token, self._seq, self._expected = welcome.token, 0, 0
        self.tell(Type.PING, Ping(1))
        if armed:
            self.tell(Type.ARM, Arm(armed))
        return welcome

    def tell(self, kind: int, message: Message) -> None:
        """Send one frame of the session."""
        number = 0
        if kind in RELIABLE:
            number, self._seq = self._seq, (self._seq + 1) & 0xFF
        self._write(encode(kind, number, self._expected, message, self.token))

    async def act(self, act: Act) -> Done:
        """Order an act and return its answer."""
        since = len(self.frames)
        self.tell(Type.ACT, act)
        return await self.until(lambda: self._told(Type.DONE, act.cmd_id, since))

    async def ask(self, cmd_id: int) -> Status:
        """Return what the board knows of a command."""
        since = len(self.frames)
        self.tell(Type.QUERY, Query(cmd_id))
        return Status((await self.until(lambda: self._told(Type.STATUS, cmd_id, since))).status)

    def set_flow(self, value: int, lease_ms: int) -> None:
        """Order a flow."""
        self.tell(Type.SET, SetValue(1, value, lease_ms))

    def events(self, kind: int) -> list[Event]:
        """Return the EVENTs of a kind."""
        return [f.message for _, f in self.frames if isinstance(f.message, Event) and f.message.kind == kind]

    async def until(self, found: Callable[[], Found | None], within_s: float = PATIENCE_S) -> Found:
        """Return what is found as soon as it is.

        Raises:
            TimeoutError: it was not within the time.
        """
        async with asyncio.timeout(within_s):
            while (result := found()) is None:
                self._news.clear()
                await self._news.wait()
        return result

    def heard(self) -> None:
        """Take what has arrived, and confirm it."""
        try:
            received = os.read(self._fd, 4096)
        except BlockingIOError:
            return
        for body in self._decoder.feed(received):
            frame = open_body(body or b"", self.token) if self.token else None
            frame = frame or open_body(body or b"", 0)
            if frame is None:
                self.damaged += 1
                continue
            if frame.kind in RELIABLE:
                if frame.seq != self._expected:
                    continue
                self._expected = (self._expected + 1) & 0xFF
                self._write(encode(Type.ACK, 0, self._expected, None, self.token))
            self.frames.append((time.monotonic_ns() // 1000, frame))
        self._news.set()

    async def beat(self) -> None:
        """Say that we are alive."""
        while True:
            await asyncio.sleep(0.08)
            if self.token and self.beats:
                self.tell(Type.PING, Ping(7))

    def _welcome(self) -> Welcome | None:
        for _, frame in reversed(self.frames):
            if isinstance(frame.message, Welcome) and frame.message.host_nonce == self.nonce:
                return frame.message
        return None

    def _told(self, kind: int, cmd_id: int, since: int) -> Done | None:
        for _, frame in self.frames[since:]:
            if frame.kind == kind and isinstance(frame.message, Done) and frame.message.cmd_id == cmd_id:
                return frame.message
        return None

    def _write(self, wire: bytes) -> None:
        os.write(self._fd, wire)


@asynccontextmanager
async def hand_at(path: Path) -> AsyncIterator[Hand]:
    """Open a port as a host does."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    hand, loop = Hand(fd), asyncio.get_running_loop()
    loop.add_reader(fd, hand.heard)
    beating = asyncio.create_task(hand.beat(), name="heartbeat")
    try:
        yield hand
    finally:
        beating.cancel()
        loop.remove_reader(fd)
        os.close(fd)
