"""A condition's tree, term by term: truth, margin, and who blocks; always what the rules' own interpreter says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.trees import conditions, value_for

from ripieno.plan import Aggregate, And, Compare, Const, Not, OneOf, Operand, Or
from ripieno.rules import evaluate, operands_of
from ripieno.rules.spoken import aggregate_text, spoken
from ripieno.values import UNKNOWN
from ripieno_daemon.inquiry.terms import blocking, distance, terms_of, truth_of

HEAT = Operand("input", "oven", "heat", "number")
LABEL = Operand("step", "look", "label", "text")
HOT = Compare(">=", HEAT, Const(80.0))
GOOD = Compare("==", LABEL, Const("normal"))
WINDOWS = tuple(Aggregate("share", "look", GOOD, 0, 20, 10) for _ in range(3))


def told(tree: Any, **values: object) -> dict[str, Any]:
    known = {HEAT: values.get("heat", UNKNOWN), LABEL: values.get("label", UNKNOWN)}
    return terms_of(tree, known, WINDOWS, lambda read: "it was not there")


@settings(max_examples=150, deadline=None)
@given(data=st.data(), tree=conditions(3))
def test_every_tree_is_told_as_the_rules_take_it(data: st.DataObject, tree: Any) -> None:
    reads = operands_of(tree)
    values = {read: data.draw(value_for(read)) for read in reads}
    term = terms_of(tree, values, WINDOWS, lambda read: "why")

    assert term["is"] == truth_of(evaluate(tree, reads, [values[read] for read in reads]))
    assert (term["is"] == "true") == (blocking(term) == [])
    assert all(isinstance(distance(leaf), str) for leaf in blocking(term))
    json.dumps(term, allow_nan=False)


@pytest.mark.parametrize(
    ("sign", "heat", "margin"),
    [(">=", 83.5, 3.5), (">=", 78.0, -2.0), ("<", 78.0, 2.0), ("<", 80.0, 0.0), ("==", 81.0, -1.0), ("!=", 81.0, 1.0)],
)
def test_a_margin_is_how_far_it_holds_or_what_it_is_short_of(sign: str, heat: float, margin: float) -> None:
    assert told(Compare(sign, HEAT, Const(80.0)), heat=heat)["margin"] == margin


def test_only_the_terms_that_block_are_named() -> None:
    both = told(And((HOT, GOOD)), heat=90.0, label="over")
    either = told(Or((HOT, GOOD)), heat=70.0, label="over")
    neither = told(Not(HOT), heat=90.0)

    assert [leaf["term"] for leaf in blocking(both)] == ['look.label == "normal"']
    assert len(blocking(either)) == 2
    assert [distance(leaf) for leaf in blocking(neither)] == ["90 against 80: by 10"]
    assert blocking(told(And((HOT, GOOD)), heat=90.0, label="normal")) == []


def test_an_unknown_term_says_why() -> None:
    term = told(And((HOT, GOOD)), label="normal")

    assert term["is"] == "unknown"
    assert blocking(term)[0]["why"] == "oven.heat: it was not there"


def test_text_reads_as_it_was_written() -> None:
    tree = Or((And((HOT, Not(GOOD))), OneOf(LABEL, ("over", "under"))))

    assert spoken(tree, WINDOWS) == 'oven.heat >= 80 and not look.label == "normal" or look.label in ("over", "under")'
    assert spoken(And((Or((HOT, GOOD)), HOT)), WINDOWS).startswith("(oven.heat >= 80 or look.label ==")


def test_aggregates_read_as_they_were_written() -> None:
    aggregates = (
        Aggregate("since", "oven", GOOD, 0, 0, 0),
        Aggregate("quantile", "oven", HEAT, 60_000_000_000, 0, 10, 0.95),
        Aggregate("trend", "oven", HEAT, 0, 20, 1),
    )

    assert [aggregate_text(one, aggregates) for one in aggregates] == [
        'since(look.label == "normal")',
        "quantile(oven.heat, 0.95, last=60s, min=10)",
        "trend(oven.heat, last=20, min=1)",
    ]
