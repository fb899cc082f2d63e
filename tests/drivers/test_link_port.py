"""The real port on a real pseudo-terminal and uvloop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
import tty
from collections.abc import Iterator

import pytest
import uvloop

from ripieno.errors import DeviceError
from ripieno_drivers.link.port import SerialLines


@contextlib.contextmanager
def pty() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(master)
    name = os.ttyname(slave)
    os.close(slave)
    try:
        yield master, name
    finally:
        with contextlib.suppress(OSError):
            os.close(master)


def run(main: object) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)  # type: ignore[arg-type]  # any coroutine


def test_bytes_pass_unchanged_both_ways() -> None:
    async def main() -> None:
        with pty() as (master, name):
            got = asyncio.Queue[bytes](100)
            line = await SerialLines().open(name, 115200, got.put_nowait, lambda why: None)
            everything = bytes(range(256))
            assert line.write(everything) == 256
            assert os.read(master, 1000) == everything
            os.write(master, everything)
            received = b""
            while len(received) < 256:
                received += await asyncio.wait_for(got.get(), 2)
            assert received == everything
            line.close()

    run(main())


def test_a_full_buffer_takes_nothing_and_never_blocks() -> None:
    async def main() -> None:
        with pty() as (_, name):
            line = await SerialLines().open(name, 115200, lambda received: None, lambda why: None)
            began = time.monotonic()
            taken = [line.write(b"x" * 1000) for _ in range(200)]
            assert taken[-1] == 0
            assert sum(taken) < 100_000
            line.close()
            assert time.monotonic() - began < 1.0

    run(main())


def test_an_unplugged_port_is_told_once_and_can_be_opened_again() -> None:
    async def main() -> None:
        lost = asyncio.Queue[str](10)
        for _ in range(2):
            with pty() as (master, name):
                line = await SerialLines().open(name, 115200, lambda received: None, lost.put_nowait)
                os.close(master)
                why = await asyncio.wait_for(lost.get(), 2)
                assert name in why
                assert line.write(b"x") == 0
                line.close()
                await asyncio.sleep(0.02)
                assert lost.empty()

    run(main())


def test_a_second_opener_is_refused_with_the_mend() -> None:
    async def main() -> None:
        with pty() as (_, name):
            lines = SerialLines()
            line = await lines.open(name, 115200, lambda received: None, lambda why: None)
            with pytest.raises(DeviceError, match=f"{name}: taken by another program"):
                await lines.open(name, 115200, lambda received: None, lambda why: None)
            line.close()
            (await lines.open(name, 115200, lambda received: None, lambda why: None)).close()

    run(main())


@pytest.mark.parametrize(
    ("port", "words"), [("/dev/nowhere", "no such port"), ("/dev/null", "no serial port|cannot be")]
)
def test_what_cannot_be_opened_is_one_device_error(port: str, words: str) -> None:
    async def main() -> None:
        with pytest.raises(DeviceError, match=words):
            await SerialLines().open(port, 115200, lambda received: None, lambda why: None)

    run(main())


def test_the_compile_step_need_not_import_what_opens_ports() -> None:
    script = "import sys, ripieno_drivers.link, ripieno_drivers.cameras; print('serial' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "False"
