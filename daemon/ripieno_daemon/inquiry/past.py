"""The records of a ledger as they are now, in order, read without a change; also while a daemon writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageError

from ..ledger import batch
from ..ledger.kinds import name_of
from ..ledger.record import FORMAT
from ..ledger.wal import break_of
from ..ports.inspect import Damaged, log_beside, opened_for_reading


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `payload`: None where it was erased. `wall_ns`: UTC when it was made; `t_ns`: engine time."""

    id: int
    kind: str
    t_ns: int
    wall_ns: int
    payload: bytes | None

    def wall_of(self, t_ns: int) -> int:
        """Return the UTC time of an engine time near this record."""
        return self.wall_ns + t_ns - self.t_ns


class Past:
    """All records of one ledger."""

    def __init__(self, tx: Transaction, path: Path) -> None:
        self._tx, self._path = tx, path

    def rows(self) -> Iterator[Row]:
        """Yield every record, the ledger's own too.

        Raises:
            StorageError: a page or a payload is damaged; the message names the record behind which.
        """
        unpacker, last = batch.Unpacker(self._tx), 0
        try:
            for id, kind, t_ns, wall_ns, stored in self._tx.execute(
                "SELECT r.id, r.kind, r.t_ns, r.wall_ns, p.payload FROM records r"
                " LEFT JOIN payloads p ON p.id = r.id ORDER BY r.id"
            ):
                payload = None if stored is None else unpacker.unpack(id, stored)
                yield Row(id, name_of(kind), t_ns, wall_ns, payload)
                last = id
        except (Damaged, ValueError, TypeError) as error:
            raise StorageError(
                f"{self._path}: damaged behind record {last}: {error} (ripieno ledger verify names what was changed)"
            ) from error

    def cut(self) -> str:
        """Say where the write-ahead log of a killed daemon was changed, so that the records behind cannot be read."""
        found = break_of(log_beside(self._path))
        if found is None or break_of(log_beside(self._path)) != found:  # it was being written just then
            return ""
        return f"{self._path.name}-wal, byte {found.offset}: {found.why}"

    def snapshot(self) -> tuple[bytes | None, int]:
        """Return the engine's last snapshot and the last record that it contains; None where there is none."""
        return batch.read_snapshot(self._tx)


@contextmanager
def opened(state: Path) -> Iterator[Past]:
    """Open the ledger of a state directory, or a ledger file.

    Raises:
        StorageError: there is none, or it is of another format.
    """
    path = state if state.suffix == ".sqlite" else state / "ledger.sqlite"
    with opened_for_reading(path) as tx:
        try:
            found = tx.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        except Damaged as error:
            raise StorageError(f"{path}: no ledger, or a damaged one: {error}") from error
        if found is None or found[0] != FORMAT.encode():
            raise StorageError(f"{path}: not a ledger that this release reads")
        yield Past(tx, path)
