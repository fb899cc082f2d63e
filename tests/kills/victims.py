"""The victims: what each does, in one thread, what it says is durable, and what must hold whatever became of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import io
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ripieno.contracts.driver import Intent
from ripieno.errors import RipienoError, StorageError
from ripieno.plan import Plan
from ripieno.values import Act
from ripieno_daemon.backup import check as check_backup
from ripieno_daemon.backup import contents_of, restore, restoring, write
from ripieno_daemon.cli import main
from ripieno_daemon.ledger import IntentFile, Ledger, begin_epoch, verify
from ripieno_daemon.ledger.epochs import read_all_carried
from ripieno_daemon.ledger.intents import FILE_BYTES
from ripieno_daemon.ledger.mending import Mending
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.ports.ledger_shelf import LedgerShelf
from ripieno_daemon.ports.small_files import SmallFiles
from ripieno_daemon.ports.sqlite import Connection
from ripieno_daemon.ports.thread import OwnThread
from ripieno_daemon.service.last_good import LastGood

Tell = Callable[[int], None]
NAME = "ledger.sqlite"


class Told:
    """What a victim that came to its end was told."""

    END = -1


class Victim(Protocol):
    """`act` may raise one of `expected` where the disk refuses. `check` and `again` raise what is broken."""

    name: str
    expected: tuple[type[Exception], ...]

    def prepare(self, folder: Path) -> None: ...
    def act(self, folder: Path, tell: Tell) -> None: ...
    def check(self, folder: Path, told: int) -> None: ...
    def again(self, folder: Path) -> None: ...


class Quick(SystemClock):
    """Waits for nothing; its wall stands still, so that names are the same each time."""

    def wall_ns(self) -> int:
        return 1_700_000_000_000_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def in_one_thread() -> None:
    """Let what has a thread of its own run where it is called."""

    async def run(_: OwnThread, call: Callable[[], Any]) -> Any:
        return call()

    OwnThread.run = run  # type: ignore[method-assign, assignment]
    shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined]  # so that what is copied is seen


def payload(number: int) -> bytes:
    return random.Random(number).randbytes(60)


@functools.cache
def template(name: str) -> Path:
    """Return a folder that is made once and copied for each point."""
    folder = Path(tempfile.mkdtemp(prefix=f"ripieno-kills-{name}-"))
    {"state": _state, "other": _other, "owing": _owing, "damaged": _damaged}[name](folder)
    return folder


async def _fill(folder: Path, rows: int, receipted: int = 0) -> bytes:
    ledger = await Ledger.open(DiskStorage(folder).database(NAME), Quick(), SystemEntropy())
    for number in range(1, rows + 1):
        ledger.append("event", number, b"an event")
        last = ledger.append("decision", number, payload(number), stream=True)
    ledger.save_snapshot(b"engine", last)
    if receipted:
        ledger.save_mark("results", receipted)
    await ledger.close()
    return ledger.epoch


def _intents(folder: Path, number: int) -> None:
    async def fill() -> None:
        intents = IntentFile(DiskStorage(folder).append_file("intents", FILE_BYTES))
        for each in range(1, number + 1):
            act = Intent(Act(f"part-{each}", "gate", 0), "board", each, 0xAB, 7, b"note")
            await intents.write(act)
            if each % 2:
                intents.settle(act)
        intents.close()

    asyncio.run(fill())


def _state(folder: Path) -> None:
    asyncio.run(_fill(folder, 30))
    _intents(folder, 6)
    for path in ("standstill", "last-good/plan", "bundles/b/releases/abc/head", "which"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"first " + path.encode())
    (folder / "bundles/b/current").symlink_to("releases/abc")


def _other(folder: Path) -> None:
    _state(folder)
    (folder / "which").write_bytes(b"another device")


def _owing(folder: Path) -> None:
    asyncio.run(_fill(folder, 40, 10))
    connection = Connection(folder / NAME, durable=True)
    connection.write(lambda tx: begin_epoch(tx, b"epoch-02", 7, "restored"))
    connection.close()
    asyncio.run(_fill(folder, 20))


def _damaged(folder: Path) -> None:
    asyncio.run(_fill(folder, 60, 7))
    with sqlite3.connect(folder / NAME) as connection:
        connection.execute("UPDATE payloads SET payload = x'00ff' WHERE id = 100")  # row 50
    connection.close()


def tree(folder: Path) -> dict[str, bytes | str]:
    """Return all of a folder, to compare."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


class OnDisk:
    """The intents' file as it was found; the allocated file is made before anything is told."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes() if path.exists() else b""

    def read(self) -> bytes:
        return self._content.ljust(FILE_BYTES, b"\0")

    async def write(self, pieces: object) -> None:
        raise AssertionError

    def close(self) -> None:
        pass


class LedgerVictim:
    """Makes a ledger and its intents, writes batches, closes. Told: 2n - 1 for intent n, 2n for batch n."""

    name = "ledger"
    expected: tuple[type[Exception], ...] = (StorageError,)
    batches = 4

    def prepare(self, folder: Path) -> None:
        """A new device."""

    def act(self, folder: Path, tell: Tell) -> None:
        asyncio.run(self._write(folder, tell, self.batches))

    async def _write(self, folder: Path, tell: Tell, batches: int) -> None:
        storage = DiskStorage(folder)
        intents = IntentFile(storage.append_file("intents", FILE_BYTES))
        ledger = await Ledger.open(storage.database(NAME), Quick(), SystemEntropy(), group_ms=0)
        writer = asyncio.create_task(ledger.run(), name="ledger")
        try:
            for _ in range(batches):
                number = intents.highest("board") + 1
                act = Intent(Act(f"part-{number}", "gate", 0), "board", number, 1, 2)
                await intents.write(act)
                tell(2 * number - 1)
                for _ in range(7):
                    last = ledger.append("decision", 1, payload(number), stream=True)
                ledger.save_snapshot(b"state" * 30, last)
                await ledger.flush()
                tell(2 * number)
                intents.settle(act)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            await ledger.close()

    def check(self, folder: Path, told: int) -> None:
        told = 2 * self.batches if told == Told.END else told
        batches, acts = told // 2, (told + 1) // 2
        if (folder / NAME).exists() and (folder / NAME).stat().st_size:
            report = verify(folder / NAME)
            assert report.is_whole or (report.records == 0 and batches == 0), report.damage
            assert report.records >= 7 * batches, f"{report.records} records of {7 * batches} that were told"
            assert report.records % 7 == 0, f"half a batch: {report.records}"
        else:
            assert batches == 0, "the ledger is gone"
        intents = IntentFile(OnDisk(folder / "intents"))
        assert intents.highest("board") >= acts, "an intent that was told is not there"
        open_acts = {intent.command_id for intent in intents.open("board")}
        assert open_acts >= set(range(batches + 1, acts + 1)), "an act that may be out is not known"

    def again(self, folder: Path) -> None:
        before = IntentFile(OnDisk(folder / "intents")).highest("board")
        asyncio.run(self._write(folder, lambda _: None, 1))
        report = verify(folder / NAME)
        assert report.is_whole and report.records % 7 == 0, report.damage
        assert IntentFile(OnDisk(folder / "intents")).highest("board") == before + 1


class OutboxVictim:
    """Receipts: of carried rows up to 25 (told 1), of rows of now up to 12 (told 2), of all carried ones (told 3)."""

    name = "outbox"
    expected: tuple[type[Exception], ...] = (StorageError,)

    def prepare(self, folder: Path) -> None:
        shutil.copytree(template("owing"), folder)

    def act(self, folder: Path, tell: Tell) -> None:
        asyncio.run(self._serve(folder, tell))

    async def _serve(self, folder: Path, tell: Tell) -> None:
        ledger = await Ledger.open(DiskStorage(folder).database(NAME), Quick(), SystemEntropy(), group_ms=0)
        first = await ledger.carried.next(1, 1000)
        if first:
            await ledger.carried.free(first[0].epoch, 25)
        tell(1)
        ledger.save_mark("results", 12)
        ledger._marked_ns -= int(60e9)
        await ledger._commit()
        tell(2)
        if first:
            await ledger.carried.free(first[0].epoch, 40)
        tell(3)
        ledger.append("decision", 1, payload(21), stream=True)
        await ledger.close()

    def check(self, folder: Path, told: int) -> None:
        told = 3 if told == Told.END else told
        report = verify(folder / NAME)
        assert report.is_whole, report.damage
        tx = sqlite3.connect(folder / NAME)
        carried = [row.seq for row in read_all_carried(tx)]
        possible = {0: (11, 26), 1: (26,), 2: (26, 41), 3: (41,)}[told]
        assert carried in [list(range(first, 41)) for first in possible], f"carried {carried[:3]}... after {told}"
        assert all(row.payload == payload(row.seq) for row in read_all_carried(tx))
        mark = tx.execute("SELECT upto FROM marks").fetchone()
        assert (mark[0] if mark else 0) in {0: (0,), 1: (0, 12), 2: (12,), 3: (12,)}[told]

    def again(self, folder: Path) -> None:
        asyncio.run(self._serve(folder, lambda _: None))
        self.check(folder, Told.END)


class ReloadVictim:
    """Keeps a second plan with another bundle as the one that worked last. Told 1: it is kept."""

    name = "reload"
    expected: tuple[type[Exception], ...] = (RipienoError,)

    @functools.cached_property
    def _plans(self) -> tuple[Plan, Plan, Path]:
        from ripieno_daemon.compiling import compile_in_child

        root = Path(tempfile.mkdtemp(prefix="ripieno-kills-plans-"))
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(["init", "--yes", "--dir", str(root), "--site", "here"]) == 0
        first = asyncio.run(compile_in_child(str(root / "device.yaml")))
        bundle = Path(first.pipelines[0].bundle)
        second = root / "second"
        shutil.copytree(bundle, second)
        (second / "manifest.json").write_bytes((bundle / "manifest.json").read_bytes() + b"\n")
        (second / "README-2").write_bytes(b"of the second")
        other = replace(first, pipelines=tuple(replace(one, bundle=str(second)) for one in first.pipelines))
        return first, replace(other, site="there"), root

    @functools.cached_property
    def _first(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="ripieno-kills-kept-"))
        asyncio.run(LastGood(SmallFiles(folder)).keep(self._plans[0], 1))
        return folder

    def prepare(self, folder: Path) -> None:
        shutil.copytree(self._first, folder)

    def act(self, folder: Path, tell: Tell) -> None:
        asyncio.run(LastGood(SmallFiles(folder)).keep(self._plans[1], 2))
        tell(1)

    def check(self, folder: Path, told: int) -> None:
        kept = LastGood(SmallFiles(folder)).load()
        assert kept is not None, "no plan is kept any more"
        assert kept.plan.site == "there" or told == 0, "the plan that was told is not kept"
        source = Path(self._plans[kept.plan.site == "there"].pipelines[0].bundle)  # type: ignore[union-attr]
        bundle = folder / "last-good/bundles" / Path(kept.plan.pipelines[0].bundle).name
        assert tree(bundle).items() >= tree(source).items(), "a bundle of the kept plan is not whole"

    def again(self, folder: Path) -> None:
        self.act(folder, lambda _: None)
        self.check(folder, 1)


class BackupVictim:
    """Writes a backup over an older one. Told 1: it is there."""

    name = "backup"
    expected: tuple[type[Exception], ...] = (RipienoError,)

    def prepare(self, folder: Path) -> None:
        folder.mkdir()
        shutil.copytree(template("state"), folder / "state", symlinks=True)
        shutil.copy(self._older, folder / "b")

    @functools.cached_property
    def _older(self) -> Path:
        place = Path(tempfile.mkdtemp(prefix="ripieno-kills-older-")) / "b"
        write(place, contents_of(template("other"), None, None, False), 1)
        return place

    def act(self, folder: Path, tell: Tell) -> None:
        write(folder / "b", contents_of(folder / "state", None, None, False), 2)
        tell(1)

    def check(self, folder: Path, told: int) -> None:
        found = check_backup(folder / "b")
        assert found.made == 2 or told == 0, "the new one is not there"
        assert verify(folder / "state" / NAME).is_whole

    def again(self, folder: Path) -> None:
        self.act(folder, lambda _: None)
        self.check(folder, 1)
        assert sorted(path.name for path in folder.iterdir()) == ["b", "state"], "something is left behind"


class RestoreVictim:
    """Puts a backup in the place of another device's state. Told 1: it is there."""

    name = "restore"
    expected: tuple[type[Exception], ...] = (RipienoError,)

    def prepare(self, folder: Path) -> None:
        folder.mkdir()
        shutil.copytree(template("other"), folder / "state", symlinks=True)
        shutil.copy(self._backup, folder / "b")
        restoring.user_of = lambda _: None  # type: ignore[attr-defined]  # looks into /proc: not the same each time

    @functools.cached_property
    def _backup(self) -> Path:
        place = Path(tempfile.mkdtemp(prefix="ripieno-kills-backup-")) / "b"
        write(place, contents_of(template("state"), None, None, False), 1)
        return place

    def act(self, folder: Path, tell: Tell) -> None:
        restore(folder / "b", folder / "state", None, True, Quick(), SystemEntropy())
        tell(1)

    def check(self, folder: Path, told: int) -> None:
        old = tree(template("other"))
        state = folder / "state"
        assert state.is_dir(), "neither the old nor the new"
        if (state / "which").read_bytes() == b"another device":
            assert told == 0, "the new one is not there"
            assert tree(state) == old, "the old one is not as it was"
            return
        report = verify(state / NAME)
        assert report.is_whole and report.records == 61, report.damage
        intents = IntentFile(OnDisk(state / "intents"))
        assert intents.highest("board") == 6
        assert all(intent.epoch >> 32 for intent in intents.open("board")), "an act that was open would be asked about"
        assert (state / "bundles/b/current/head").exists() and not (state / restoring.UNPACKING).exists()
        beside = [path for path in folder.iterdir() if path.is_dir() and path != state]
        assert any(tree(path) == old for path in beside), "what was there before is lost"

    def again(self, folder: Path) -> None:
        self.act(folder, lambda _: None)
        self.check(folder, 1)


class SetAsideVictim:
    """Starts on a damaged ledger. Told 1: another is begun; 2: all is carried over."""

    name = "set-aside"
    expected: tuple[type[Exception], ...] = (StorageError,)

    def prepare(self, folder: Path) -> None:
        shutil.copytree(template("damaged"), folder)

    def act(self, folder: Path, tell: Tell) -> None:
        asyncio.run(self._start(folder, tell))

    async def _start(self, folder: Path, tell: Tell) -> None:
        mend = Mending(DiskStorage(folder), LedgerShelf(folder), Quick(), SystemEntropy(), lambda _: None)
        ledger = await mend.open(lambda database: Ledger.open(database, Quick(), SystemEntropy()))
        tell(1)
        mends = asyncio.create_task(mend.run(ledger), name="mending")
        while any(not one.is_rescued for one in mend._set_aside):  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0)
        tell(2)
        mends.cancel()
        await asyncio.gather(mends, return_exceptions=True)
        await ledger.close()

    def check(self, folder: Path, told: int) -> None:
        """The next start must finish it, from wherever it was left."""
        self.again(folder)

    def again(self, folder: Path) -> None:
        asyncio.run(self._start(folder, lambda _: None))
        (aside,) = folder.glob("ledger.damaged-*")
        before = (template("damaged") / NAME).read_bytes()
        assert (aside / NAME).read_bytes() == before, "the damaged one is not as it was"
        assert verify(folder / NAME).is_whole
        rows = read_all_carried(sqlite3.connect(folder / NAME))
        assert [row.seq for row in rows] == list(range(8, 61)), "each number once"
        assert [row.seq for row in rows if not row.payload] == [50], "the damaged one is told as missing"
        assert all(row.payload == payload(row.seq) for row in rows if row.payload)


_ALL: tuple[Victim, ...] = (
    LedgerVictim(),
    OutboxVictim(),
    ReloadVictim(),
    BackupVictim(),
    RestoreVictim(),
    SetAsideVictim(),
)
VICTIMS: dict[str, Victim] = {victim.name: victim for victim in _ALL}


def warm_up() -> None:
    """Make what is made once, before the first fork."""
    in_one_thread()
    for victim in _ALL:
        with tempfile.TemporaryDirectory() as root:
            victim.prepare(Path(root) / "f")


def digest(folder: Path) -> str:
    """Return what tells one state of a folder from another."""
    return hashlib.sha256(repr(sorted(tree(folder).items())).encode() if folder.exists() else b"").hexdigest()


__all__ = ["VICTIMS", "Told", "Victim", "digest", "in_one_thread", "os", "template", "tree", "warm_up"]
