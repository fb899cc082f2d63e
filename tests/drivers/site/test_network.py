"""The network port over real sockets, on both loops: bytes both ways, held back, cut, reset, closed at any time."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ripieno.contracts.site import Endpoint
from ripieno.errors import DeviceError
from ripieno_daemon.ports import SystemNetwork
from ripieno_daemon.ports.network import BUFFER_BYTES

LOOPS = [pytest.param(None, id="asyncio"), pytest.param(uvloop.new_event_loop, id="uvloop")]


@contextmanager
def peer(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of one connection, in a thread."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        try:
            line, _ = listening.accept()
        except OSError:
            return
        with line:
            try:
                serve(line)
            except OSError:
                pass  # the test is over

    thread = threading.Thread(target=run, name="peer")
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()
        thread.join(10)
        assert not thread.is_alive()


def talk(port: int, work: Callable[[Any], Awaitable[Any]], loop: Any) -> Any:
    async def main() -> Any:
        async with asyncio.timeout(20):
            stream = await SystemNetwork(Path("/")).connect(Endpoint(host="127.0.0.1", port=port))
            try:
                return await work(stream)
            finally:
                stream.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_bytes_go_both_ways_and_an_end_is_an_end(loop: Any) -> None:
    def serve(line: socket.socket) -> None:
        assert line.recv(100) == b"hello"
        line.sendall(b"world")

    async def work(stream: Any) -> list[bytes]:
        assert stream.is_quiet
        await stream.write(b"hello")
        found = [await stream.read(3)]
        assert not stream.is_quiet, "two bytes are left"
        found += [await stream.read(100), await stream.read(100), await stream.read(100)]
        assert not stream.is_quiet
        return found

    with peer(serve) as port:
        assert talk(port, work, loop) == [b"wor", b"ld", b"", b""]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_peer_that_sends_without_end_is_held_back(loop: Any) -> None:
    sent = [0]

    def serve(line: socket.socket) -> None:
        while True:
            sent[0] += line.send(b"x" * 65_536)

    async def work(stream: Any) -> tuple[int, int]:
        before = -1
        while before != sent[0]:
            before = sent[0]
            await asyncio.sleep(0.2)
        held = stream._held
        taken = 0
        while taken < before + BUFFER_BYTES:
            taken += len(await stream.read(100_000))
        return held, taken

    with peer(serve) as port:
        held, taken = talk(port, work, loop)

    assert BUFFER_BYTES < held < 4 * BUFFER_BYTES
    assert taken > held, "and goes on when it is read again"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_peer_that_takes_nothing_holds_the_writer_and_a_close_frees_it(loop: Any) -> None:
    over = threading.Event()

    def serve(line: socket.socket) -> None:
        over.wait(20)

    async def work(stream: Any) -> str:
        async def write() -> None:
            while True:
                await stream.write(b"x" * 65_536)

        writing = asyncio.create_task(write())
        await asyncio.sleep(0.3)
        assert not writing.done()
        stream.close()
        async with asyncio.timeout(2):
            await asyncio.wait({writing})
        over.set()
        return str(writing.exception())

    with peer(serve) as port:
        assert "closed" in talk(port, work, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_reset_is_an_error_with_its_reason(loop: Any) -> None:
    def serve(line: socket.socket) -> None:
        line.recv(100)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    async def work(stream: Any) -> str:
        await stream.write(b"hello")
        try:
            while await stream.read(100):
                pass
        except DeviceError as error:
            return str(error)
        return "an end"

    with peer(serve) as port:
        assert "it has reset the connection" in talk(port, work, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_reads_when_it_is_closed_is_told(loop: Any) -> None:
    over = threading.Event()

    async def work(stream: Any) -> str:
        reading = asyncio.create_task(stream.read(100))
        await asyncio.sleep(0.05)
        stream.close()
        stream.close()
        async with asyncio.timeout(2):
            await asyncio.wait({reading})
        over.set()
        return str(reading.exception())

    with peer(lambda line: over.wait(20) and None) as port:
        assert "closed" in talk(port, work, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_who_is_not_there_is_said_with_the_mend(loop: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(DeviceError, match=f"127.0.0.1:{port}: nobody listens there; is the service running"):
        talk(port, lambda stream: asyncio.sleep(0), loop)
