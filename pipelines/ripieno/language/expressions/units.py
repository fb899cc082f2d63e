"""What is known about units: which measure the same, and how many of one are one of the other.

A sensor's numbers stay in the unit that the file gives them; what they are compared with or added to is brought into
that unit. A unit that is in no table fits itself alone; a number without one fits every unit. Temperatures have
offsets, so degC, degF and K are three things that do not fit one another.
"""

from __future__ import annotations

import dataclasses

from ripieno.plan import Arithmetic, Const

from .. import quantities
from .typed import DURATION, LENGTH, NUMBER, Typed

# SI prefixes and, for psi and the metric horsepower, NIST SP 811 appendix B.8.
TABLE: dict[str, dict[str, float]] = {
    **{kind: units for kind, units in quantities.UNITS.items() if kind != "size"},
    "pressure": {"Pa": 1, "hPa": 100, "kPa": 1e3, "MPa": 1e6, "mbar": 100, "bar": 1e5, "psi": 6894.757},
    "mass": {"mg": 1e-3, "g": 1, "kg": 1e3, "t": 1e6},
    "force": {"mN": 1e-3, "N": 1, "kN": 1e3},
    "voltage": {"uV": 1e-6, "mV": 1e-3, "V": 1, "kV": 1e3},
    "current": {"uA": 1e-6, "mA": 1e-3, "A": 1},
    "power": {"mW": 1e-3, "W": 1, "kW": 1e3, "MW": 1e6},
    "speed": {"mm/s": 1, "m/s": 1e3, "m/min": 1e3 / 60, "mm/min": 1 / 60},
}
_KINDS = {unit: kind for kind, units in TABLE.items() for unit in units}


def is_known(unit: str) -> bool:
    """Whether the unit is in a table."""
    return unit in _KINDS


def measure_of(typed: Typed) -> tuple[str, float]:
    """Return what a value measures and how many base units one of its own is: ("pressure", 1e5); ("", 1) for a plain
    number.
    """
    if typed.type == DURATION or typed.type == LENGTH:
        return typed.type, 1.0
    if typed.unit:
        kind = _KINDS.get(typed.unit)
        return (kind, TABLE[kind][typed.unit]) if kind else (typed.unit, 1.0)
    return ("percentage", 1.0) if typed.written == "%" else ("", 1.0)


def aligned(left: Typed, right: Typed) -> tuple[Typed, Typed] | None:
    """Return both in one unit and of one type, None where they cannot be. A constant is brought to the other's unit."""
    mine, others = measure_of(left), measure_of(right)
    if mine[0] == others[0]:
        if mine[1] == others[1] and left.type == right.type:
            return left, right
        if isinstance(left.tree, Const) and not isinstance(right.tree, Const):
            return _scaled(left, mine[1] / others[1], right), right
        return left, _scaled(right, others[1] / mine[1], left)
    if left.type != right.type or "" not in (mine[0], others[0]):
        return None
    return left, right


def joined(operator: str, left: Typed, right: Typed) -> tuple[Typed, Typed, str] | None:
    """Return both sides as + - * / joins them and the unit of the result, None where their units forbid it.

    bar * 2 is in bar, bar / bar is a plain number; of bar * mm nothing is known.
    """
    if left.type not in (NUMBER, DURATION, LENGTH) or right.type not in (NUMBER, DURATION, LENGTH):
        return None
    mine, others = measure_of(left)[0], measure_of(right)[0]
    if operator in "+-":
        both = aligned(left, right)
        return None if both is None else (*both, unit_of(*both))
    if operator == "/" and mine == others and mine and (left.unit or right.unit):
        both = aligned(left, right)
        return None if both is None else (*both, "")
    if left.unit and right.unit:
        return left, right, ""
    return left, right, left.unit if operator == "/" else left.unit or right.unit


def all_aligned(values: list[Typed]) -> list[Typed] | None:
    """Return all in the unit of the first that has one, None where that cannot be."""
    first = next((one for one in values if measure_of(one)[0] and not isinstance(one.tree, Const)), None)
    first = first or next((one for one in values if measure_of(one)[0]), values[0])
    pairs = [one if one is first else aligned(first, one) for one in values]
    if any(pair is None for pair in pairs):
        return None
    return [pair[1] if isinstance(pair, tuple) else one for pair, one in zip(pairs, values, strict=True)]


def unit_of(*values: Typed) -> str:
    """Return the unit that aligned values share."""
    return next((one.unit for one in values if one.unit), "")


def shown(typed: Typed) -> str:
    """Return what a value is, for a message: `bar`, `a duration`, `a number`."""
    return typed.unit or ("%" if typed.written == "%" else f"a {typed.type}")


def per_second(unit: str) -> str:
    """Return the unit of how fast such a value changes."""
    return f"{unit}/s" if unit else ""


def _scaled(typed: Typed, factor: float, like: Typed) -> Typed:
    low, high = typed.low * factor, typed.high * factor
    if isinstance(typed.tree, Const):
        number = round(float(typed.tree.value) * factor, 12)
        return dataclasses.replace(
            typed, tree=Const(number), type=like.type, unit=like.unit, written="", low=number, high=number
        )
    tree = Arithmetic("*", typed.tree, Const(factor))
    return dataclasses.replace(typed, tree=tree, type=like.type, unit=like.unit, low=low, high=high)
