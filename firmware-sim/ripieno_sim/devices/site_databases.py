"""SQLite databases of a site: one that bookings go into, one that other programs keep customers in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

Points = Sequence[tuple[str, str, Mapping[str, Any]]]
Records = Mapping[str, Mapping[str | float, Mapping[str, object] | None]]
NONE: Mapping[str, Any] = MappingProxyType({})
COLUMNS = {"name": "full name", "paid": "paid"}
CUSTOMERS: Mapping[str | float, Mapping[str, object] | None] = {
    "4711": {"name": "Ada", "paid": True},
    7.0: {"name": "Grace", "paid": False},
    "a b": {"name": "Über"},
    "twice": None,
}


class StockDatabase:
    """Holds what was booked: the rows are the effects."""

    settings: Mapping[str, Any] = {"path": "stock.sqlite"}
    points: Points = (("stock", "booking", {}), ("letter", "report", {}))
    records: Records = NONE
    tables: Mapping[str, Sequence[str]] = NONE

    def __init__(self, seed: int = 0) -> None:
        """There is nothing yet."""

    def connected(self) -> Any:
        """Nobody connects."""
        raise NotImplementedError

    def effects(self, act: str, outside: Any) -> int:
        """How many rows an act has."""
        ((count,),) = outside.rows("stock.sqlite", "SELECT count(*) FROM bookings WHERE act = ?", (act,)) or ((0,),)
        return int(count)


class CustomerDatabase(StockDatabase):
    """Knows customers."""

    settings: Mapping[str, Any] = {"path": "/srv/crm.sqlite"}
    points: Points = (
        (
            "customers",
            "record",
            {"table": "customers", "key": "number", "columns": {"name": "full name", "paid": "paid"}},
        ),
    )
    tables: Mapping[str, Sequence[str]] = {
        "/srv/crm.sqlite": (
            'CREATE TABLE customers (number TEXT, "full name" TEXT, paid BOOLEAN)',
            "INSERT INTO customers VALUES ('4711', 'Ada', 1), ('7', 'Grace', 0), ('a b', 'Über', NULL)",
            "INSERT INTO customers VALUES ('twice', 'one', 1), ('twice', 'other', 1)",
        )
    }
    records: Records = MappingProxyType({"customers": CUSTOMERS})

    def effects(self, act: str, outside: Any) -> int:
        """Nobody books here."""
        return 0
