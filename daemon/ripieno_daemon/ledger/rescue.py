"""What can still be read of a damaged ledger: the rows of the stream that nobody has a receipt for.

A row is taken where it follows from the chain value of the record before it; anything else is a hole, which is told
to the consumer as one: never a wrong row as a right one. A page that cannot be read is stepped over, in ever larger
steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageDamaged

from ..ports.inspect import Damaged
from ..ports.sqlite import is_lost
from .batch import Unpacker, chain_before_first, epoch_id, follows, receipted
from .epochs import Carried, read_all_carried

T = TypeVar("T")
ROWS_AT_ONCE: Final = 500
LARGEST_STEP: Final = 4096  # ids; a page of 1 kB holds some ten records
BLIND_IDS: Final = 200_000  # behind so many ids without one that can be read, nothing more is looked for
_COLUMNS: Final = "id, kind, t_ns, wall_ns, seq, payload_digest, chain"
UNREADABLE: Final = (Damaged, ValueError, TypeError, KeyError)


class Walk(NamedTuple):
    """How far it is: the last id that was tried, the chain there (b"" where it is not known), the last number."""

    epoch: bytes
    id: int
    chain: bytes
    seq: int
    is_done: bool = False
    is_whole: bool = True  # its end was found


def begin(tx: Transaction) -> tuple[Walk, list[Carried]]:
    """Return where to begin, and what the damaged ledger carried itself.

    Raises:
        StorageDamaged: it does not say its epoch: no row of it can be told from another's.
    """
    try:
        meta = dict(tx.execute("SELECT name, value FROM meta"))
        epoch = meta["epoch"]
    except UNREADABLE as error:
        if isinstance(error, Damaged) and not is_lost(error):
            raise
        raise StorageDamaged(f"not even its epoch can be read: {error}") from None
    nothing: list[Carried] = []
    carried = _or(lambda: read_all_carried(tx), nothing)
    seq, id = _or(lambda: receipted(tx), (0, _or(lambda: epoch_id(tx), 0)))
    chain = _or(lambda: tx.execute("SELECT chain FROM records WHERE id = ?", (id,)).fetchone()[0], b"")
    if not chain and id == 0:
        chain = _or(lambda: chain_before_first(tx), b"")
    return Walk(epoch, id, chain, seq), carried


def go_on(tx: Transaction, walk: Walk) -> tuple[Walk, list[Carried]]:
    """Read on; return how far it is then, and rows and holes in order."""
    epoch, last_id, chain, last_seq, *_ = walk
    rows: list[Carried] = []
    records, is_end = _records(tx, last_id)
    if not records and not is_end:
        reached = _step_over(tx, last_id)
        return (
            walk._replace(is_done=True, is_whole=False) if reached is None else walk._replace(id=reached, chain=b"")
        ), []
    unpacker = _or(lambda: Unpacker(tx), None)
    for id, kind, t_ns, wall_ns, seq, digest, its in records:
        before, chain, last_id = chain, its if isinstance(its, bytes) else b"", id
        if not isinstance(seq, int) or seq <= last_seq:
            continue
        stored = _or(lambda id=id: _payload(tx, id), None)  # type: ignore[misc]
        if not before or not follows(before, id, kind, t_ns, wall_ns, seq, digest, stored, its):
            continue
        payload = b""
        if stored is not None and unpacker is not None:
            payload = _or(lambda id=id, stored=stored: unpacker.unpack(id, stored), b"")  # type: ignore[misc]
        if seq > last_seq + 1:
            rows.append(Carried(epoch, last_seq + 1, seq - 1, id, kind, t_ns, b""))
        rows.append(Carried(epoch, seq, seq, id, kind, t_ns, payload))
        last_seq = seq
    return Walk(epoch, last_id, chain, last_seq, is_end), rows


def _records(tx: Transaction, after_id: int) -> tuple[list[tuple[Any, ...]], bool]:
    """Return the records that can be read behind an id, and whether those were the last."""
    found: list[tuple[Any, ...]] = []
    try:
        rows = tx.execute(f"SELECT {_COLUMNS} FROM records WHERE id > ? ORDER BY id LIMIT ?", (after_id, ROWS_AT_ONCE))
        for row in rows:
            found.append(row)
    except Damaged as error:
        if not is_lost(error):
            raise  # the disk refuses now: later it may not
        return found, False
    return found, len(found) < ROWS_AT_ONCE


def _step_over(tx: Transaction, id: int) -> int | None:
    """Return an id behind which a record can be read again, None where there is none."""
    step, tried = 1, id
    while tried - id < BLIND_IDS:
        tried += step
        step = min(step * 2, LARGEST_STEP)
        if _or(lambda tried=tried: _reads(tx, tried), False):  # type: ignore[misc]
            return tried
    return None


def _reads(tx: Transaction, after_id: int) -> bool:
    tx.execute("SELECT id FROM records WHERE id > ? ORDER BY id LIMIT 1", (after_id,)).fetchone()
    return True


def _payload(tx: Transaction, id: int) -> bytes | None:
    found = tx.execute("SELECT payload FROM payloads WHERE id = ?", (id,)).fetchone()
    return found[0] if found and isinstance(found[0], bytes) else None


def _or(read: Callable[[], T], otherwise: T) -> T:
    try:
        return read()
    except UNREADABLE as error:
        if isinstance(error, Damaged) and not is_lost(error):
            raise
        return otherwise
