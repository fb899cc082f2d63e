"""The journal of orders: what was accepted, begun and done, durable before the step that follows it.

    orders   id, digest of the signed bytes, kind, key, state, times, the signed bytes, the answer
    keys     the highest order number of each key
    notes    epoch (made with the database), policy, latest signed time, stop

One row is never turned back: RECEIVED -> EXECUTING -> final. Old finished rows go; an order that is sent again after
that has a number below its key's highest and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ripieno.contracts.ports import Database, Entropy, Transaction

from ..packed import pack, unpack
from .admission import Refusal
from .order import EPOCH_BYTES
from .states import FINAL, State

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS orders (row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, digest BLOB NOT NULL,"
    " kind TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, received_us INTEGER NOT NULL,"
    " expires_us INTEGER NOT NULL, payload BLOB NOT NULL, answer BLOB)",
    "CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
)
MAX_ROWS: Final = 10_000
PRUNED_EVERY: Final = 256
MAX_KEPT_BYTES: Final = 16 * 1024
MAX_ANSWER_BYTES: Final = 200 * 1024
_EMPTY: Final = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """An order on its way into the journal. `refusal`: it was refused already, and stays so."""

    id: bytes
    digest: bytes
    kind: str
    key: str
    seq: int
    not_before_us: int
    received_us: int
    expires_us: int
    payload: bytes
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What the journal says of an order: new (then it is in it now), or known with its state and answer."""

    is_new: bool
    state: State
    answer: dict[str, Any] | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An order that was accepted before this start and has no outcome."""

    id: bytes
    kind: str
    key: str
    state: State
    payload: bytes


@dataclass(frozen=True, slots=True)
class Notes:
    """What is kept beside the orders. `stop`: the order that stopped this device, b"" for none."""

    epoch: bytes
    policy: bytes
    latest_us: int
    stop: bytes


class Journal:
    """The journal in one database. Open it with `Journal.open`. `seqs`: each key's highest number at that time."""

    def __init__(
        self, database: Database, notes: Notes, unfinished: Sequence[Unfinished], seqs: Mapping[str, int]
    ) -> None:
        self._database = database
        self.notes = notes
        self.seqs = seqs
        self.unfinished = tuple(unfinished)
        self._written = 0

    @classmethod
    async def open(cls, database: Database, entropy: Entropy) -> Journal:
        """Make the tables if they are not there, and read what was left unfinished.

        Raises:
            StorageError: the disk refused.
        """
        epoch = entropy.token(EPOCH_BYTES)

        def prepare(tx: Transaction) -> tuple[Notes, list[Unfinished], dict[str, int]]:
            for statement in SCHEMA:
                tx.execute(statement)
            tx.execute("INSERT OR IGNORE INTO notes VALUES ('epoch', ?)", (epoch,))
            notes = dict(tx.execute("SELECT name, value FROM notes"))
            rows = tx.execute(
                "SELECT id, kind, key, state, payload FROM orders WHERE state IN (?, ?) ORDER BY row",
                (State.RECEIVED, State.EXECUTING),
            ).fetchall()
            return (
                Notes(
                    notes["epoch"],
                    notes.get("policy", _EMPTY),
                    int.from_bytes(notes.get("latest", _EMPTY), "big"),
                    notes.get("stop", _EMPTY),
                ),
                [Unfinished(id, kind, key, State(state), payload) for id, kind, key, state, payload in rows],
                dict(tx.execute("SELECT key, seq FROM keys")),
            )

        return cls(database, *await database.write(prepare))

    async def receive(self, entries: Sequence[Entry]) -> list[Found]:
        """Take orders in, in one transaction; return for each what it is. Durable when it returns."""
        self._written += len(entries)
        prune = self._written >= PRUNED_EVERY
        if prune:
            self._written = 0
        return await self._database.write(lambda tx: _receive(tx, entries, prune))

    async def begin(self, id: bytes) -> None:
        """It will be done now: durable before the first step."""
        await self._database.write(
            lambda tx: tx.execute("UPDATE orders SET state = ? WHERE id = ?", (State.EXECUTING, id)).fetchall()
        )

    async def finish(self, id: bytes, state: State, answer: dict[str, Any]) -> None:
        """It has an outcome, which stays."""
        await self._database.write(partial(_finish, id=id, state=state, answer=answer))

    async def note(self, name: str, value: bytes) -> None:
        """Keep something beside the orders: `policy`, `stop`."""
        await self._database.write(
            lambda tx: tx.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value)).fetchall()
        )

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()


def _receive(tx: Transaction, entries: Sequence[Entry], prune: bool) -> list[Found]:
    found = [_receive_one(tx, entry) for entry in entries]
    accepted = (entry for entry, one in zip(entries, found, strict=True) if one.is_new and one.refusal is None)
    latest = max((entry.not_before_us for entry in accepted), default=0)
    if latest:
        known = tx.execute("SELECT value FROM notes WHERE name = 'latest'").fetchone()
        if known is None or int.from_bytes(known[0], "big") < latest:
            tx.execute("INSERT OR REPLACE INTO notes VALUES ('latest', ?)", (latest.to_bytes(8, "big"),))
    if prune:
        tx.execute(
            "DELETE FROM orders WHERE row <= (SELECT MAX(row) FROM orders) - ? AND state NOT IN (?, ?)",
            (MAX_ROWS, State.RECEIVED, State.EXECUTING),
        )
    return found


def _receive_one(tx: Transaction, entry: Entry) -> Found:
    known = tx.execute("SELECT digest, state, answer FROM orders WHERE id = ?", (entry.id,)).fetchone()
    if known is not None:
        digest, state, answer = known
        if digest != entry.digest:
            return Found(False, State.REFUSED, refusal=Refusal("id-reused", "another order had this id"))
        return Found(False, State(state), unpack(answer, MAX_ANSWER_BYTES) if answer else None)
    refusal = entry.refusal
    if refusal is None and entry.seq:
        last = tx.execute("SELECT seq FROM keys WHERE key = ?", (entry.key,)).fetchone()
        if last is not None and entry.seq <= last[0]:
            refusal = Refusal("order", f"its number {entry.seq} is not above the last one of its key")
        else:
            tx.execute("INSERT OR REPLACE INTO keys VALUES (?, ?)", (entry.key, entry.seq))
    if refusal is None and entry.kind == "stop":  # in one transaction with the order: a stop holds or never came
        tx.execute("INSERT OR REPLACE INTO notes VALUES ('stop', ?)", (entry.id,))
    state = State.RECEIVED if refusal is None else State.REFUSED
    answer = None if refusal is None else {"state": state.value, "reason": refusal.reason, "text": refusal.text}
    tx.execute(
        "INSERT INTO orders (id, digest, kind, key, state, received_us, expires_us, payload, answer)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.id,
            entry.digest,
            entry.kind,
            entry.key,
            state,
            entry.received_us,
            entry.expires_us,
            entry.payload if refusal is None else _EMPTY,
            None if answer is None else pack(answer, MAX_ANSWER_BYTES),
        ),
    )
    return Found(True, state, answer, refusal)


def _finish(tx: Transaction, id: bytes, state: State, answer: dict[str, Any]) -> None:
    assert state in FINAL
    kept = pack(answer, MAX_ANSWER_BYTES)
    if len(kept) > MAX_KEPT_BYTES:
        short = {**answer, "result": None, "text": f"the result ({len(kept)} bytes) was sent once and not kept"}
        kept = pack(short, MAX_ANSWER_BYTES)
    tx.execute("UPDATE orders SET state = ?, answer = ?, payload = ? WHERE id = ?", (state, kept, _EMPTY, id))
