"""The message-level broker over a unix socket: the server for the demo's parent process, and the client's port.

length u32 big-endian | msgpack list
client: ["hello", client id, [subscriptions], will topic, will payload]
        ["pub", n, topic, payload, retain] ["ack", number]
server: ["up"] ["done", n] ["msg", number, topic, payload] ["no", why]
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgpack

from ripieno.contracts.ports import Clock
from ripieno.errors import BrokerError

from .message_broker import RETRY_S, Delivery, MessageBroker, Session, Will

MAX_BYTES = 512 * 1024
_LENGTH = struct.Struct(">I")


async def serve_broker(broker: MessageBroker, path: Path) -> None:
    """Serve until cancelled; the socket is for this user only."""
    _remove(path)
    connections: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("broker connection")
        connections.add(task)
        try:
            await _Peer(broker, writer).serve(reader)
        except (OSError, EOFError, ValueError, TypeError, msgpack.UnpackException):
            pass  # a client that went or speaks something else costs only itself
        finally:
            connections.discard(task)
            writer.close()

    mask = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(connection, path)
    finally:
        os.umask(mask)
    try:
        async with server:
            await server.serve_forever()
    finally:
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        _remove(path)


class _Peer:
    """One connection at the broker's end."""

    def __init__(self, broker: MessageBroker, writer: asyncio.StreamWriter) -> None:
        self._broker, self._writer = broker, writer
        self._session: Session | None = None
        self._deliver = self.deliver  # one object: the broker compares it

    def deliver(self, delivery: Delivery) -> None:
        _send(self._writer, ["msg", *delivery])

    def lost(self, why: str) -> None:
        _send(self._writer, ["no", why])
        self._writer.close()

    async def serve(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                self._take(await _receive(reader))
                await self._writer.drain()
        finally:
            if self._session is not None:
                self._broker.detach(self._session, self._deliver)

    def _take(self, message: list[Any]) -> None:
        match message:
            case ["hello", str(client_id), list(subscriptions), str(topic), bytes(payload)] if self._session is None:
                will = Will(topic, payload) if topic else None
                _send(self._writer, ["up"])
                try:
                    self._session = self._broker.attach(client_id, subscriptions, self._deliver, self.lost, will)
                except BrokerError as error:
                    self.lost(str(error))
            case ["pub", int(number), str(topic), bytes(payload), bool(retain)]:
                self._broker.publish(topic, payload, retain=retain)
                _send(self._writer, ["done", number])
            case ["ack", int(number)] if self._session is not None:
                self._broker.acknowledge(self._session, number)
            case _:
                raise ValueError(f"unexpected message {message[:1]!r}")


class SocketBroker:
    """The `Broker` port over the unix socket at `path`."""

    def __init__(
        self,
        path: Path,
        client_id: str,
        clock: Clock,
        *,
        will: Will | None = None,
        birth: Callable[[], bytes] | None = None,
    ) -> None:
        self._path, self._client_id, self._clock = path, client_id, clock
        self._will, self._birth = will, birth
        self._writer: asyncio.StreamWriter | None = None
        self._number = 0
        self._published: dict[int, asyncio.Future[None]] = {}

    async def run(
        self,
        subscriptions: Sequence[str],
        on_message: Callable[[str, bytes, Callable[[], None]], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path)
            except OSError:
                await self._clock.sleep(RETRY_S)
                continue
            was_up = False
            try:
                will = self._will or Will("", b"")
                _send(writer, ["hello", self._client_id, list(subscriptions), *will])
                while True:
                    message = await _receive(reader)
                    if message == ["up"]:
                        self._writer, was_up = writer, True
                        if self._will is not None and self._birth is not None:
                            _send(writer, ["pub", 0, self._will.topic, self._birth(), True])
                        on_up()
                    else:
                        self._take(message, writer, on_message)
            except (OSError, EOFError, BrokerError) as error:
                why = str(error) or "the broker closed the connection"
            finally:
                self._writer = None
                writer.close()
                self._fail("the connection went while a message was on its way")
            if was_up:
                on_down(why)
            await self._clock.sleep(RETRY_S)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Give a message to the broker; returns when it has it.

        Raises:
            BrokerError: not connected, or cut while it was on its way (then it may have arrived).
        """
        writer = self._writer
        if writer is None:
            raise BrokerError("not connected")
        self._number += 1
        number = self._number
        future = self._published[number] = asyncio.get_running_loop().create_future()
        try:
            _send(writer, ["pub", number, topic, payload, retain])
            await writer.drain()
            await future
        except OSError as error:
            raise BrokerError(f"{self._path}: {error}") from error
        finally:
            self._published.pop(number, None)

    def _take(
        self,
        message: list[Any],
        writer: asyncio.StreamWriter,
        on_message: Callable[[str, bytes, Callable[[], None]], None],
    ) -> None:
        match message:
            case ["msg", int(number), str(topic), bytes(payload)]:

                def ack() -> None:
                    if self._writer is writer:
                        _send(writer, ["ack", number])

                on_message(topic, payload, ack)
            case ["done", int(number)]:
                future = self._published.get(number)
                if future is not None and not future.done():
                    future.set_result(None)
            case ["no", str(why)]:
                raise BrokerError(why)
            case _:
                raise BrokerError(f"unexpected message {message[:1]!r}")

    def _fail(self, why: str) -> None:
        for future in self._published.values():
            if not future.done():
                future.set_exception(BrokerError(why))
        self._published.clear()


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _send(writer: asyncio.StreamWriter, message: list[Any]) -> None:
    packed = msgpack.packb(message)
    if len(packed) > MAX_BYTES:
        raise BrokerError(f"a message of {len(packed)} bytes; at most {MAX_BYTES}")
    if not writer.is_closing():
        writer.write(_LENGTH.pack(len(packed)) + packed)


async def _receive(reader: asyncio.StreamReader) -> list[Any]:
    (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if size > MAX_BYTES:
        raise EOFError(f"a message of {size} bytes; at most {MAX_BYTES}")
    message = msgpack.unpackb(await reader.readexactly(size))
    if not isinstance(message, list):
        raise EOFError("a list was expected")
    return message
