"""Short runs of the whole daemon in virtual time, and copies of their ledgers in which something was changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from ripieno_daemon.inquiry import opened
from ripieno_daemon.ledger.batch import dictionary_at
from ripieno_daemon.ledger.kinds import KINDS
from ripieno_daemon.ledger.packing import Packer
from ripieno_daemon.ledger.record import digest_of, first_chain, next_chain
from ripieno_sim.stage.scene import Settings
from ripieno_sim.stage.virtual import run_virtual


def run(folder: Path, **given: Any) -> Path:
    """Run the line in virtual time and return the state directory."""
    folder.mkdir(exist_ok=True)
    run_virtual(Settings(**{"parts": 60, "seed": 7, **given}), folder, lambda _: None)
    return folder


def decisions(state: Path) -> dict[int, dict[str, Any]]:
    """Return the bodies of all decisions by their record."""
    with opened(state) as past:
        return {row.id: msgpack.unpackb(row.payload or b"") for row in past.rows() if row.kind == "decision"}


def forge(state: Path, kind: str, change: Callable[[int, Any], Any]) -> None:
    """Change the bodies of a kind (None: as it is) and make the chain new, as somebody would who knows how."""
    with sqlite3.connect(state / "ledger.sqlite") as connection:
        (epoch,) = connection.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
        words = dictionary_at(connection, 1 << 60)
        chain = first_chain(epoch)
        rows = connection.execute(
            "SELECT r.id, r.kind, t_ns, wall_ns, seq, payload FROM records r JOIN payloads p ON p.id = r.id ORDER BY 1"
        ).fetchall()
        for id, number, t_ns, wall_ns, seq, payload in rows:
            stored = payload
            if number == KINDS[kind]:
                packer = Packer(words)
                changed = change(id, msgpack.unpackb(packer.unpack(payload), raw=False))
                stored = payload if changed is None else packer.pack(msgpack.packb(changed, use_bin_type=True))
            chain = next_chain(chain, id, number, t_ns, wall_ns, seq, digest_of(stored))
            connection.execute("UPDATE records SET chain = ? WHERE id = ?", (chain, id))
            connection.execute("UPDATE payloads SET payload = ? WHERE id = ?", (stored, id))
