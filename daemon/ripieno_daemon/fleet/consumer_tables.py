"""The consumer's tables: the same columns in SQLite and in PostgreSQL.

    rows    one for each result: device, stream, epoch, seq | record_id, kind, t_ns, payload (msgpack)
    marks   device, stream, epoch | upto: the last number that is in `rows`

`upto` moves in the transaction that inserts the rows; nothing else may write these tables.
"""

from __future__ import annotations

from typing import Final

_ROWS: Final = (
    "CREATE TABLE IF NOT EXISTS rows (device TEXT, stream TEXT, epoch {bytes}, seq BIGINT, record_id BIGINT, kind TEXT,"
    " t_ns BIGINT, payload {bytes}, PRIMARY KEY (device, stream, epoch, seq)){end}"
)
_MARKS: Final = (
    "CREATE TABLE IF NOT EXISTS marks (device TEXT, stream TEXT, epoch {bytes}, upto BIGINT NOT NULL,"
    " PRIMARY KEY (device, stream, epoch)){end}"
)
SQLITE: Final = tuple(each.format(bytes="BLOB", end=" WITHOUT ROWID") for each in (_ROWS, _MARKS))
POSTGRESQL: Final = tuple(each.format(bytes="BYTEA", end="") for each in (_ROWS, _MARKS))
