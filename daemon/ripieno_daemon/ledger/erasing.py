"""What may be erased of a ledger: payloads, whose digests take their place in the chain.

Never what a restart needs (the snapshot's records and all behind it), never a dictionary or a plan, and of the stream
only what the consumer has; but for `give_up`, which is the outbox's way to keep its quota, and which it tells of.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ripieno.contracts.ports import Transaction

from .batch import receipted
from .kinds import KINDS
from .record import digest_of


def erase(tx: Transaction, first_id: int, last_id: int) -> int:
    """Take away payloads, put their digests into the rows; return how many. Plans stay: they are about nobody."""
    snapshot = tx.execute("SELECT upto_id FROM snapshot").fetchone()
    receipted = tx.execute("SELECT MIN(upto_id) FROM marks").fetchone()[0] or 0
    found = tx.execute(
        "SELECT r.id, p.payload FROM records r JOIN payloads p ON p.id = r.id"
        " WHERE r.id BETWEEN ? AND ? AND r.kind NOT IN (?, ?) AND (r.seq IS NULL OR r.id <= ?)",
        (first_id, min(last_id, snapshot[0] if snapshot else 0), KINDS["dictionary"], KINDS["plan"], receipted),
    ).fetchall()
    _erase_all(tx, found)
    return len(found)


def erase_oldest(tx: Transaction, limit: int) -> tuple[int, int, int]:
    """Erase at most `limit` payloads, the oldest that may go; return (first id, last id, count), zeros for none."""
    snapshot = tx.execute("SELECT upto_id FROM snapshot").fetchone()
    found = tx.execute(
        "SELECT r.id, p.payload FROM payloads p JOIN records r ON r.id = p.id"
        " WHERE p.id <= ? AND r.kind NOT IN (?, ?, ?) AND (r.seq IS NULL OR r.id <= ?) ORDER BY p.id LIMIT ?",
        (snapshot[0] if snapshot else 0, KINDS["dictionary"], KINDS["plan"], KINDS["erasure"], receipted(tx)[1], limit),
    ).fetchall()
    _erase_all(tx, found)
    return (found[0][0], found[-1][0], len(found)) if found else (0, 0, 0)


def used_bytes(tx: Transaction) -> int:
    """Return what the database holds, without what is free inside."""
    (pages,) = tx.execute("PRAGMA page_count").fetchone()
    (free,) = tx.execute("PRAGMA freelist_count").fetchone()
    (size,) = tx.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def give_up(tx: Transaction, after_id: int, upto_seq: int, keep: Collection[int], limit: int) -> tuple[int, int, int]:
    """Take away payloads of rows of the stream that nobody has a receipt for, the oldest first, but of kinds in `keep`.

    Returns (first id, last id, count); (0, 0, 0): there was nothing. What a restart needs stays.
    """
    snapshot = tx.execute("SELECT upto_id FROM snapshot").fetchone()
    spared = ",".join(str(int(kind)) for kind in {*keep, KINDS["gap"]})
    found = tx.execute(
        "SELECT r.id, p.payload FROM records r JOIN payloads p ON p.id = r.id WHERE r.id > ? AND r.id <= ?"
        f" AND r.seq <= ? AND r.kind NOT IN ({spared}) ORDER BY r.id LIMIT ?",
        (after_id, snapshot[0] if snapshot else 0, upto_seq, limit),
    ).fetchall()
    _erase_all(tx, found)
    return (found[0][0], found[-1][0], len(found)) if found else (0, 0, 0)


def _erase_all(tx: Transaction, found: Sequence[tuple[int, bytes]]) -> None:
    """Of each record only the payload goes; its digest takes the payload's place in the chain."""
    for id, stored in found:
        tx.execute("UPDATE records SET payload_digest = ? WHERE id = ?", (digest_of(stored), id))
        tx.execute("DELETE FROM payloads WHERE id = ?", (id,))
