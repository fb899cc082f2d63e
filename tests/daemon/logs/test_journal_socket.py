"""The journal's native protocol, on a socket as the journal has one; and what is written where there is none."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ripieno_daemon.logs.entry import Entry
from ripieno_daemon.logs.writers import to_journal, with_priorities
from ripieno_daemon.ports.journal import JournalSocket, is_ours

ENTRY = Entry(1, "warning", "alarm", "ALARM two\nlines", {"item": "part-0000002a-1"})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.settimeout(5)
        yield listening


def fields(entry: bytes) -> dict[str, str]:
    """Read what was sent as the protocol's description has it, written anew here."""
    found, rest = {}, entry
    while rest:
        line, _, rest = rest.partition(b"\n")
        name, is_plain, value = line.partition(b"=")
        if not is_plain:
            size = int.from_bytes(rest[:8], "little")
            value, ended, rest = rest[8 : 8 + size], rest[8 + size : 9 + size], rest[9 + size :]
            assert ended == b"\n"
        found[name.decode()] = value.decode()
    return found


def test_an_entry_is_a_datagram_with_its_fields(journal: socket.socket, tmp_path: Path) -> None:
    line = JournalSocket(tmp_path / "socket")

    assert line.send(ENTRY.fields())

    told = fields(journal.recv(65_536))
    assert told.pop("MESSAGE_ID")
    assert told == {
        "MESSAGE": "ALARM two\nlines",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "ripieno",
        "RIPIENO_EVENT": "alarm",
        "RIPIENO_ITEM": "part-0000002a-1",
    }
    line.close()


def test_an_entry_too_long_for_a_datagram_is_handed_over_in_a_file(journal: socket.socket, tmp_path: Path) -> None:
    line = JournalSocket(tmp_path / "socket")

    assert line.send({"MESSAGE": "x" * 3_000_000})

    content, handed, _, _ = socket.recv_fds(journal, 100, 1)
    assert content == b""
    size = os.fstat(handed[0]).st_size
    assert fields(os.pread(handed[0], size, 0)) == {"MESSAGE": "x" * 3_000_000}
    with pytest.raises(OSError):  # sealed: the journal reads what was written
        os.ftruncate(handed[0], 0)
    os.close(handed[0])
    line.close()


def test_a_journal_that_is_full_or_gone_is_not_waited_for(tmp_path: Path) -> None:
    written = io.StringIO()
    write = to_journal(JournalSocket(tmp_path / "nobody"), with_priorities(written))

    write(ENTRY)

    assert written.getvalue() == "<4>ALARM two\n<4>lines\n"


def test_standard_error_is_the_journal_only_where_systemd_says_so_of_this_stream() -> None:
    mine = os.fstat(2)
    ours = {"JOURNAL_STREAM": f"{mine.st_dev}:{mine.st_ino}"}

    assert is_ours(ours)
    assert ours == {}, "a child's standard error is another stream"
    assert not is_ours({"JOURNAL_STREAM": f"{mine.st_dev}:{mine.st_ino + 1}"})
    assert not is_ours({})
