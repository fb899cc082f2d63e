"""A killed daemon leaves a write-ahead log. A changed byte of it takes no record away without a word."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno_daemon.ledger import Ledger, verify
from ripieno_daemon.ledger.wal import FRAME_BYTES, HEADER_BYTES, break_of
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy

BATCHES = 12


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger whose daemon was killed: files as they lay on the disk between two commits."""
    folder, left = tmp_path_factory.mktemp("running"), tmp_path_factory.mktemp("killed")

    async def scenario() -> None:
        ledger = await Ledger.open(DiskStorage(folder).database("l"), SystemClock(), SystemEntropy(), group_ms=1)
        writer = asyncio.create_task(ledger.run(), name="ledger")
        for number in range(BATCHES):
            for part in range(4):
                ledger.append("event", 4 * number + part, b"part of a story " * 20)
            await ledger.flush()
        for name in ("l", "l-wal"):
            shutil.copy(folder / name, left / name)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        await ledger.close()

    asyncio.run(scenario())
    return left


def copied(killed: Path, to: Path, log: bytes) -> Path:
    shutil.copy(killed / "l", to / "l")
    (to / "l-wal").write_bytes(log)
    return to / "l"


def test_the_log_of_a_killed_daemon_is_whole(killed: Path) -> None:
    report = verify(killed / "l")

    assert report.is_whole and report.records == 4 * BATCHES
    assert break_of((killed / "l-wal").read_bytes()) is None


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_byte_of_the_log_is_found_behind_the_last_record_that_can_be_read(
    killed: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    log = bytearray((killed / "l-wal").read_bytes())
    at = data.draw(st.integers(0, len(log) - 1))
    log[at] ^= data.draw(st.integers(1, 255))

    report = verify(copied(killed, tmp_path_factory.mktemp("changed"), bytes(log)))

    assert not report.is_whole
    assert report.first_damaged == report.records + 1


def test_the_damage_is_told_with_its_place(killed: Path, tmp_path: Path) -> None:
    log = bytearray((killed / "l-wal").read_bytes())
    page_bytes = int.from_bytes(log[8:12], "big")
    frame = 20
    offset = HEADER_BYTES + (frame - 1) * (FRAME_BYTES + page_bytes)
    log[offset + FRAME_BYTES + 7] ^= 1

    report = verify(copied(killed, tmp_path, bytes(log)))

    assert report.records < 4 * BATCHES
    (found,) = report.damage
    assert str(found).startswith(f"record {report.records + 1}: it and what follows cannot be read: l-wal from byte")
    assert f"byte {offset} on: frame {frame} does not fit" in str(found)


def test_what_a_kill_leaves_of_a_transaction_is_no_damage(killed: Path, tmp_path: Path) -> None:
    """The process ends between two writes: any length of the log is one that a kill may leave."""
    log = (killed / "l-wal").read_bytes()
    for length in range(0, len(log), 97):
        assert break_of(log[:length]) is None, length

    assert verify(copied(killed, tmp_path, log[: len(log) // 2])).is_whole


def test_what_an_older_log_left_behind_the_end_is_no_damage(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "d", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (a)")
    for number in range(40):
        connection.execute("INSERT INTO t VALUES (?)", ("x" * 900 + str(number),))
    connection.execute("PRAGMA wal_checkpoint(RESTART)")
    connection.execute("INSERT INTO t VALUES ('first of the next log')")
    log = (tmp_path / "d-wal").read_bytes()

    assert len(log) > 40 * 900
    assert break_of(log) is None
    connection.close()
