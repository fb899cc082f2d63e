"""Real disks that are full, read-only, without inodes, and a process without descriptors: said, survived, gone on."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiers import miss

from ripieno.contracts.driver import Intent
from ripieno.errors import StorageError
from ripieno.values import Act
from ripieno_daemon.ledger import IntentFile, Ledger, verify
from ripieno_daemon.ledger.intents import FILE_BYTES
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy

NAME = "ledger.sqlite"


class Tiny:
    """A file system of its own, in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def again(self, options: str) -> None:
        """Mount it anew with other options."""
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Tiny]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=900k,nr_inodes=40", "ripieno-test", folder]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode != 0:
        miss("mount", "no file system can be mounted here")
    try:
        yield Tiny(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def act(number: int) -> Intent:
    return Intent(Act(f"part-{number}", "gate", 0), "board", number, 1, 2)


async def serving(body: Coroutine[Any, Any, None], ledger: Ledger) -> None:
    writer = asyncio.create_task(ledger.run(), name="ledger")
    try:
        await body
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        await ledger.close()


async def opened(folder: Path) -> tuple[Ledger, IntentFile]:
    storage = DiskStorage(folder)
    intents = IntentFile(storage.append_file("intents", FILE_BYTES))
    return await Ledger.open(storage.database(NAME), SystemClock(), SystemEntropy(), group_ms=1), intents


async def refused(ledger: Ledger) -> None:
    with pytest.raises(StorageError):
        for _ in range(200):
            ledger.append("decision", 1, os.urandom(3000), stream=True)
            await ledger.flush()


def test_a_full_disk_stops_no_intent_and_what_waited_is_durable_when_there_is_room(tiny: Tiny) -> None:
    async def scenario() -> int:
        ledger, intents = await opened(tiny.folder)

        async def body() -> None:
            await refused(ledger)
            for number in range(1, 6):
                await intents.write(act(number))
            tiny.again("size=8m")
            await ledger.flush()

        await serving(body(), ledger)
        assert ledger.refused == 0
        return ledger.head()[0]

    last = asyncio.run(scenario())

    report = verify(tiny.folder / NAME)
    assert report.is_whole and report.head[0] == last


def test_a_disk_that_becomes_read_only_is_said_and_gone_on_with_when_it_is_writable(tiny: Tiny) -> None:
    async def scenario() -> None:
        alarms: list[str | None] = []
        ledger, intents = await opened(tiny.folder)
        ledger.on_alarm = alarms.append

        async def body() -> None:
            ledger.append("decision", 1, b"before", stream=True)
            await ledger.flush()
            await ledger._database.close()  # a remount wants no file open for writing
            ledger._database = DiskStorage(tiny.folder).database(NAME)
            intents.close()
            tiny.again("ro")
            ledger.append("decision", 2, b"meanwhile", stream=True)
            with pytest.raises(StorageError, match=r"writable|readonly|read-only|Read-only"):
                await ledger.flush()
            tiny.again("rw")
            await ledger.flush()

        await serving(body(), ledger)
        assert [alarm is None for alarm in alarms] == [False, True]

    asyncio.run(scenario())

    assert verify(tiny.folder / NAME).is_whole and verify(tiny.folder / NAME).records == 2


def test_no_inode_left_is_one_error_and_no_half_of_a_ledger(tiny: Tiny) -> None:
    taken = []
    try:
        for number in range(100):
            (tiny.folder / f"{number}").touch()
            taken.append(tiny.folder / f"{number}")
    except OSError:
        pass

    with pytest.raises(StorageError, match="No space left"):
        asyncio.run(opened(tiny.folder / "state"))
    for path in taken[:10]:
        path.unlink()

    async def scenario() -> None:
        ledger, _ = await opened(tiny.folder / "state")
        ledger.append("event", 1, b"x")
        await ledger.close()

    asyncio.run(scenario())
    assert verify(tiny.folder / "state" / NAME).records == 1


def test_without_a_descriptor_left_what_is_open_serves_on(tmp_path: Path) -> None:
    """Intents and the record need none that they do not have; a new file is refused, and said."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def scenario() -> int:
        ledger, intents = await opened(tmp_path)
        taken: list[int] = []

        async def body() -> None:
            ledger.append("event", 1, b"first")
            await ledger.flush()
            await intents.write(act(1))
            resource.setrlimit(resource.RLIMIT_NOFILE, (80, before[1]))
            with pytest.raises(OSError, match="Too many open files"):
                for _ in range(200):
                    taken.append(os.dup(0))
            for number in range(2, 30):
                await intents.write(act(number))
                ledger.append("event", number, b"x" * 200)
                await ledger.flush()
            with pytest.raises(StorageError, match="Too many open files"):
                DiskStorage(tmp_path).append_file("another", 4096)

        try:
            await serving(body(), ledger)
        finally:
            for fd in taken:
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert intents.highest("board") == 29
        return ledger.head()[0]

    if sys.platform != "linux":
        miss("linux", "limits of descriptors are tried on Linux")
    assert asyncio.run(scenario()) == 29
    assert verify(tmp_path / NAME).is_whole
