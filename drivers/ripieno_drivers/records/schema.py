"""What a look-up says to SQLite, and whether the database has what it names.

Every column is written `r."name"`: alone, SQLite takes a quoted name that no column has for a text, and a misspelt
column would be found in every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ripieno.contracts.ports import Transaction
from ripieno.errors import DeviceError


class Wanted(Protocol):
    """What the device file says of one input."""

    @property
    def table(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def columns(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Query:
    """`sql` takes the key. `truths`: fields whose column is declared as a truth value. `scans`: there is no index."""

    sql: str
    fields: tuple[str, ...]
    truths: frozenset[str]
    scans: bool


def prepared(tx: Transaction, input: str, wanted: Wanted) -> Query:
    """Return the look-up of one input.

    Raises:
        DeviceError: there is no such table or column; what there is stands in the message.
    """
    declared: dict[str, str] = {
        name: kind
        for _, name, kind, *_ in tx.execute("SELECT * FROM pragma_table_xinfo(?)", (wanted.table,)).fetchall()
    }
    if not declared:
        tables = [name for (name,) in tx.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        raise DeviceError(f"{input}: there is no table {wanted.table!r}; {_have('tables', wanted.table, tables)}")
    folded = {name.lower(): name for name in declared}  # SQLite's names know no case
    for column in (wanted.key, *wanted.columns.values()):
        if column.lower() not in folded:
            have = _have("columns", column, list(declared))
            raise DeviceError(f"{input}: table {wanted.table!r} has no column {column!r}; {have}")
    columns = ", ".join(f"r.{quoted(column)}" for column in wanted.columns.values())
    sql = f"SELECT {columns} FROM {quoted(wanted.table)} AS r WHERE r.{quoted(wanted.key)} = ? LIMIT 2"
    plan = tx.execute(f"EXPLAIN QUERY PLAN {sql}", (0,)).fetchall()
    truths = [
        field for field, column in wanted.columns.items() if declared[folded[column.lower()]].upper()[:4] == "BOOL"
    ]
    return Query(sql, tuple(wanted.columns), frozenset(truths), any(str(row[-1]).startswith("SCAN") for row in plan))


def quoted(name: str) -> str:
    """Return a name as SQL writes it, whatever signs are in it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def as_truth(value: object) -> object:
    """Return the truth value that SQLite keeps as a number, anything else as it is."""
    return bool(value) if isinstance(value, int) and value in (0, 1) else value


def _have(what: str, wanted: str, names: Sequence[str]) -> str:
    if not names:
        return f"it has no {what}"
    from difflib import get_close_matches  # for a typo only; a device that has none need not carry it

    near = get_close_matches(wanted, names, 1)
    shown = ", ".join(sorted(names)[:20])
    return f"did you mean {near[0]!r}? {what}: {shown}" if near else f"{what}: {shown}"
