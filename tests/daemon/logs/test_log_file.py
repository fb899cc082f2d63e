"""The daemon's own log: bounded, readable while it is written, whole after a kill at any instant."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest

from ripieno_daemon.logs import Entry, Wish
from ripieno_daemon.logs.entry import LEVELS
from ripieno_daemon.logs.reading import Kept
from ripieno_daemon.ports.log_file import FILES, LogFile, LogReader

FILE_BYTES = 2_000
WRITER = """
import sys
from pathlib import Path
from ripieno_daemon.ports.log_file import LogFile
file = LogFile(Path(sys.argv[1]), 2000)
for number in range(int(sys.argv[2]), 10**9):
    while file._lines.qsize() > 100:
        pass
    file.put(b'{"number": %d}\\n' % number)
    if number % 500 == 0:
        print(number, flush=True)
"""


def written(folder: Path, numbers: range, **more: int) -> LogFile:
    file = LogFile(folder, FILE_BYTES, **more)
    for number in numbers:
        file.put(b'{"number": %d}\n' % number)
        while file._lines.qsize() > 500:
            time.sleep(0.001)  # the disk is given its time: the test is of what it holds
    file.close(30)
    return file


def numbers(reader: LogReader) -> list[int]:
    return [json.loads(line)["number"] for line in reader.lines()]


def test_the_files_never_grow_beyond_their_bound_and_hold_the_newest(tmp_path: Path) -> None:
    file = written(tmp_path / "logs", range(5_000))

    sizes = [path.stat().st_size for path in (tmp_path / "logs").iterdir()]
    found = numbers(LogReader(tmp_path / "logs"))
    assert file.lost == 0
    assert len(sizes) <= FILES and max(sizes) <= FILE_BYTES + 20
    assert found == list(range(5_000 - len(found), 5_000)) and len(found) > 200


def test_members_of_the_group_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        written(tmp_path / "logs", range(500))
    finally:
        os.umask(before)

    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o750
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "logs").iterdir()} == {0o640}


def test_a_reader_that_comes_again_misses_nothing_and_reads_nothing_twice(tmp_path: Path) -> None:
    reader, found = LogReader(tmp_path), []
    for begin in range(0, 1_000, 50):  # less than the files hold in all, and across many of their ends
        written(tmp_path, range(begin, begin + 50))
        found += numbers(reader)
    reader.close()

    assert found == list(range(1_000))


@pytest.mark.timeout(120)
def test_a_kill_at_any_instant_leaves_whole_lines_and_at_most_one_half(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    chance, begin = random.Random(seed), 0
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(begin)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            writer.stdout.readline()
            time.sleep(chance.random() * 0.02)
            writer.kill()
        found, torn = [], 0
        for line in LogReader(tmp_path).lines():
            try:
                found.append(json.loads(line)["number"])
            except ValueError:
                torn += 1
        assert found == sorted(set(found)), f"seed {seed}"
        assert found[-1] >= begin and torn <= 12, f"seed {seed}"
        begin = found[-1] + 1_000


def test_half_a_line_that_a_kill_left_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b'{"number": 0}\n{"numb')
    written(tmp_path, range(1, 3))

    assert (tmp_path / "log").read_bytes().splitlines() == [
        b'{"number": 0}',
        b'{"numb',
        b'{"number": 1}',
        b'{"number": 2}',
    ]


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    real, refused = os.write, [False]

    def full(fd: int, data: bytes) -> int:
        if b'"number": 1}' in data or b'"number": 2}' in data:
            refused[0] = True
            return real(fd, data[:5])  # a disk with five bytes left
        return real(fd, data)

    with mock.patch("ripieno_daemon.ports.log_file.os.write", full):
        file = written(tmp_path, range(5))

    assert refused[0] and file.lost == 2
    found = [line for line in LogReader(tmp_path).lines() if line.startswith(b'{"number": ')]
    assert found == [b'{"number": 0}', b'{"number": 3}', b'{"number": 4}']


def test_a_disk_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    file = LogFile(tmp_path)
    with mock.patch.object(LogFile, "_serve", lambda self: time.sleep(0.2)):
        for number in range(3_000):
            file.put(b"%d\n" % number)
    file.close(1)

    assert file.lost == 2_000


def entry(at_us: int, text: str, level: str = "info", **about: str) -> Entry:
    return Entry(at_us, level, "said", text, about)


def kept(folder: Path, *entries: Entry) -> Path:
    file = LogFile(folder / "logs")
    for one in entries:
        file.put(one.line())
    file.close(30)
    return folder


def test_entries_are_read_by_what_they_are_about(tmp_path: Path) -> None:
    entries = [
        entry(1, "conveyor: up", device="conveyor"),
        entry(2, "part-0000002a-1: late", "warning", item="part-0000002a-1", decision="part-0000002a-1"),
        entry(3, "conveyor: down", device="conveyor"),
    ]
    kept(tmp_path, *entries)
    with (tmp_path / "logs/log").open("ab") as file:
        file.write(b'[]\n{"at_us": "x"}\n')
    source = Kept(tmp_path / "logs", time.sleep)

    assert source.read(Wish(), 0) == entries
    assert source.read(Wish(), 2) == entries[1:]
    assert source.read(Wish({"device": "conveyor"}), 1) == entries[2:]
    assert source.read(Wish(level="warning"), 0) == entries[1:2]
    assert set(LEVELS) == {"error", "warning", "notice", "info"}


def test_who_follows_gets_what_comes(tmp_path: Path) -> None:
    kept(tmp_path, entry(1, "one"), entry(2, "two"))
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        assert len(waits) < 5
        if len(waits) == 2:
            kept(tmp_path, entry(3, "three"))

    following = Kept(tmp_path / "logs", sleep).follow(Wish(), 1)

    assert [next(following).text, next(following).text] == ["two", "three"]
    following.close()  # type: ignore[attr-defined]
