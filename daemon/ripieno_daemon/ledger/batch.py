"""What the ledger does inside one transaction: plain functions of the transaction and of values."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageDamaged, StorageError

from .kinds import KINDS
from .packing import Packer
from .record import FORMAT, SCHEMA, digest_of, first_chain, next_chain

StreamTuple = tuple[int, int, int, int, bytes]


class Waiting(NamedTuple):
    """A record that is not durable yet."""

    id: int
    kind: int
    t_ns: int
    wall_ns: int
    stream: bool
    payload: bytes


class Tip(NamedTuple):
    """The end of the chain; `seq` is the last number of the stream."""

    id: int
    chain: bytes
    seq: int
    t_ns: int
    wall_ns: int


@dataclass(frozen=True, slots=True)
class Held:
    """What a ledger held when it was opened."""

    epoch: bytes
    tip: Tip
    dictionary: bytes


def prepare(tx: Transaction, epoch: bytes) -> Held:
    """Make the tables if they are not there (a new ledger gets `epoch`) and return where it ends."""
    for statement in SCHEMA:
        tx.execute(statement)
    tx.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?), ('epoch', ?)", (FORMAT, epoch))
    meta = dict(tx.execute("SELECT name, value FROM meta"))
    if meta["format"] != FORMAT:
        raise StorageError(f"a ledger of format {meta['format']!r}; this release reads {FORMAT!r}")
    last = tx.execute("SELECT id, chain, t_ns, wall_ns FROM records ORDER BY id DESC LIMIT 1").fetchone()
    if last is None:
        return Held(meta["epoch"], Tip(0, first_chain(meta["epoch"]), 0, 0, 0), b"")
    seq = tx.execute(
        "SELECT seq FROM records WHERE seq IS NOT NULL AND id > ? ORDER BY id DESC LIMIT 1", (epoch_id(tx),)
    ).fetchone()
    tip = Tip(last[0], bytes(last[1]), seq[0] if seq else 0, last[2], last[3])
    return Held(meta["epoch"], tip, dictionary_at(tx, tip.id))


def epoch_id(tx: Transaction) -> int:
    """Return the record behind which the present epoch's numbers begin; 0: there was no other epoch."""
    found = tx.execute("SELECT value FROM meta WHERE name = 'epoch_id'").fetchone()
    return int(found[0]) if found else 0


def dictionary_at(tx: Transaction, id: int) -> bytes:
    """Return the dictionary that record `id` was packed with."""
    ids = dictionary_ids(tx)
    before = [each for each in ids if each < id or each == id]
    if not before:
        return b""
    (stored,) = tx.execute("SELECT payload FROM payloads WHERE id = ?", (before[-1],)).fetchone()
    return Packer().unpack(stored)


def dictionary_ids(tx: Transaction) -> list[int]:
    """Return the ids of all dictionary records, oldest first."""
    found = tx.execute("SELECT value FROM meta WHERE name = 'dictionaries'").fetchone()
    return [int(each) for each in found[0].split(b",")] if found else []


def write(
    tx: Transaction,
    tip: Tip,
    packer: Packer,
    records: Sequence[Waiting],
    snapshot: tuple[bytes, int] | None,
    marks: Mapping[str, int],
    begin: bytes | None = None,
) -> Tip:
    """Write a batch and return the new end of the chain. `begin`: the epoch of a database that has no tables yet."""
    if begin is not None:
        prepare(tx, begin)
    rows, payloads = [], []
    id, chain, seq, t_ns, wall_ns = tip
    for record in records:
        id, kind, t_ns, wall_ns, stream, payload = record
        stored = packer.pack(payload)
        if stream:
            seq += 1
        chain = next_chain(chain, id, kind, t_ns, wall_ns, seq if stream else None, digest_of(stored))
        rows.append((id, kind, t_ns, wall_ns, seq if stream else None, chain))
        payloads.append((id, stored))
        if kind == KINDS["dictionary"]:
            known = ",".join(map(str, [*dictionary_ids(tx), id]))
            tx.execute("INSERT OR REPLACE INTO meta VALUES ('dictionaries', ?)", (known.encode(),))
    tx.executemany("INSERT INTO records (id, kind, t_ns, wall_ns, seq, chain) VALUES (?, ?, ?, ?, ?, ?)", rows)
    tx.executemany("INSERT INTO payloads VALUES (?, ?)", payloads)
    if snapshot is not None:
        state, upto_id = snapshot
        tx.execute("INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?, ?)", (upto_id, state, digest_of(state)))
    for name, upto in marks.items():
        save_mark(tx, name, upto)
    return Tip(id, chain, seq, t_ns, wall_ns)


def read_snapshot(tx: Transaction) -> tuple[bytes | None, int]:
    """Return the snapshot and the id of the last record that it contains; one that is damaged is as good as none.

    What an earlier epoch recorded is no past of the engine: without a snapshot it begins behind that.
    """
    found = tx.execute("SELECT state, upto_id, digest FROM snapshot").fetchone()
    if found is None or digest_of(found[0]) != found[2]:
        return None, epoch_id(tx)
    return found[0], found[1]


def read_records(tx: Transaction, after_id: int, upto_id: int, limit: int) -> list[tuple[int, int, int, bytes]]:
    """Return (id, kind, t_ns, payload) of at most `limit` records behind `after_id`."""
    unpacker = Unpacker(tx)
    return [
        (id, kind, t_ns, unpacker.unpack(id, stored) if stored is not None else b"")
        for id, kind, t_ns, stored in tx.execute(
            "SELECT r.id, r.kind, r.t_ns, p.payload FROM records r LEFT JOIN payloads p ON p.id = r.id"
            " WHERE r.id > ? AND r.id <= ? ORDER BY r.id LIMIT ?",
            (after_id, upto_id, limit),
        )
    ]


def read_stream(
    tx: Transaction, after_seq: int, after_id: int, limit: int, max_bytes: int
) -> list[tuple[int, int, int, int, bytes]]:
    """Return (seq, id, kind, t_ns, payload) of the next rows of the stream.

    Raises:
        StorageDamaged: a row does not follow from the chain; the rows before it were returned by an earlier call.
    """
    unpacker, size = Unpacker(tx), 0
    rows: list[StreamTuple] = []
    for seq, id, kind, t_ns, wall_ns, digest, chain, before, stored in tx.execute(
        "SELECT r.seq, r.id, r.kind, r.t_ns, r.wall_ns, r.payload_digest, r.chain,"
        " (SELECT q.chain FROM records q WHERE q.id < r.id ORDER BY q.id DESC LIMIT 1), p.payload"
        " FROM records r LEFT JOIN payloads p ON p.id = r.id WHERE r.id > ? AND r.seq > ? ORDER BY r.id LIMIT ?",
        (after_id, after_seq, limit),
    ):
        if not follows(before or chain_before_first(tx), id, kind, t_ns, wall_ns, seq, digest, stored, chain):
            if rows:
                break
            raise StorageDamaged(f"record {id} is not what was written")
        payload = unpacker.unpack(id, stored) if stored is not None else b""
        size += len(payload) + 32
        if rows and size > max_bytes:
            break
        rows.append((seq, id, kind, t_ns, payload))
    return rows


def chain_before_first(tx: Transaction) -> bytes:
    """Return what stands before the first record of this ledger."""
    meta = dict(tx.execute("SELECT name, value FROM meta"))
    return first_chain(meta.get("first_epoch", meta["epoch"]))


def follows(
    before: bytes,
    id: int,
    kind: int,
    t_ns: int,
    wall_ns: int,
    seq: int | None,
    digest: bytes | None,
    stored: bytes | None,
    chain: bytes,
) -> bool:
    """Whether a row is what was written: its chain follows from the one before it, its columns and its payload."""
    if stored is not None:
        digest = digest_of(stored)
    if digest is None:
        return False
    try:
        return next_chain(before, id, kind, t_ns, wall_ns, seq, digest) == chain
    except (struct.error, TypeError):  # a column holds something else than a number
        return False


class Unpacker:
    """Unpacks payloads in rising order of ids, each with the dictionary that was in force."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._ids = dictionary_ids(tx)
        self._at = 0
        self._packer: Packer | None = None

    def unpack(self, id: int, stored: bytes) -> bytes:
        """Return the payload of record `id`."""
        at = max((each for each in self._ids if each < id), default=0)
        if self._packer is None or at != self._at:
            self._at, self._packer = at, Packer(dictionary_at(self._tx, at) if at else b"")
        return self._packer.unpack(stored)


def read_mark(tx: Transaction, stream: str) -> tuple[int, int]:
    """Return (seq, record id) up to which the stream is receipted; number 0 at first."""
    found = tx.execute("SELECT upto, upto_id FROM marks WHERE stream = ?", (stream,)).fetchone()
    return (found[0], found[1]) if found else (0, epoch_id(tx))


def receipted(tx: Transaction) -> tuple[int, int]:
    """Return (seq, record id) up to which every stream is receipted."""
    found = tx.execute("SELECT upto, upto_id FROM marks ORDER BY upto LIMIT 1").fetchone()
    return (found[0], found[1]) if found else (0, epoch_id(tx))


def save_mark(tx: Transaction, stream: str, upto: int) -> None:
    """Raise the mark to `upto`, never above what exists, never down."""
    old, old_id = read_mark(tx, stream)
    found = tx.execute(
        "SELECT seq, id FROM records WHERE id > ? AND seq > ? AND seq <= ? ORDER BY id DESC LIMIT 1",
        (old_id, old, upto),
    ).fetchone()
    if found is not None:
        tx.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (stream, found[0], found[1]))
