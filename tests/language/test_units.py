"""Units: what a sensor says stays in its unit; what it meets is brought there, or is told not to fit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno.language.expressions.grammar import Grammar
from ripieno.language.expressions.scope import Scope, Spot
from ripieno.language.expressions.typed import BOOL, NUMBER, TEXT, Field, Source, Typed
from ripieno.language.expressions.units import TABLE, aligned
from ripieno.language.names import Names
from ripieno.language.problems import Report
from ripieno.language.source import Node
from ripieno.plan import AggregateRef, Arithmetic, Compare, Const, Expression, Operand
from ripieno.rules import evaluate, operands_of

UNITS = {
    "pressure": "bar",
    "vacuum": "kPa",
    "temperature": "degC",
    "load": "%",
    "gap": "cm",
    "uptime": "s",
    "slag": "u",
}


def scope() -> Scope:
    report, names = Report("file"), Names()
    names.define("input", "press", (1, 1), "press", report)
    fields = {name: Field(NUMBER, 0, 1000, unit=unit) for name, unit in UNITS.items()}
    fields |= {"plain": Field(NUMBER), "on": Field(BOOL), "mode": Field(TEXT)}
    return Scope(report, names, {"press": Source("input", fields, sampled=True, counted="readings")})


def read(text: str) -> tuple[Typed, Scope]:
    where = scope()
    return Grammar(where, Spot(Node(text, 1, 1, text=text, inner=0), "when")).value(), where


def operand(field: str) -> Operand:
    return Operand("input", "press", field, "number")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("press.load > 80%", Compare(">", operand("load"), Const(80.0))),
        ("press.load > 80", Compare(">", operand("load"), Const(80.0))),
        ("press.gap > 15mm", Compare(">", operand("gap"), Const(1.5))),
        ("2m > press.gap", Compare(">", Const(200.0), operand("gap"))),
        ("press.uptime > 5min", Compare(">", operand("uptime"), Const(300.0))),
        ("press.pressure > 5 bar", Compare(">", operand("pressure"), Const(5.0))),
        ("press.pressure > 500 kPa", Compare(">", operand("pressure"), Const(5.0))),
        ("press.slag > 5 u", Compare(">", operand("slag"), Const(5.0))),
        (
            "press.pressure > press.vacuum",
            Compare(">", operand("pressure"), Arithmetic("*", operand("vacuum"), Const(0.01))),
        ),
        ("press.pressure / press.vacuum > 1", None),
        ("press.pressure * 2 > 5 bar", None),
        ("press.pressure > press.pressure * 105%", None),
        ("press.plain > 5%", Compare(">", operand("plain"), Const(0.05))),
        ("(press.pressure or 1 bar) > 2", None),
        ("max(press.pressure, press.vacuum) > 2 bar", None),
        ("mean(press.load, last=10s) > 80%", Compare(">", AggregateRef(0), Const(80.0))),
    ],
)
def test_values_of_one_kind_meet_in_one_unit(text: str, tree: Expression | None) -> None:
    typed, where = read(text)

    assert where.report.found == []
    assert tree is None or typed.tree == tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("press.pressure > press.temperature", "cannot compare bar with degC"),
        ("press.pressure > 5 degC", "cannot compare bar with degC"),
        ("press.pressure > 5s", "cannot compare bar with a duration"),
        ("press.pressure > 5%", "cannot compare bar with %"),
        ("press.gap + press.uptime > 1", "'+' cannot join cm and s"),
        ("press.gap - 5s > 1", "'-' cannot join cm and a duration"),
        ("press.plain > 5s", "cannot compare a number with a duration"),
        ("10mm + 5s > 1s", "'+' cannot join a length and a duration"),
        ("min(press.pressure, press.temperature) > 1", "min wants numbers of one unit (got bar and degC)"),
        ("(press.pressure if press.on else press.temperature) > 1", "both values should be of one type"),
        ("(press.pressure or press.temperature) > 1", "'or' cannot join bar and degC"),
        ("press.pressure in (1 bar, 5 degC)", "cannot compare bar with degC"),
        ("press.pressure > 5 brr", "'5 brr' is not a value here"),
        ("trend(press.uptime, last=9s) > mean(press.gap, last=9s)", "cannot compare s/s with cm"),
    ],
)
def test_units_that_do_not_fit_are_told(text: str, message: str) -> None:
    typed, where = read(text)

    assert typed.is_poison
    assert [message in one.message for one in where.report.found] == [True]


def test_a_range_that_is_converted_still_says_what_can_never_hold() -> None:
    typed, where = read("press.gap > 20m")

    assert typed.is_poison
    assert "can never hold" in where.report.found[0].message


ALL_UNITS = st.sampled_from([unit for units in TABLE.values() for unit in units])


@given(left=ALL_UNITS, right=ALL_UNITS, a=st.floats(-1e6, 1e6), b=st.floats(-1e6, 1e6))
def test_an_aligned_comparison_says_what_base_units_say(left: str, right: str, a: float, b: float) -> None:
    kinds = {unit: (kind, factor) for kind, units in TABLE.items() for unit, factor in units.items()}
    (kind, mine), (other, others) = kinds[left], kinds[right]
    one, two = (Operand("input", "x", name, "number") for name in "ab")

    both = aligned(Typed(one, NUMBER, unit=left), Typed(two, NUMBER, unit=right))

    assert (both is not None) == (kind == other)
    if both is not None:
        difference = Arithmetic("-", both[0].tree, both[1].tree)
        found = evaluate(difference, operands_of(difference), (a, b))
        assert math.isclose(found, a - b * others / mine, rel_tol=1e-9, abs_tol=1e-9)
