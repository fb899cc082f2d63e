"""A record's row and its place in the chain.

    digest = SHA-256(stored payload)
    chain  = SHA-256(previous chain | id, kind, t_ns, wall_ns, seq as 8-byte big-endian numbers | digest)

`seq` counts the records of the stream, -1 stands for none; it begins at 1 again with each epoch (epochs.py). The first
previous chain is SHA-256("ripieno ledger 1" | first epoch). The digest is stored only once a payload is erased (until
then it follows from the payload); the chain still covers everything else of that row. Stored payloads are digested, not
their meaning: a changed byte that happens to unpack to the same text is found too.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

FORMAT: Final = "1"
SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, t_ns INTEGER NOT NULL,"
    " wall_ns INTEGER NOT NULL, seq INTEGER, payload_digest BLOB, chain BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS payloads (id INTEGER PRIMARY KEY, payload BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS snapshot (one INTEGER PRIMARY KEY CHECK (one = 1), upto_id INTEGER NOT NULL,"
    " state BLOB NOT NULL, digest BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS marks (stream TEXT PRIMARY KEY, upto INTEGER NOT NULL, upto_id INTEGER NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS carried (epoch BLOB NOT NULL, seq INTEGER NOT NULL, upto INTEGER NOT NULL,"
    " record_id INTEGER NOT NULL, kind INTEGER NOT NULL, t_ns INTEGER NOT NULL, payload BLOB NOT NULL,"
    " digest BLOB NOT NULL, UNIQUE (epoch, seq))",
)
NO_SEQ: Final = -1
_HEADER = struct.Struct(">qqqqq")


def first_chain(epoch: bytes) -> bytes:
    """Return what stands before the first record of a ledger."""
    return hashlib.sha256(b"ripieno ledger 1" + epoch).digest()


def next_chain(previous: bytes, id: int, kind: int, t_ns: int, wall_ns: int, seq: int | None, digest: bytes) -> bytes:
    """Return the chain at this record."""
    header = _HEADER.pack(id, kind, t_ns, wall_ns, NO_SEQ if seq is None else seq)
    return hashlib.sha256(previous + header + digest).digest()


def digest_of(stored: bytes) -> bytes:
    """Return the digest of a payload as it is stored."""
    return hashlib.sha256(stored).digest()
