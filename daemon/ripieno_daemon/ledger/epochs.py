"""The epochs of a ledger: from when on numbers of the stream begin at 1 again, under another name.

A number that is used twice under one epoch looks like a duplicate to the consumer, and the second row is lost. So
whenever rows may have been numbered that this database does not hold (it was restored, or it follows a damaged one),
a new epoch begins. The chain goes on; what is recorded before stays to be asked about, and is no past of the engine:

    records 1..n    epoch A, numbers 1..k      what the consumer has no receipt for is carried: sent as A's rows
    record  n + 1   kind "epoch": A, B, why
    records n + 2.. epoch B, numbers 1..

`carried` holds rows of older epochs until the consumer has them, each with a digest: it stands in no chain. A hole is
one row without a payload for all numbers from `seq` to `upto`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageError

from .batch import Unpacker, epoch_id, prepare, receipted
from .kinds import KINDS
from .packing import Packer
from .record import digest_of, next_chain

EPOCH_BYTES: Final = 8
CARRIED_AT_ONCE: Final = 500
_SELECT: Final = "SELECT epoch, seq, upto, record_id, kind, t_ns, payload, digest FROM carried ORDER BY rowid"


class Carried(NamedTuple):
    """A row of an older epoch, or a hole (`payload` b"") for the numbers from `seq` to `upto`."""

    epoch: bytes
    seq: int
    upto: int
    id: int
    kind: int
    t_ns: int
    payload: bytes


def begin_epoch(tx: Transaction, epoch: bytes, wall_ns: int, why: str) -> int:
    """Let a new epoch begin in a whole ledger; return how many rows without a receipt are carried over.

    For a database that was restored from a copy: call it once, in one transaction, before a daemon opens it.

    Args:
        epoch: 8 random bytes.
        wall_ns: UTC now, for the record that says so.
        why: for a person.

    Raises:
        StorageError: this is no ledger that this release reads.
    """
    held = prepare(tx, epoch)
    tip, old = held.tip, held.epoch
    if old == epoch:
        if tip.id == 0:
            return 0  # a ledger that is made now has its own epoch
        raise StorageError("a new epoch needs a name of its own")
    count = 0
    if tip.id:
        count = _carry(tx, old)
        tip = tip._replace(id=tip.id + 1)
        stored = Packer().pack(old + epoch + why.encode())
        chain = next_chain(tip.chain, tip.id, KINDS["epoch"], tip.t_ns, wall_ns, None, digest_of(stored))
        tx.execute(
            "INSERT INTO records (id, kind, t_ns, wall_ns, seq, chain) VALUES (?, ?, ?, ?, NULL, ?)",
            (tip.id, KINDS["epoch"], tip.t_ns, wall_ns, chain),
        )
        tx.execute("INSERT INTO payloads VALUES (?, ?)", (tip.id, stored))
        tx.execute("INSERT OR IGNORE INTO meta VALUES ('first_epoch', ?)", (old,))
        tx.execute("INSERT OR REPLACE INTO meta VALUES ('epoch_id', ?)", (b"%d" % tip.id,))
    tx.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (epoch,))
    tx.execute("DELETE FROM marks")
    tx.execute("DELETE FROM snapshot")
    return count


def _carry(tx: Transaction, epoch: bytes) -> int:
    """Copy the rows that nobody has a receipt for."""
    after_seq, after_id = receipted(tx)
    unpacker, count = Unpacker(tx), 0
    while True:
        found = tx.execute(
            "SELECT r.seq, r.id, r.kind, r.t_ns, p.payload FROM records r LEFT JOIN payloads p ON p.id = r.id"
            " WHERE r.id > ? AND r.seq > ? ORDER BY r.id LIMIT ?",
            (max(after_id, epoch_id(tx)), after_seq, CARRIED_AT_ONCE),
        ).fetchall()
        rows = [
            Carried(epoch, seq, seq, id, kind, t_ns, b"" if stored is None else unpacker.unpack(id, stored))
            for seq, id, kind, t_ns, stored in found
        ]
        keep_carried(tx, rows)
        count += len(rows)
        if len(rows) < CARRIED_AT_ONCE:
            return count
        after_seq, after_id = rows[-1].seq, rows[-1].id


def keep_carried(tx: Transaction, rows: Iterable[Carried]) -> None:
    """Keep rows of older epochs until their receipt."""
    tx.executemany(
        "INSERT OR IGNORE INTO carried VALUES (?, ?, ?, ?, ?, ?, ?, ?)", ((*row, _digest(row)) for row in rows)
    )


def read_carried(tx: Transaction, limit: int, max_bytes: int) -> list[Carried]:
    """Return the next carried rows, all of one epoch, in order; none: there are none left."""
    rows: list[Carried] = []
    size = 0
    for found in tx.execute(f"{_SELECT} LIMIT ?", (limit,)):
        row = _checked(found)
        size += len(row.payload) + 32
        if rows and (size > max_bytes or row.epoch != rows[0].epoch):
            break
        rows.append(row)
    return rows


def read_all_carried(tx: Transaction) -> list[Carried]:
    """Return all carried rows, for a ledger that follows this one."""
    return [_checked(found) for found in tx.execute(_SELECT)]


def _checked(found: Sequence[Any]) -> Carried:
    row = Carried(*found[:-1])
    if row.payload and _digest(row) != found[-1]:
        return row._replace(payload=b"")  # never a wrong one as right
    return row


def _digest(row: Carried) -> bytes:
    numbers = struct.pack(">qqqqq", row.seq, row.upto, row.id, row.kind, row.t_ns)
    return digest_of(row.epoch + numbers + row.payload)


def count_carried(tx: Transaction) -> int:
    """Return how many numbers are carried."""
    (count,) = tx.execute("SELECT COALESCE(SUM(upto - seq + 1), 0) FROM carried").fetchone()
    return int(count)


def free_carried(tx: Transaction, epoch: bytes, upto: int) -> None:
    """The consumer has the rows of an epoch up to this number."""
    tx.execute("DELETE FROM carried WHERE epoch = ? AND upto <= ?", (epoch, upto))
