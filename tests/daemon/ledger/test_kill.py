"""Whenever the process is killed or the disk refuses: what was told to be durable is there, and the ledger is whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ripieno_daemon.ledger import IntentFile, verify
from ripieno_daemon.ledger.intents import FILE_BYTES

WRITER = Path(__file__).with_name("writer.py")
STRACE = shutil.which("strace")
# System call -> which of its calls is the last: making the files, the first batches, a checkpoint, the end.
INSTANTS = {
    "pwrite64": (3, 17, 24, 90),
    "fdatasync": (1, 2, 4, 9),
    "fsync": (1, 2),
    "ftruncate": (1, 2),
    "openat": (1, 2, 4),
    "fallocate": (1,),
}


class Frozen:
    """The intents' file as it was found."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes() if path.exists() else b""

    def read(self) -> bytes:
        return self._content.ljust(FILE_BYTES, b"\0")

    async def write(self, pieces: object) -> None:
        raise AssertionError

    def close(self) -> None:
        pass


def told(output: str, word: str) -> int:
    """The highest number that the writer told behind a word."""
    return max((int(line.split()[1]) for line in output.splitlines() if line.startswith(word + " ")), default=0)


def check(folder: Path, output: str) -> None:
    ledger = folder / "ledger"
    if ledger.exists() and ledger.stat().st_size:
        report = verify(ledger)
        assert report.is_whole or (report.records == 0 and told(output, "record") == 0), report.damage
        assert report.head[0] >= told(output, "record")
        assert report.records % 7 == 0  # a batch is there as a whole or not at all
    else:
        assert told(output, "record") == 0
    intents = IntentFile(Frozen(folder / "intents"))
    assert intents.highest("board") >= told(output, "intent")
    settled = told(output, "record") // 7
    assert {intent.command_id for intent in intents.open("board")} >= set(
        range(settled + 1, told(output, "intent") + 1)
    )


def spawn(command: list[str]) -> str:
    """Run to its end, however that comes, and return what was told."""
    path = os.pathsep.join(each for each in sys.path if each)
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}, timeout=60
    )
    return done.stdout.decode()


@pytest.mark.skipif(STRACE is None, reason="no strace on this machine")
@pytest.mark.parametrize("call", INSTANTS)
def test_a_kill_at_any_system_call_loses_nothing_that_was_told(tmp_path: Path, call: str) -> None:
    """A ledger that is being made, then the same one opened again."""
    for instant in INSTANTS[call]:
        folder = tmp_path / f"{instant}"
        inject = f"{STRACE} -f -qq -o /dev/null -e trace={call} -e inject={call}:signal=SIGKILL:when={instant}".split()
        watched = [
            f"-P{folder / name}" for name in ("ledger", "ledger-wal", "ledger-journal", "ledger-shm", "intents", "")
        ]
        command = [*inject, *watched, sys.executable, str(WRITER), str(folder), "12"]
        output = spawn(command)
        assert not output.endswith("end\n"), "it was not killed"
        check(folder, output)
        again = spawn([sys.executable, str(WRITER), str(folder), "3"])
        assert again.endswith("end\n"), again
        check(folder, again)


@pytest.mark.parametrize("limit", [70_000, 90_000, 120_000])
def test_a_disk_that_refuses_is_said_and_what_was_told_stays(tmp_path: Path, limit: int) -> None:
    """RLIMIT_FSIZE stands for a full disk: writes beyond it fail in the middle of a batch."""
    output = spawn([sys.executable, str(WRITER), str(tmp_path / "d"), "60", str(limit)])

    assert "refused " in output and output.endswith("end\n")
    check(tmp_path / "d", output)
