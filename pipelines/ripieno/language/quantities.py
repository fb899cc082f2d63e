"""Quantities: a number with a unit, as files write them: `60ms`, `5%`, `120mm`, `50Hz`, `2GB`, `20 parts`.

In plans durations are ns, lengths mm, rates Hz, percentages fractions, sizes bytes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from .nearest import nearest

UNITS: dict[str, dict[str, float]] = {
    "duration": {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9, "d": 86400e9},
    "length": {"mm": 1, "cm": 10, "m": 1000},
    "percentage": {"%": 0.01},
    "rate": {"Hz": 1, "kHz": 1000},
    "size": {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30},
}
EXAMPLES = {
    "duration": "a duration such as 60ms",
    "length": "a length such as 120mm",
    "percentage": "a percentage such as 5%",
    "rate": "a rate such as 50Hz",
    "size": "a size such as 100MB",
    "count": "a count such as 20 parts",
}
_KINDS = {unit: kind for kind, units in UNITS.items() for unit in units}
_WHOLE = {"duration", "size", "count"}
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3}(?![A-Za-z0-9]))?")
_WORD = re.compile(r"%|[A-Za-z]+\Z")


@dataclass(frozen=True, slots=True)
class Amount:
    """A parsed quantity. `word`: what a count counts."""

    kind: str
    value: float
    word: str = ""


class NotAQuantity(ValueError):
    """`message` for the place, `hint` behind it."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(message)


def amount(number: float, unit: str) -> Amount:
    """Return the quantity; an unknown word is taken as what a count counts. Raises NotAQuantity if it is not finite."""
    kind = _KINDS.get(unit)
    if kind is None:
        return Amount("count", number, unit)
    value = number * UNITS[kind][unit]
    if not math.isfinite(value):
        raise NotAQuantity("should be a finite number")
    return Amount(kind, float(round(value)) if kind in _WHOLE else round(value, 12))


def read(written: object, *kinds: str) -> Amount:
    """Return the quantity, of one of these kinds. Raises NotAQuantity."""
    wanted = " or ".join(EXAMPLES[kind] for kind in kinds)
    if isinstance(written, (int, float)) and not isinstance(written, bool):
        if written == 0:
            raise NotAQuantity(f"wants {wanted} (got {written}, without a unit)", f"write 0{_first(kinds[0])}")
        example = f"{written}{_first(kinds[0])}"
        raise NotAQuantity(f"wants {wanted} (got {written}, without a unit)", f"write {example} if you mean that")
    if not isinstance(written, str):
        raise NotAQuantity(f"wants {wanted}")
    text = written.strip()[:64]
    number = _NUMBER.match(text)
    unit = text[number.end() :].strip() if number else ""
    if number is None or not _WORD.match(unit):
        raise NotAQuantity(f"wants {wanted} (got '{text}')")
    found = amount(float(number.group()), unit)
    if found.kind in kinds:
        return found
    if found.kind == "count":
        known = [one for kind in kinds for one in UNITS.get(kind, ())]
        near = nearest(unit, known)
        hint = f"did you mean '{near}'?" if near else f"units are {', '.join(known)}"
        raise NotAQuantity(f"wants {wanted} (got '{text}', of unknown unit '{unit}')", hint)
    hint = "minutes are written 'min'" if unit == "m" and "duration" in kinds else ""
    raise NotAQuantity(f"wants {wanted} (got '{text}', a {found.kind})", hint)


def show(kind: str, value: float) -> str:
    """Return the quantity as a file would write it, with the largest unit that gives a number of 1 or more."""
    if value == 0 or kind not in UNITS:
        return f"{value:g}"
    units = [(factor, unit) for unit, factor in UNITS[kind].items() if _is_whole(value / factor)]
    least = min((factor, unit) for unit, factor in UNITS[kind].items())
    factor, unit = max(units, default=least)
    return f"{value / factor:g}{unit}"


def _is_whole(number: float) -> bool:
    return abs(number) > 0.999 and abs(number - round(number)) < 1e-9


def _first(kind: str) -> str:
    return {"duration": "ms", "length": "mm", "percentage": "%", "rate": "Hz", "size": "MB", "count": " parts"}[kind]


@dataclass(frozen=True, slots=True)
class Quantity:
    """Marks a number that files write with a unit: `Annotated[int, Quantity("duration"), Gt(0)]`."""

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Read the quantity before the number is checked."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self._number, handler(source))

    def _number(self, written: object) -> float:
        value = _reading(written, self.kind).value
        return int(value) if self.kind in _WHOLE else value


@dataclass(frozen=True, slots=True)
class AmountOf:
    """Marks an `Amount` of one of several kinds: `Annotated[Amount, AmountOf("count", "duration")]`."""

    kinds: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Read the quantity; it needs no further check."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(lambda written: _reading(written, *self.kinds))


def _reading(written: object, *kinds: str) -> Amount:
    from pydantic_core import PydanticCustomError

    try:
        return read(written, *kinds)
    except NotAQuantity as error:
        raise PydanticCustomError("quantity", "{why}", {"why": error.message, "hint": error.hint}) from error
