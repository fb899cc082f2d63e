"""The record stays within its quota: what may go goes, the oldest first; what must not go never does."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from ripieno_daemon.ledger import Ledger, verify
from ripieno_daemon.ledger.room import Room
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.ports.ledger_shelf import LedgerShelf, SetAside

NAME = "ledger.sqlite"


async def filled(folder: Path, receipted: int, rows: int = 600) -> Ledger:
    ledger = await Ledger.open(DiskStorage(folder).database(NAME), SystemClock(), SystemEntropy())
    for number in range(1, rows + 1):
        last = ledger.append("decision", number, random.Random(number).randbytes(400), stream=True)
        if number == rows - 10:
            ledger.save_snapshot(b"engine", last)
        if number % 400 == 0:
            await ledger._commit()
    if receipted:
        ledger.save_mark("results", receipted)
    ledger._marked_ns -= int(60e9)
    while ledger.waiting or ledger._marks:
        await ledger._commit()
    return ledger


def test_the_oldest_payloads_go_until_it_fits_and_the_chain_stays_whole(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, int]:
        said: list[str] = []
        ledger, shelf = await filled(tmp_path, 550), LedgerShelf(tmp_path)
        before = await ledger.size_bytes()
        room = Room(shelf, before // 2, said.append)
        await room.keep(ledger, [])
        assert room.uses["records"].bytes <= room.uses["records"].limit and said == []
        await ledger.close()
        await shelf.close()
        return before, room.uses["records"].bytes

    before, after = asyncio.run(scenario())

    report = verify(tmp_path / NAME)
    assert after <= before // 2 and report.is_whole and report.records == 600 + 1  # and what says what was erased
    assert 0 < report.erased <= 550


def test_what_has_no_receipt_and_what_a_restart_needs_stays_and_is_told_once(tmp_path: Path) -> None:
    """The negative control of the first: a quota is no reason to lose what nobody has."""

    async def scenario() -> list[str]:
        said: list[str] = []
        ledger, shelf = await filled(tmp_path, 0), LedgerShelf(tmp_path)
        room = Room(shelf, 50_000, said.append)
        for _ in range(3):
            await room.keep(ledger, [])
        await ledger.close()
        await shelf.close()
        return said

    said = asyncio.run(scenario())

    assert len(said) == 1 and "results wait for a receipt" in said[0]
    assert verify(tmp_path / NAME).erased == 0


def test_damaged_ledgers_go_the_oldest_first_and_only_those_that_somebody_has_seen(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[str], list[str]]:
        said: list[str] = []
        ledger, shelf = await filled(tmp_path, 0, rows=5), LedgerShelf(tmp_path)
        aside = []
        for number, (rescued, seen) in enumerate([(True, False), (True, True), (False, True), (True, True)]):
            folder = f"ledger.damaged-2026010{number}"
            (tmp_path / folder).mkdir()
            (tmp_path / folder / NAME).write_bytes(bytes(40_000))
            aside.append(SetAside(folder, "why", rescued, seen))
        left = await Room(shelf, 480_000, said.append).keep(ledger, aside)
        await ledger.close()
        await shelf.close()
        return [one.folder for one in left], said

    left, said = asyncio.run(scenario())

    assert left == [f"ledger.damaged-2026010{number}" for number in (0, 2, 3)]
    assert sorted(path.name for path in tmp_path.glob("ledger.damaged-*")) == left
    assert len(said) == 1 and "20260101: removed" in said[0]
