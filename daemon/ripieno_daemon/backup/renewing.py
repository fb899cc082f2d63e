"""What a restored state must not go on with as if nothing had happened since its copy was made.

ledger     begins a new epoch: numbers that were used after the copy are not used again
intents    acts that were open are in doubt: no board is asked about them, and none is sent again
orders     the journal begins a new epoch: what was signed for the old one, and may have been done, is refused
floors     a release's lowest counter is the higher one of here and there
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from ripieno.contracts.ports import Entropy
from ripieno.errors import StorageError

from ..ledger import begin_epoch
from ..ledger.epochs import EPOCH_BYTES
from ..ledger.intents import doubted
from ..orders.order import EPOCH_BYTES as ORDER_EPOCH_BYTES
from ..ports.small_files import SmallFiles
from ..ports.sqlite import Connection, refused
from ..updates.disk import unchecked

WHY: Final = "restored from a backup"


def renew(state: Path, entropy: Entropy, wall_ns: int) -> tuple[int, int]:
    """Make a state that was unpacked one that can be begun with; return (results carried over, acts in doubt).

    Raises:
        StorageError: a database is damaged, or there is no room.
    """
    carried = 0
    if (state / "ledger.sqlite").exists():
        ledger = Connection(state / "ledger.sqlite", durable=True)
        try:
            epoch = entropy.token(EPOCH_BYTES)
            carried = ledger.write(lambda tx: begin_epoch(tx, epoch, wall_ns, WHY))
        finally:
            ledger.close()
    files = SmallFiles(state)
    content, acts = doubted(files.read("intents"))
    if acts:
        files.write("intents", content)
    if (state / "orders.sqlite").exists():
        _new_order_epoch(state / "orders.sqlite", entropy.token(ORDER_EPOCH_BYTES))
    return carried, acts


def keep_floors(old: Path, new: Path) -> None:
    """Keep what is higher of the counters below which no release comes in. Raises StorageError."""
    before, after = SmallFiles(old / "floors"), SmallFiles(new / "floors")
    for path in sorted((old / "floors").iterdir()) if (old / "floors").is_dir() else ():
        stored = before.read(path.name)
        if _counter(stored) > _counter(after.read(path.name)):
            after.write(path.name, stored)


def _counter(stored: bytes) -> int:
    counted = unchecked(stored)
    return int(counted) if counted and counted.isdigit() else 0


def _new_order_epoch(path: Path, epoch: bytes) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("UPDATE notes SET value = ? WHERE name = 'epoch'", (epoch,))
    except sqlite3.Error as error:
        raise (
            refused(path, error) if "no such table" not in str(error) else StorageError(f"{path}: {error}")
        ) from None
