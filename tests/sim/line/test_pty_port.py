"""The rig behind a real pseudo-terminal: found by its path, deaf to nothing, and gone without a trace."""

import asyncio
import os
import tty
from pathlib import Path

import pytest
import uvloop

from ripieno_sim import Rig, conveyor_rig
from ripieno_sim.codec import Decoder, Hello, Ping, Pong, Sample, Type, Welcome, encode, open_body
from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant import ConveyorSettings

LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


class Terminal:
    """The host's end: a plain descriptor in the loop."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._fd)
        self._decoder = Decoder()

    def write(self, wire: bytes) -> None:
        os.write(self._fd, wire)

    async def frames(self, token: int, wanted: int) -> list[object]:
        """Return the messages of the frames that come, until there is one of the wanted type."""
        loop, come, heard = asyncio.get_running_loop(), asyncio.Event(), list[object]()
        loop.add_reader(self._fd, come.set)
        try:
            async with asyncio.timeout(5):
                while True:
                    await come.wait()
                    come.clear()
                    try:
                        received = os.read(self._fd, 4096)
                    except BlockingIOError:
                        continue
                    for body in self._decoder.feed(received):
                        frame = open_body(body or b"", token)
                        if frame is not None:
                            heard.append(frame.message)
                            if frame.kind == wanted:
                                return heard
        finally:
            loop.remove_reader(self._fd)

    def close(self) -> None:
        os.close(self._fd)


async def session(terminal: Terminal, nonce: int) -> Welcome:
    terminal.write(encode(Type.HELLO, 0, 0, Hello(1, 0, nonce), 0))
    welcome = (await terminal.frames(0, Type.WELCOME))[-1]
    assert isinstance(welcome, Welcome)
    return welcome


async def pinged(terminal: Terminal, token: int, tag: int) -> Pong:
    terminal.write(encode(Type.PING, 0, 0, Ping(tag), token))
    pong = (await terminal.frames(token, Type.PONG))[-1]
    assert isinstance(pong, Pong)
    return pong


def standing() -> Rig:
    return conveyor_rig(1, plant=ConveyorSettings(starts_us=None))


@LOOPS
def test_a_host_finds_the_board_by_its_path_may_leave_and_come_back(new_loop: object, tmp_path: Path) -> None:
    path = tmp_path / "dev" / "board"

    async def visit() -> None:
        async with PtyPort(standing(), path):
            first = Terminal(path)
            welcome = await session(first, 1)
            assert (await pinged(first, welcome.token, 5)).tag == 5
            assert isinstance((await first.frames(welcome.token, Type.SAMPLE))[-1], Sample)
            first.close()
            await asyncio.sleep(0.03)
            second = Terminal(path)
            again = await session(second, 2)
            assert again.token != welcome.token
            assert (await pinged(second, again.token, 6)).tag == 6
            second.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:  # type: ignore[arg-type]
        runner.run(visit())
    assert not path.is_symlink()


@LOOPS
def test_the_rig_runs_in_wall_clock_time(new_loop: object, tmp_path: Path) -> None:
    async def visit() -> None:
        rig = standing()
        async with PtyPort(rig, tmp_path / "board") as port:
            terminal = Terminal(port.path)
            welcome = await session(terminal, 1)
            began_us = port.now_us()
            before = await pinged(terminal, welcome.token, 1)
            await asyncio.sleep(0.1)
            after = await pinged(terminal, welcome.token, 2)
            passed_us = after.now_us - before.now_us
            assert 0 < passed_us <= port.now_us() - began_us  # a busy machine may make it less than 100 ms
            assert rig.now_us <= port.now_us()
            terminal.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:  # type: ignore[arg-type]
        runner.run(visit())


def test_a_host_that_does_not_read_costs_bytes_and_nothing_else(tmp_path: Path) -> None:
    async def visit() -> None:
        rig = standing()
        async with PtyPort(rig, tmp_path / "board") as port:
            port._write(b"x" * 200_000)
            assert port.lost_bytes > 0
            assert port.now_us() >= rig.now_us

    asyncio.run(visit())


def test_a_whole_run_reaches_its_end(tmp_path: Path) -> None:
    async def visit() -> None:
        rig = conveyor_rig(1, parts=2)
        async with PtyPort(rig, tmp_path / "board") as port, asyncio.timeout(10):
            await port.finished()
        assert all(part.end is not None for part in rig.plant.parts)

    asyncio.run(visit())
