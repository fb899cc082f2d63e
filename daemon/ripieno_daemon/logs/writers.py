"""Where entries are written: the journal with their fields, standard error, the daemon's own file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from .entry import LEVELS, Entry

if TYPE_CHECKING:
    from ..ports.journal import JournalSocket
    from ..ports.log_file import LogFile

Write = Callable[[Entry], None]


def to_people(stream: TextIO) -> Write:
    """Write sentences."""

    def write(entry: Entry) -> None:
        print(entry.text, file=stream, flush=True)

    return write


def to_programs(stream: TextIO, began_s: float, monotonic_s: Callable[[], float]) -> Write:
    """Write an object a line. `ms` in it: since `began_s`."""

    def write(entry: Entry) -> None:
        since_ms = round((monotonic_s() - began_s) * 1000)
        told = {"event": entry.event, "ms": since_ms, "text": entry.text, **entry.about}
        print(json.dumps(told), file=stream, flush=True)

    return write


def with_priorities(stream: TextIO) -> Write:
    """Write sentences as sd-daemon(3) has it for what goes to a log: `<4>` before each line says how bad it is."""

    def write(entry: Entry) -> None:
        mark = f"<{LEVELS[entry.level]}>"
        print("\n".join(mark + line for line in entry.text.splitlines() or [""]), file=stream, flush=True)

    return write


def to_journal(journal: JournalSocket, otherwise: Write) -> Write:
    """Write entries with their fields; what the journal does not take is written `otherwise`."""

    def write(entry: Entry) -> None:
        if not journal.send(entry.fields()):
            otherwise(entry)

    return write


def to_file(file: LogFile) -> Write:
    """Write lines of the daemon's own log."""

    def write(entry: Entry) -> None:
        file.put(entry.line())

    return write
