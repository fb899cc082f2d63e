"""Check a ledger.

Every payload against its digest, every record against the chain, the file against SQLite's own rules, and the
write-ahead log against its own: SQLite passes over what stands behind a changed byte of it without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ripieno.contracts.ports import Transaction

from ..ports.inspect import Damaged, log_beside, opened_for_reading
from .kinds import KINDS
from .record import FORMAT, SCHEMA, digest_of, first_chain, next_chain
from .wal import break_of

FEW = 20


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong, and at which record; None: with the ledger as a whole."""

    record_id: int | None
    why: str

    def __str__(self) -> str:
        return f"record {self.record_id}: {self.why}" if self.record_id is not None else self.why


@dataclass(frozen=True, slots=True)
class Report:
    """`records`: how many were read; `head`: the last one's id and chain (hex); `erased`: how many have no payload.

    `damage`: the first 20 findings, in order; empty: the ledger is whole.
    """

    records: int
    head: tuple[int, str]
    epoch: str
    erased: int
    damage: tuple[Damage, ...]

    @property
    def is_whole(self) -> bool:
        """Nothing is wrong."""
        return not self.damage

    @property
    def first_damaged(self) -> int | None:
        """The lowest record id that is damaged, None where no record is."""
        return min((each.record_id for each in self.damage if each.record_id is not None), default=None)


def verify(path: Path, expected_head: tuple[int, str] | None = None) -> Report:
    """Read the whole ledger and change nothing (10 us a record).

    `expected_head`: a head that was published earlier; a ledger that was cut or rewritten behind it is found by it
    alone.

    Raises:
        StorageError: the file cannot be opened at all.
    """
    with opened_for_reading(path) as tx:
        return _Check(tx, expected_head, path).report()


class _Check:
    """One pass over one ledger."""

    def __init__(self, tx: Transaction, expected_head: tuple[int, str] | None, path: Path) -> None:
        self._tx, self._path = tx, path
        self._expected = expected_head
        self._damage: list[Damage] = []
        self._records = self._erased = self._last_id = 0
        self._epoch = b""
        self._chain = b""

    def report(self) -> Report:
        for step in (self._meta, self._rows, self._log, self._snapshot, self._pages):
            try:
                step()
            except Damaged as error:
                where = f"behind record {self._last_id}: " if self._records else ""
                self._found(self._last_id + 1 if step == self._rows else None, f"{where}a page is damaged: {error}")
            except (TypeError, ValueError, OverflowError) as error:
                self._found(None, f"{step.__name__.strip('_')}: {error}")
        if self._expected is not None and self._expected[0] > self._last_id:
            self._found(None, f"it ends at record {self._last_id}; the known head is {self._expected[0]}")
        return Report(
            self._records, (self._last_id, self._chain.hex()), self._epoch.hex(), self._erased, tuple(self._damage)
        )

    def _found(self, record_id: int | None, why: str) -> None:
        if len(self._damage) < FEW:
            self._damage.append(Damage(record_id, why))

    def _meta(self) -> None:
        meta: dict[Any, Any] = dict(self._tx.execute("SELECT name, value FROM meta"))
        if meta.get(b"format") != FORMAT.encode():
            self._found(None, f"a ledger of format {meta.get(b'format')!r}; this release reads {FORMAT!r}")
        declared = {one.replace("IF NOT EXISTS ", "").encode() for one in SCHEMA}
        for name, sql in self._tx.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"):
            if sql not in declared:
                self._found(None, f"table {name.decode(errors='replace')} is declared otherwise than this release does")
        self._epoch = meta.get(b"epoch", b"")
        self._chain = first_chain(meta.get(b"first_epoch", self._epoch))

    def _rows(self) -> None:
        seq = 0
        for row in self._tx.execute(
            "SELECT r.id, r.kind, r.t_ns, r.wall_ns, r.seq, r.payload_digest, r.chain, p.payload"
            " FROM records r LEFT JOIN payloads p ON p.id = r.id ORDER BY r.id"
        ):
            id, row_seq, chain = row[0], row[4], row[6]
            self._records += 1
            why = self._row(row)
            if why is None and row_seq is not None:
                if row_seq != seq + 1:
                    why = f"number {row_seq} of the stream follows {seq}"
                seq = row_seq
            if row[1] == KINDS["epoch"]:
                seq = 0
            if why is not None:
                self._found(id, why)
            self._last_id = id
            self._chain = chain if isinstance(chain, bytes) else b""
            if self._expected is not None and id == self._expected[0] and self._chain.hex() != self._expected[1]:
                self._found(id, f"its chain is {self._chain.hex()}, the known head says {self._expected[1]}")
        orphans = self._tx.execute("SELECT id FROM payloads WHERE id NOT IN (SELECT id FROM records) ORDER BY id")
        for (id,) in islice(orphans, FEW):
            self._found(id, "a payload without a record")

    def _row(self, row: tuple[Any, ...]) -> str | None:
        """Return what is wrong with one row, or None."""
        id, kind, t_ns, wall_ns, seq, digest, chain, payload = row
        if payload is None:
            self._erased += 1
            if not isinstance(digest, bytes) or len(digest) != 32:
                return "neither payload nor digest"
        elif not isinstance(payload, bytes):
            return "the payload is not a BLOB"
        elif digest is not None:
            return "payload and digest of an erased payload"
        else:
            digest = digest_of(payload)
        try:
            expected = next_chain(self._chain, id, kind, t_ns, wall_ns, seq, digest)
        except Exception as error:  # struct.error, TypeError: a column holds something else than a number
            return f"a column is of another type: {error}"
        if expected != chain:
            return "the chain does not follow from the record before, the columns and the payload"
        return None

    def _log(self) -> None:
        found = break_of(log_beside(self._path))
        if found is None or break_of(log_beside(self._path)) != found:  # it was being written just then
            return
        what = f"{self._path.name}-wal from byte {found.offset} on: {f'frame {found.frame} ' if found.frame else ''}"
        self._found(self._last_id + 1, f"it and what follows cannot be read: {what}{found.why}")

    def _snapshot(self) -> None:
        for state, digest in self._tx.execute("SELECT state, digest FROM snapshot"):
            if digest_of(state) != digest:
                self._found(None, "the snapshot does not match its digest; recovery starts from the first record")

    def _pages(self) -> None:
        for (text,) in self._tx.execute(f"PRAGMA integrity_check({FEW})"):
            if text != b"ok":
                self._found(None, f"SQLite: {text.decode(errors='replace')}")
