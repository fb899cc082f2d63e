"""Protections that are taken out: each must be found by a point or an image, or the campaign proves nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno_daemon.backup import restoring, writing
from ripieno_daemon.ports import small_files, storage
from ripieno_daemon.ports.sqlite import Connection


@dataclass(frozen=True, slots=True)
class Faulty:
    """What is taken out, and which victims show it."""

    take_out: Callable[[], None]
    victims: tuple[str, ...]


def _no_transaction() -> None:
    """Each statement is its own transaction."""
    real = Connection._run

    def run(self: Connection, begin: str, work: Any, end: str) -> Any:
        return real(self, "SELECT 1", work, "SELECT 1")

    Connection._run = run  # type: ignore[method-assign]


def _nothing(*_: Any) -> None:
    """Stands for a sync."""


def _no_sync_of_commits() -> None:
    real = Connection._open

    def opened(self: Connection) -> Any:
        connection = real(self)
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    Connection._open = opened  # type: ignore[method-assign]


def _intent_after_the_byte() -> None:
    """An intent is written with the next one: its act has left before it is durable."""
    late: dict[int, Any] = {}
    real = storage.DiskFile._write

    def write(self: storage.DiskFile, pieces: Any) -> None:
        before, late[id(self)] = late.get(id(self), ()), pieces
        if before:
            real(self, before)

    storage.DiskFile._write = write  # type: ignore[method-assign]


def _no_sync_of_intents() -> None:
    storage.os = _Os(fdatasync=_nothing)  # type: ignore[assignment]


class _Os:
    """The module os, with some calls replaced."""

    def __init__(self, **instead: Any) -> None:
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        return self._instead.get(name, getattr(os, name))


def _no_sync_of_small_files() -> None:
    small_files.os = _Os(fsync=_nothing)  # type: ignore[assignment]


def _backup_in_place() -> None:
    """The backup is written under its own name."""
    real = Path.with_name

    def with_name(self: Path, name: str) -> Path:
        return real(self, name[1:-5]) if name.startswith(".") and name.endswith(".part") else real(self, name)

    Path.with_name = with_name  # type: ignore[method-assign]


def _backup_without_sync() -> None:
    writing.os = _Os(fsync=_nothing)  # type: ignore[assignment]


def _restore_in_two_steps() -> None:
    def exchange(one: Path, other: Path) -> None:
        beside = other.with_name("beside")
        other.rename(beside)
        one.rename(other)
        beside.rename(one)

    restoring._exchange = exchange


def _restore_without_sync() -> None:
    restoring._sync = _nothing  # type: ignore[assignment]


FAULTY: dict[str, Faulty] = {
    "transaction": Faulty(_no_transaction, ("ledger",)),
    "sync of commits": Faulty(_no_sync_of_commits, ("ledger",)),
    "intent before the byte": Faulty(_intent_after_the_byte, ("ledger",)),
    "sync of intents": Faulty(_no_sync_of_intents, ("ledger",)),
    "sync of small files": Faulty(_no_sync_of_small_files, ("reload",)),
    "backup beside its name": Faulty(_backup_in_place, ("backup",)),
    "sync of backups": Faulty(_backup_without_sync, ("backup",)),
    "exchange in one step": Faulty(_restore_in_two_steps, ("restore",)),
    "sync of restored names": Faulty(_restore_without_sync, ("restore",)),
}
