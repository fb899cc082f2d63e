"""Whether a ledger can be gone on with: as much of a check as a start can afford.

`ledger verify` reads every record, 10 us each, and a ledger has millions of them. A start reads what it will build on
(the settings, the snapshot, every record behind it and the last ones before), each against the chain, and lets SQLite
check all pages where there are few. What lies further back is checked when it is read: a row before it is sent.
"""

from __future__ import annotations

from typing import Final

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageDamaged, StorageError

from .batch import chain_before_first, epoch_id, follows
from .record import FORMAT

TAIL_RECORDS: Final = 1000  # before the snapshot: 10 ms
MOST_RECORDS: Final = 20_000  # behind it, the newest: recovery reads and steps through them all the same
SMALL_BYTES: Final = 8_000_000  # SQLite's own check of all pages: 40 ms here, measured, and ten times that on a card


def check_soundness(tx: Transaction, is_known: bool) -> None:
    """Return where nothing speaks against going on with this ledger; one without tables is new.

    `is_known`: acts were recorded on this device before, so that there must be one.

    Raises:
        StorageDamaged: it cannot be gone on with; the message says why.
        StorageError: it is of another format, and not damaged.
    """
    if tx.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0:
        if is_known:
            raise StorageDamaged("it is gone, or empty, though acts were recorded here")
        return
    meta = _meta(tx)
    if meta.get("format") != FORMAT:
        if "format" in meta:
            raise StorageError(f"a ledger of format {meta['format']!r}; this release reads {FORMAT!r}")
        raise StorageDamaged("it does not say what it is")
    if not isinstance(meta.get("epoch"), bytes):
        raise StorageDamaged("it has no epoch")
    _pages(tx)
    _tail(tx)


def _meta(tx: Transaction) -> dict[str, object]:
    if tx.execute("SELECT COUNT(*) FROM sqlite_master WHERE name IN ('meta', 'records', 'payloads')").fetchone()[0] < 3:
        raise StorageDamaged("its tables are not there")
    return dict(tx.execute("SELECT name, value FROM meta"))


def _pages(tx: Transaction) -> None:
    (pages,) = tx.execute("PRAGMA page_count").fetchone()
    (size,) = tx.execute("PRAGMA page_size").fetchone()
    if pages * size <= SMALL_BYTES:
        (said,) = tx.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise StorageDamaged(f"SQLite finds: {said}")


def _tail(tx: Transaction) -> None:
    found = tx.execute("SELECT MAX(id) FROM records").fetchone()[0]
    if found is None:
        return
    snapshot = tx.execute("SELECT upto_id FROM snapshot").fetchone()
    first = max(min(found, snapshot[0] if snapshot else epoch_id(tx)) - TAIL_RECORDS, found - MOST_RECORDS)
    before = tx.execute("SELECT chain FROM records WHERE id < ? ORDER BY id DESC LIMIT 1", (first,)).fetchone()
    chain = before[0] if before else chain_before_first(tx)
    for id, kind, t_ns, wall_ns, seq, digest, its, stored in tx.execute(
        "SELECT r.id, r.kind, r.t_ns, r.wall_ns, r.seq, r.payload_digest, r.chain, p.payload FROM records r"
        " LEFT JOIN payloads p ON p.id = r.id WHERE r.id >= ? ORDER BY r.id",
        (first,),
    ):
        if not follows(chain, id, kind, t_ns, wall_ns, seq, digest, stored, its):
            raise StorageDamaged(f"record {id} is not what was written")
        chain = its
