"""Whatever byte of a record is changed, verify names that record, and changes nothing itself."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno_daemon.ledger import Ledger, verify
from ripieno_daemon.ledger.record import next_chain
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy

RECORDS = 30


def fill(folder: Path) -> Path:
    async def scenario() -> None:
        ledger = await Ledger.open(
            DiskStorage(folder).database("l"), SystemClock(), SystemEntropy(), dictionary=b"part"
        )
        for number in range(RECORDS - 1):
            ledger.append(
                "event",
                10**15 + number,
                b"part %d of a story that repeats, repeats" % number * 3,
                stream=number % 3 == 0,
            )
        ledger.save_snapshot(b"state", 5)
        await ledger.close()

    asyncio.run(scenario())
    return folder / "l"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("whole"))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.iterdir()}


def flip(value: int | bytes, bit: int) -> int | bytes:
    if isinstance(value, int):
        return value ^ (1 << bit % 40)
    changed = bytearray(value)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


@settings(max_examples=200, deadline=None)
@given(
    id=st.integers(1, RECORDS),
    column=st.sampled_from(["kind", "t_ns", "wall_ns", "seq", "chain", "payload"]),
    bit=st.integers(0, 2000),
)
def test_a_changed_bit_of_a_record_is_found_at_that_record(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, id: int, column: str, bit: int
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "l"
    shutil.copy(whole, copy)
    table = "payloads" if column == "payload" else "records"
    connection = sqlite3.connect(copy)
    (value,) = connection.execute(f"SELECT {column} FROM {table} WHERE id = ?", (id,)).fetchone()
    changed = bit if value is None else flip(value, bit)
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (changed, id))
    connection.commit()
    connection.close()

    assert verify(copy).first_damaged == id


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_byte_of_the_file_is_never_a_traceback_and_never_unseen_in_a_record(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Free space inside pages is the only place where a changed byte means nothing."""
    content = bytearray(whole.read_bytes())
    at = data.draw(st.integers(100, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    copy = tmp_path_factory.mktemp("copy") / "l"
    copy.write_bytes(content)

    report = verify(copy)

    if report.is_whole:
        assert report.head == verify(whole).head and report.records == RECORDS


@pytest.mark.parametrize("change", ["DELETE FROM records WHERE id = 12", "DELETE FROM payloads WHERE id = 12"])
def test_a_missing_row_is_found(whole: Path, tmp_path: Path, change: str) -> None:
    copy = tmp_path / "l"
    shutil.copy(whole, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute(change)

    assert verify(copy).first_damaged == 12


def test_a_ledger_that_was_cut_or_rewritten_is_found_by_its_published_head(whole: Path, tmp_path: Path) -> None:
    head = verify(whole).head
    cut, forged = tmp_path / "cut", tmp_path / "forged"
    shutil.copy(whole, cut)
    shutil.copy(whole, forged)
    with sqlite3.connect(cut) as connection:
        connection.execute("DELETE FROM records WHERE id = 30")
        connection.execute("DELETE FROM payloads WHERE id = 30")
    with sqlite3.connect(forged) as connection:
        (previous,) = connection.execute("SELECT chain FROM records WHERE id = 29").fetchone()
        row = connection.execute("SELECT kind, t_ns, wall_ns, seq FROM records WHERE id = 30").fetchone()
        chain = next_chain(previous, 30, *row, hashlib.sha256(b"\0forged").digest())
        connection.execute("UPDATE records SET chain = ? WHERE id = 30", (chain,))
        connection.execute("UPDATE payloads SET payload = ? WHERE id = 30", (b"\0forged",))

    assert verify(cut).is_whole and verify(forged).is_whole
    assert not verify(cut, head).is_whole
    assert verify(forged, head).first_damaged == 30


def test_verifying_changes_nothing_and_works_beside_a_writer(tmp_path: Path) -> None:
    async def scenario() -> None:
        ledger = await Ledger.open(DiskStorage(tmp_path).database("l"), SystemClock(), SystemEntropy(), group_ms=1)
        writer = asyncio.create_task(ledger.run(), name="ledger")
        for number in range(50):
            ledger.append("event", number, b"x" * 100)
        await ledger.flush()
        before = contents(tmp_path)

        report = await asyncio.to_thread(verify, tmp_path / "l")

        assert report.is_whole and report.records == 50 and report.head == ledger.head()
        assert contents(tmp_path) == before
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        await ledger.close()

    asyncio.run(scenario())
