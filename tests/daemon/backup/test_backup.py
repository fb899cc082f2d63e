"""A backup holds all that makes a device this one, consistently; what is restored uses no number and no act twice."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ripieno.contracts.driver import Intent
from ripieno.values import Act
from ripieno_daemon.backup import BadBackup, Manifest, check, contents_of, restore, write
from ripieno_daemon.backup.restoring import NotRestored
from ripieno_daemon.cli import main
from ripieno_daemon.ledger import IntentFile, Ledger, verify
from ripieno_daemon.ledger.epochs import read_all_carried
from ripieno_daemon.ledger.intents import FILE_BYTES
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.updates.disk import checked

BOARD_EPOCH = 0xAB


def a_state(folder: Path, results: int = 30, more: int = 0) -> bytes:
    """Make a state directory as a daemon leaves it; return its ledger's epoch. `more`: acts that it does later."""

    async def scenario() -> bytes:
        storage = DiskStorage(folder)
        ledger = await Ledger.open(storage.database("ledger.sqlite"), SystemClock(), SystemEntropy())
        intents = IntentFile(storage.append_file("intents", FILE_BYTES))
        for number in range(results):
            ledger.append("decision", number, b"a decision %d" % number * 5, stream=True)
        for number in range(1, 6 + more):
            act = Intent(Act(f"part-{number}", "gate", 0), "board", number, BOARD_EPOCH, 7, b"note")
            await intents.write(act)
            if number <= 3:
                intents.settle(act)
        ledger.save_snapshot(b"engine", 5)
        await ledger.close()
        intents.close()
        return ledger.epoch

    epoch = asyncio.run(scenario())
    (folder / "standstill").write_bytes(b"standstill" * 9)
    (folder / "last-good").mkdir(exist_ok=True)
    (folder / "last-good" / "plan").write_bytes(b"a plan")
    releases = folder / "bundles" / "quality-control" / "releases" / "abc"
    releases.mkdir(parents=True, exist_ok=True)
    (releases / "head").write_bytes(b"head")
    current = folder / "bundles" / "quality-control" / "current"
    if not current.is_symlink():
        current.symlink_to("releases/abc")
    (folder / "floors").mkdir(exist_ok=True)
    (folder / "floors" / "quality-control").write_bytes(checked(b"7"))
    (folder / "compiled-plan").write_bytes(b"a cache")
    (folder / "enrolled").mkdir(exist_ok=True)
    (folder / "enrolled" / "device.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    (folder / "enrolled" / "device.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\nsecret of this device\n")
    return epoch


def backed_up(state: Path, target: Path, **options: Any) -> Manifest:
    contents = contents_of(state, None, None, options.get("with_keys", False))
    return write(target, contents, 1_700_000_000)


def restored(target: Path, state: Path, replace: bool = False, device: Path | None = None) -> Any:
    return restore(target, state, device, replace, SystemClock(), SystemEntropy())


def tree(folder: Path) -> dict[str, bytes | str]:
    """Return all of a folder, to compare."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


class OnDisk:
    """The intents' file as it lies there."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()

    def read(self) -> bytes:
        return self._content

    async def write(self, pieces: object) -> None:
        raise AssertionError

    def close(self) -> None:
        pass


def test_a_restored_device_has_everything_and_begins_new_epochs(tmp_path: Path) -> None:
    old = a_state(tmp_path / "state")
    with sqlite3.connect(tmp_path / "state" / "orders.sqlite") as orders:
        orders.execute("CREATE TABLE notes (name TEXT PRIMARY KEY, value BLOB NOT NULL)")
        orders.execute("INSERT INTO notes VALUES ('epoch', x'0102'), ('policy', x'07')")
    orders.close()

    backed_up(tmp_path / "state", tmp_path / "b")
    done = restored(tmp_path / "b", tmp_path / "new")

    before, after = tree(tmp_path / "state"), tree(tmp_path / "new")
    same = {"standstill", "last-good/plan", "bundles/quality-control/current", "floors/quality-control"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert (tmp_path / "new" / "bundles/quality-control/current/head").read_bytes() == b"head"
    report = verify(tmp_path / "new" / "ledger.sqlite")
    assert report.is_whole and report.epoch != old.hex()
    carried = read_all_carried(sqlite3.connect(tmp_path / "new" / "ledger.sqlite"))
    assert [(row.epoch, row.seq) for row in carried] == [(old, number) for number in range(1, 31)]
    intents = IntentFile(OnDisk(tmp_path / "new" / "intents"))
    assert intents.highest("board") == 5
    assert [(one.command_id, one.act.cause) for one in intents.open("board")] == [(4, "part-4"), (5, "part-5")]
    assert all(one.epoch != BOARD_EPOCH and one.epoch >> 32 for one in intents.open("board")), "in doubt, unasked"
    assert (done.carried, done.doubted) == (30, 2)
    notes = dict(sqlite3.connect(tmp_path / "new" / "orders.sqlite").execute("SELECT * FROM notes"))
    assert notes["policy"] == b"\x07" and len(notes["epoch"]) > 2


def test_keys_stay_out_unless_they_are_asked_for_and_then_it_is_said(tmp_path: Path, capsys: Any) -> None:
    a_state(tmp_path / "state")
    (tmp_path / "state" / "enrolled" / "odd-name.pem").write_bytes(b"x\n-----BEGIN EC PRIVATE KEY-----\nsecret of it\n")

    manifest = backed_up(tmp_path / "state", tmp_path / "b")
    assert b"secret of" not in (tmp_path / "b").read_bytes() and not manifest.keys
    assert {path for path, _ in manifest.left_out} == {"state/enrolled/device.key", "state/enrolled/odd-name.pem"}

    assert main(["backup", str(tmp_path / "b"), "--state", str(tmp_path / "state"), "--with-keys"]) == 0
    assert "KEYS ARE IN IT" in capsys.readouterr().out
    assert check(tmp_path / "b").keys and b"secret of this device" in (tmp_path / "b").read_bytes()


def test_a_copy_beside_a_writer_is_consistent_and_the_writer_waits_for_nothing(tmp_path: Path) -> None:
    """As many copies as fit beside 60 commits; each is a whole ledger that ends between two of them."""
    state = tmp_path / "state"
    a_state(state, results=3000)
    heads: list[int] = []

    async def scenario() -> tuple[int, float]:
        ledger = await Ledger.open(DiskStorage(state).database("ledger.sqlite"), SystemClock(), SystemEntropy())
        writer = asyncio.create_task(ledger.run(), name="ledger")
        stop = threading.Event()

        def copies() -> None:
            while not stop.is_set():
                backed_up(state, tmp_path / f"b{len(heads)}")
                with tarfile.open(tmp_path / f"b{len(heads)}") as tar:
                    (tmp_path / "copy.sqlite").write_bytes(tar.extractfile("state/ledger.sqlite").read())  # type: ignore[union-attr]
                report = verify(tmp_path / "copy.sqlite")
                assert report.is_whole and report.records % 7 == 3000 % 7, report.damage
                heads.append(report.records)

        copying = asyncio.create_task(asyncio.to_thread(copies))
        began = ledger.head()[0]
        for number in range(60):
            for _ in range(7):
                ledger.append("decision", number, b"x" * 50, stream=True)
            await ledger.flush()
        stop.set()
        await copying
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        await ledger.close()
        return ledger.head()[0] - began, ledger.refused

    written, refused = asyncio.run(scenario())

    assert (written, refused) == (420, 0)
    assert heads


@pytest.mark.parametrize("part", ["manifest.json", "manifest.sha256", "state/ledger.sqlite", "state/standstill"])
def test_a_damaged_file_is_named_and_nothing_is_touched(tmp_path: Path, part: str) -> None:
    a_state(tmp_path / "state")
    backed_up(tmp_path / "state", tmp_path / "b")
    with tarfile.open(tmp_path / "b") as tar:
        at = tar.getmember(part).offset_data
    content = bytearray((tmp_path / "b").read_bytes())
    content[at + 20] ^= 1
    (tmp_path / "b").write_bytes(content)

    with pytest.raises(BadBackup, match=part.replace("sha256", "(json|sha256)")):
        check(tmp_path / "b")
    with pytest.raises(BadBackup):
        restored(tmp_path / "b", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "state"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    a_state(folder / "state")
    backed_up(folder / "state", folder / "b")
    return (folder / "b").read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_one_error_or_means_nothing(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    """Cut, or with a changed byte: refused; but for bytes of the archive that nobody reads, such as its padding."""
    content = bytearray(whole)
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "b").write_bytes(content)
    (tmp_path / "w").write_bytes(whole)

    try:
        found = check(tmp_path / "b")
    except BadBackup as error:
        assert str(tmp_path / "b") in str(error)
    else:
        assert found == check(tmp_path / "w")


def packed(entries: list[dict[str, Any]], files: dict[str, bytes], **more: Any) -> bytes:
    """Return a backup that was made by hand."""
    manifest = {"device": "d", "made": 1, "release": "1", "keys": False, "left_out": [], "entries": entries}
    text = json.dumps({**manifest, "device_file": "", "format": 1, **more}).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        digest = hashlib.sha256(text).hexdigest().encode()
        for name, content in {"manifest.json": text, "manifest.sha256": digest, **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"path": "state/../../evil", "bytes": 1, "sha256": ""}, "would lie outside"),
        ({"path": "/etc/passwd", "bytes": 1, "sha256": ""}, "would lie outside"),
        ({"path": "elsewhere/x", "bytes": 1, "sha256": ""}, "would lie outside"),
        ({"path": "state/link", "link": "../../evil"}, "leads outside"),
        ({"path": "state/link", "link": "/etc"}, "leads outside"),
        ({"path": "state/x", "odd": 1}, "is not one"),
    ],
)
def test_a_file_that_would_write_elsewhere_is_refused(tmp_path: Path, entry: dict[str, Any], says: str) -> None:
    (tmp_path / "b").write_bytes(packed([entry], {entry["path"]: b"x"}))

    with pytest.raises(BadBackup, match=says):
        restored(tmp_path / "b", tmp_path / "new")

    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_newer_format_is_refused_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(packed([], {}, format=2, of_later="yes"))

    with pytest.raises(BadBackup, match="format 2; this release reads up to 1: install a newer one"):
        check(tmp_path / "b")


def test_it_refuses_a_state_that_is_used_or_not_empty_and_replaces_it_only_when_told(tmp_path: Path) -> None:
    a_state(tmp_path / "state")
    backed_up(tmp_path / "state", tmp_path / "b")
    a_state(tmp_path / "here", results=3)
    (tmp_path / "here" / "floors" / "quality-control").write_bytes(checked(b"9"))
    before = tree(tmp_path / "here")

    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; f = open(sys.argv[1]); print(flush=True); input()",
            tmp_path / "here/intents",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin and holder.stdout
    holder.stdout.readline()
    with pytest.raises(NotRestored, match=f"process {holder.pid} uses it; stop the daemon"):
        restored(tmp_path / "b", tmp_path / "here", replace=True)
    holder.stdin.close()
    holder.wait()
    with pytest.raises(NotRestored, match="--replace"):
        restored(tmp_path / "b", tmp_path / "here")
    assert tree(tmp_path / "here") == before

    done = restored(tmp_path / "b", tmp_path / "here", replace=True)

    assert tree(done.before) == before
    assert verify(tmp_path / "here" / "ledger.sqlite").records == 31
    assert (tmp_path / "here" / "floors" / "quality-control").read_bytes() == checked(b"9"), "no way back below it"


def test_the_device_file_and_its_bundle_come_back_where_they_are_wanted(tmp_path: Path, capsys: Any) -> None:
    etc = tmp_path / "etc"
    assert main(["init", "--yes", "--dir", str(etc), "--state", str(tmp_path / "state")]) == 0
    a_state(tmp_path / "state")
    assert main(["backup", str(tmp_path / "b"), "--device", str(etc / "device.yaml")]) == 0
    assert main(["backup", "--check", str(tmp_path / "b")]) == 0
    before = tree(etc)
    shutil.rmtree(etc)
    shutil.rmtree(tmp_path / "state")

    assert main(["restore", str(tmp_path / "b"), "--state", str(tmp_path / "state"), "--device-dir", str(etc)]) == 0
    assert main(["restore", str(tmp_path / "b"), "--state", str(tmp_path / "two"), "--device-dir", str(etc)]) == 1

    assert tree(etc) == before
    assert not (tmp_path / "two").exists()
    assert "is there already" in capsys.readouterr().out
    assert main(["check", str(etc)]) == 0


def test_a_full_disk_leaves_the_backup_before(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for it."""
    a_state(tmp_path / "state")
    backed_up(tmp_path / "state", tmp_path / "b")
    before = (tmp_path / "b").read_bytes()
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "from ripieno_daemon.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "backup", tmp_path / "b", "--state", tmp_path / "state"]
    path = os.pathsep.join(each for each in sys.path if each)
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONPATH": path})

    assert done.returncode == 1 and b"Traceback" not in done.stderr, done.stderr
    assert (tmp_path / "b").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "state"], "nothing is left behind"


def test_an_old_draft_of_a_killed_backup_is_in_nobodys_way(tmp_path: Path) -> None:
    a_state(tmp_path / "state")
    (tmp_path / ".b.part").write_bytes(random.Random(1).randbytes(5000))
    (tmp_path / ".b.copies").mkdir()
    (tmp_path / ".b.copies" / "0").write_bytes(b"half")

    backed_up(tmp_path / "state", tmp_path / "b")

    check(tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "state"]
