"""Processes of drivers: their messages, their deaths, and that none outlives who made it. The children are real."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ripieno.errors import DeviceError
from ripieno_daemon.children.processes import ChildProcesses, ExecChild

CHILD = """
import os, sys, time

def main(line, memory, arguments):
    what = arguments[0]
    if what == "echo":
        while message := line.recv(65536):
            line.send(message[::-1])
        return 0
    if what == "last words":
        for number in range(50):
            line.send(b"%d" % number)
        return 0
    if what == "crash":
        print("it hurts", file=sys.stderr, flush=True)
        os._exit(3)
    if what == "abort":
        os.abort()
    if what == "memory":
        os.ftruncate(memory, 4096)
        os.pwrite(memory, b"picture", 100)
        line.send(b"written")
        line.recv(10)
        return 0
    time.sleep(1000)
"""


class Parent:
    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ends: list[str] = []
        self.processes = ChildProcesses()

    async def start(self, *arguments: str) -> ExecChild:
        self.memory = self.processes.memory("test")
        return await self.processes.start("child_of_test", arguments, self.memory, self.heard.append, self.ends.append)

    async def until(self, claim: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not claim():  # noqa: ASYNC110  # real processes
                await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def child_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "child_of_test.py").write_text(CHILD)
    monkeypatch.syspath_prepend(str(tmp_path))


def run(main: Callable[[], Any]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_messages_go_both_ways_whole_and_in_order() -> None:
    async def main() -> None:
        parent = Parent()
        child = await parent.start("echo")
        assert all(child.send(b"message %d" % number) for number in range(20))
        await parent.until(lambda: len(parent.heard) == 20)
        await child.stop()

        assert parent.heard == [(b"message %d" % number)[::-1] for number in range(20)]
        assert parent.ends == [f"its process {child.pid} ended with code 0"]

    run(main)


def test_what_it_said_last_is_heard_before_its_death() -> None:
    """A child that dies with messages of ours unread makes Linux tell a reset before what it had sent."""

    async def main() -> None:
        parent = Parent()
        child = await parent.start("last words")
        assert child.send(b"unread")
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222  # the loop is to hear nothing yet
        await parent.until(lambda: bool(parent.ends))

        assert parent.heard == [b"%d" % number for number in range(50)]
        assert parent.ends == [f"its process {child.pid} ended with code 0"]

    run(main)


def test_a_crash_is_told_once_with_its_last_words() -> None:
    async def main() -> None:
        parent = Parent()
        child = await parent.start("crash")
        await parent.until(lambda: bool(parent.ends))
        await child.stop()

        assert parent.ends == [f"its process {child.pid} ended with code 3: it hurts"]
        assert child.send(b"too late") is False

    run(main)


def test_a_death_by_signal_is_told_by_its_name() -> None:
    async def main() -> None:
        parent = Parent()
        child = await parent.start("abort")
        await parent.until(lambda: bool(parent.ends))

        assert parent.ends[0].startswith(f"its process {child.pid} was killed by SIGABRT")

    run(main)


def test_a_child_that_does_not_listen_is_killed_when_it_should_stop() -> None:
    async def main() -> None:
        parent = Parent()
        child = await parent.start("sleep")
        await child.stop()

        assert parent.ends == [f"its process {child.pid} was killed by SIGKILL"]

    run(main)


def test_a_child_that_hangs_costs_the_sender_nothing() -> None:
    async def main() -> None:
        parent = Parent()
        child = await parent.start("echo")
        os.kill(child.pid, signal.SIGSTOP)
        began_s = asyncio.get_running_loop().time()
        taken = [child.send(bytes(1000)) for _ in range(5000)]
        took_s = asyncio.get_running_loop().time() - began_s
        child.kill()
        await child.stop()

        assert taken[0] and not taken[-1]  # its queue is bounded, and full
        assert took_s < 1.0

    run(main)


def test_memory_is_shared_without_being_mapped_here() -> None:
    async def main() -> None:
        parent = Parent()
        child = await parent.start("memory")
        await parent.until(lambda: parent.heard == [b"written"])
        path, _, number = parent.memory.ref.rpartition("#")

        assert os.pread(parent.memory.fd, 7, 100) == b"picture"
        assert Path(path).stat().st_ino == int(number)  # noqa: ASYNC240
        assert "memfd" not in Path("/proc/self/maps").read_text()  # noqa: ASYNC240
        await child.stop()

    run(main)


def test_a_process_that_cannot_be_made_is_a_device_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(DeviceError, match="a process cannot be made: No such file"):
            await Parent().start("echo")

    run(main)
