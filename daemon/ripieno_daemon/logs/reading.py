"""Where entries are read: the journal, where there is one that this person may read, else the daemon's own file."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from ..ports import journalctl
from ..ports.log_file import LogReader
from .entry import LEVELS, Entry, of_journal, of_map
from .wish import Wish

UNIT: Final = "ripieno"
FOLDER: Final = "logs"  # in the state directory
LOOK_S: Final = 0.25


class Source(Protocol):
    """`name`: for a person."""

    name: str

    def read(self, wish: Wish, last: int) -> list[Entry]:
        """Return what is wanted, of it the `last` (0: all), oldest first. Raises StorageError."""

    def follow(self, wish: Wish, last: int) -> Iterator[Entry]:
        """Yield the same, and then what comes, until the caller has enough."""


def source(state: Path | None, default_state: Path, sleep: Callable[[float], None]) -> Source:
    """Return where to read. `state`: the state directory that somebody named; None: the journal, where it can be."""
    if state is None and journalctl.holds_anything(UNIT):
        return Journal()
    return Kept((state or default_state) / FOLDER, sleep)


class Journal:
    """The journal of the unit; it also has what systemd and a dying interpreter said."""

    name = f"journal of {UNIT}.service"

    def read(self, wish: Wish, last: int) -> list[Entry]:
        """See Source."""
        return [*self._entries(wish, [f"--lines={last or 'all'}"])]

    def follow(self, wish: Wish, last: int) -> Iterator[Entry]:
        """See Source."""
        yield from self._entries(wish, [f"--lines={last or 'all'}", "--follow"])

    def _entries(self, wish: Wish, words: list[str]) -> Iterator[Entry]:
        words += [f"--priority={LEVELS[wish.level]}"] if wish.level != "info" else []
        if wish.since_us is not None:
            words.append(f"--since=@{wish.since_us / 1e6:.6f}")
        if wish.until_us is not None:
            words.append(f"--until=@{math.ceil(wish.until_us / 1e6)}")
        words += [f"RIPIENO_{name.upper()}={value}" for name, value in wish.about.items()]
        return _wanted(journalctl.entries(UNIT, words), of_journal, wish)


class Kept:
    """The daemon's own file in its state directory."""

    def __init__(self, folder: Path, sleep: Callable[[float], None]) -> None:
        self.name, self._folder, self._sleep = str(folder), folder, sleep

    def read(self, wish: Wish, last: int) -> list[Entry]:
        """See Source."""
        reader = LogReader(self._folder)
        found = deque(self._entries(reader, wish), maxlen=last or None)
        reader.close()
        return [*found]

    def follow(self, wish: Wish, last: int) -> Iterator[Entry]:
        """See Source."""
        reader = LogReader(self._folder)
        try:
            yield from deque(self._entries(reader, wish), maxlen=last or None)
            while True:
                self._sleep(LOOK_S)
                yield from self._entries(reader, wish)
        finally:
            reader.close()

    def _entries(self, reader: LogReader, wish: Wish) -> Iterator[Entry]:
        return _wanted(_maps(reader), of_map, wish)


def _maps(reader: LogReader) -> Iterator[Mapping[str, Any]]:
    for line in reader.lines():
        try:
            found = json.loads(line)
        except ValueError:
            continue  # a kill or a power cut left half a line
        if isinstance(found, dict):
            yield found


def _wanted(
    maps: Iterator[Mapping[str, Any]], entry_of: Callable[[Mapping[str, Any]], Entry], wish: Wish
) -> Iterator[Entry]:
    for found in maps:
        try:
            entry = entry_of(found)
        except ValueError:
            continue
        if wish.takes(entry):
            yield entry
