"""Expressions: whatever is written becomes a bounded tree or a problem; units, aggregates, types mean what they say."""

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language.bench import pipeline_plan, shipped

from ripieno.language.expressions.grammar import Grammar
from ripieno.language.expressions.scope import Scope, Spot
from ripieno.language.expressions.syntax import MAX_DEPTH, MAX_NODES
from ripieno.language.expressions.typed import BOOL, DURATION, NUMBER, TEXT, Field, Source, Typed
from ripieno.language.names import Names
from ripieno.language.problems import Report
from ripieno.language.source import Node
from ripieno.plan import (
    Aggregate,
    AggregateRef,
    And,
    Arithmetic,
    Choice,
    Compare,
    Const,
    Expression,
    OneOf,
    Operand,
    Otherwise,
)
from ripieno.rules import generate, operands_of
from ripieno.values import UNKNOWN

LABEL = Operand("step", "look", "label", "text")
SCORE = Operand("step", "look", "score", "number")
BAR = Operand("input", "press", "bar", "number")
ON = Operand("input", "press", "on", "bool")
S = 1_000_000_000


def scope() -> Scope:
    report, names = Report("file"), Names()
    for kind, name in (("step", "look"), ("input", "press"), ("output", "flow")):
        names.define(kind, name, (1, 1), name, report)
    fields = {"label": Field(TEXT, labels=("normal", "over", "under")), "score": Field(NUMBER, 0, 1)}
    sources = {
        "look": Source("step", fields, "part", True),
        "press": Source("input", {"bar": Field(NUMBER), "on": Field(BOOL)}, sampled=True, counted="readings"),
        "flow": Source("output", {"value": Field(NUMBER, 60, 140)}),
    }
    return Scope(report, names, sources)


def read(text: str, each: str = "part") -> tuple[Typed, Scope]:
    where = scope()
    return Grammar(where, Spot(Node(text, 1, 1, text=text, inner=0), "when", each)).value(), where


def nodes(tree: Expression) -> int:
    return 1 + sum(
        nodes(one)
        for field in dataclasses.fields(tree)
        for value in [getattr(tree, field.name)]
        for one in (value if isinstance(value, tuple) else (value,))
        if dataclasses.is_dataclass(one)
    )


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("look.score >= 50%", Compare(">=", SCORE, Const(0.5))),
        ("look.score >= .5", Compare(">=", SCORE, Const(0.5))),
        ("0.2 < look.score <= 0.4", And((Compare("<", Const(0.2), SCORE), Compare("<=", SCORE, Const(0.4))))),
        ('look.label in ("over", "under")', OneOf(LABEL, ("over", "under"))),
        ('look.label or "undecided"', Otherwise(LABEL, Const("undecided"))),
        ("look.score * 2 + 1", Arithmetic("+", Arithmetic("*", SCORE, Const(2.0)), Const(1.0))),
        ("-5", Const(-5.0)),
        ("+5", Const(5.0)),
        ("2 * 3", Const(6.0)),
        ("60ms", Const(60e6)),
        ("2 s + 10ms", Const(2.01e9)),
        ("12cm", Const(120.0)),
        ("10s / 2s", Const(5.0)),
        ("1 if press.on else 2", Choice(Operand("input", "press", "on", "bool"), Const(1.0), Const(2.0))),
        ("press.bar\n   > 5", Compare(">", Operand("input", "press", "bar", "number"), Const(5.0))),
        ("'défaut'", Const("défaut")),
    ],
)
def test_an_expression_becomes_its_tree(text: str, tree: Expression) -> None:
    typed, where = read(text)

    assert where.report.found == []
    assert typed.tree == tree


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ('"défaut" == look.lable', 13),
        ("60ms < 10mm", 8),
        ("5% == look.scor", 7),
        ("share(look.scor > 5%, last=20 parts) > 10%", 7),
    ],
)
def test_columns_stay_though_units_are_hidden(text: str, column: int) -> None:
    _, where = read(text)

    assert [one.column for one in where.report.found] == [column]


def test_the_same_aggregate_is_kept_once_for_the_whole_pipeline() -> None:
    twice = 'share(look.label == "over", last=20 parts, min=10)'

    typed, where = read(f"{twice} - {twice.replace('20 parts', '20  parts')} > 0.1 or {twice} > 0.9", "")

    assert not typed.is_poison and where.report.found == []
    assert len(where.aggregates) == 1
    assert operands_of(typed.tree) == (AggregateRef(0),)
    assert [one.function for one in pipeline_plan().aggregates] == ["share"] * 4


def test_min_and_max_are_functions_of_values_or_aggregates_of_results() -> None:
    plain, _ = read("max(press.bar, 5) > 6")
    window, where = read("max(look.score, last=10s) > 0.5", "")

    assert operands_of(plain.tree) == (Operand("input", "press", "bar", "number"),)
    assert [one.function for one in where.aggregates] == ["max"]
    assert window.type == BOOL


@pytest.mark.parametrize(
    ("text", "aggregate", "kind"),
    [
        (
            "quantile(look.score, 95%, last=60s, min=5)",
            Aggregate("quantile", "look", SCORE, 60 * S, 0, 5, 0.95),
            NUMBER,
        ),
        ("deviation(look.score, last=20 parts)", Aggregate("deviation", "look", SCORE, 0, 20, 1), NUMBER),
        ("trend(press.bar, last=1min)", Aggregate("trend", "press", BAR, 60 * S, 0, 1), NUMBER),
        ("changed(look.label, last=10s)", Aggregate("changed", "look", LABEL, 10 * S, 0, 1), BOOL),
        ("changed(press.on, last=9 readings)", Aggregate("changed", "press", ON, 0, 9, 1), BOOL),
        ("since(press.on)", Aggregate("since", "press", ON, 0, 0, 1), DURATION),
        ("mean(press.bar, last=10s)", Aggregate("mean", "press", BAR, 10 * S, 0, 1), NUMBER),
    ],
)
def test_a_window_samples_a_step_or_an_input(text: str, aggregate: Aggregate, kind: str) -> None:
    typed, where = read(text, "")

    assert where.report.found == []
    assert (where.aggregates, typed.type) == ((aggregate,), kind)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantile(look.score, last=60s) > 1", "wants one value to sample and which quantile"),
        ("quantile(look.score, 1.5, last=60s) > 1", "a quantile is a constant from 0 to 1"),
        ("quantile(press.bar, press.bar, last=60s) > 1", "a quantile is a constant from 0 to 1"),
        ("since(press.on, last=10s) > 1s", "unknown key 'last' of since"),
        ("since(press.bar) > 1s", "since wants a condition (got a number)"),
        ("since(press.on) > 5", "cannot compare a duration with a number"),
        ("trend(look.label, last=10s) > 1", "trend wants a number (got a text)"),
        ("changed(press.on)", "changed wants its window, last=..."),
        ("mean(press.bar, last=5 parts) > 1", "last wants a count such as 20 readings"),
        ("share(press.on and look.score > 0.5, last=9s) > 1", "exactly one step or input (got press, look)"),
        ("deviation(look.score, last=10s) > 0.6", "can never hold"),
    ],
)
def test_a_window_that_cannot_be_is_told(text: str, message: str) -> None:
    _, where = read(text, "")

    assert [message in one.message for one in where.report.found] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "press.bar > 5 and press.bar < 5",
        "press.bar >= 5 and not press.bar > 4",
        "press.on and not press.on",
        "press.on == true and press.on == false",
        'look.label == "over" and look.label != "over"',
        'look.label in ("over", "under") and look.label == "normal"',
        'look.label == "over" and not (look.label == "over" or look.score > 0.5)',
    ],
)
def test_conditions_that_contradict_one_another_are_told(text: str) -> None:
    _, where = read(text)

    assert [one.message for one in where.report.found] == ["can never hold"]


@pytest.mark.parametrize("text", ["press.bar >= 5 and press.bar <= 5", 'look.label == "over" or not press.on'])
def test_conditions_that_can_hold_are_let_through(text: str) -> None:
    assert read(text)[1].report.found == []


def test_all_problems_of_an_expression_are_told() -> None:
    _, where = read("look.scor > 0.5 and look.label == 5 or nothing.here > 2")

    assert [one.column for one in where.report.found] == [1, 35, 40]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('ls')",
        "look.score.__class__",
        "().__class__.__bases__",
        "[x for x in look.score]",
        "lambda x: x",
        "exec('1')",
        "open('/etc/passwd')",
        "(yield)",
        "await look",
        "look.score[0]",
        "f'{look}'",
        "b'x' == look.label",
        "look.score ** 99999",
        "9**9**9**9",
        "1e400",
        "1j",
        "...",
        "None",
        "look.score if look.score",
        "*look.score",
        "min(*look.score)",
        "min(**look.score)",
        "x := 5",
        "look.score; look.score",
        "ｌｏｏｋ.score",
        "look.scοre",
        "\u202elook.score",
        "look.score\x00",
        "0x10 > 1",
        "1_000 > 1",
        "010 > 1",
        "(" * 500,
        "-" * 500 + "1",
        "not " * 400 + "true",
        "a" * 3000,
        "look.score > 1 or " * 80 + "look.score > 1",
        "+".join(["1"] * 150),
        "1 if true else " * 100 + "2",
        "look" + ".a" * 500,
        "share(" * 60 + ")" * 60,
        "",
        " ",
        "'",
        "#",
        "\\",
    ],
)
def test_what_is_not_the_language_is_a_problem_within_a_few_milliseconds(text: str) -> None:
    began_s = time.process_time()
    typed, where = read(text)
    took_s = time.process_time() - began_s

    assert typed.is_poison
    assert where.report.found
    assert took_s < 0.02


VOCABULARY = """
look press flow score label bar on value . . . ( ) ( ) [ ] , and or not in if else == != < <= > >= + - * / ** %
"over" "normal" 'x' true false 0 1 0.5 20 60ms 5% 10mm share count mean min max rate abs round last = parts 60s
__class__ _x lambda for is None := : @ \\ é о 1e5 1e309 part gate.open
"""
WORDS = st.sampled_from(VOCABULARY.split())


@settings(max_examples=600, deadline=None)
@given(text=st.one_of(st.lists(WORDS, max_size=25).map(" ".join), st.lists(WORDS, max_size=25).map("".join), st.text()))
def test_any_text_is_a_problem_or_a_bounded_tree(text: str) -> None:
    typed, where = read(text)

    assert typed.is_poison == bool(where.report.found)
    if not typed.is_poison:
        assert nodes(typed.tree) <= 2 * MAX_NODES
        reads = operands_of(typed.tree)
        assert {type(one) for one in reads} <= {Operand, AggregateRef}
        generate(typed.tree)([UNKNOWN] * len(reads))


def test_the_largest_and_the_deepest_expression_that_pass_are_bounded() -> None:
    wide, _ = read(" and ".join(["press.bar > 5"] * 45))
    deep, _ = read("(" * 25 + "press.bar" + " + 1)" * 25)
    too_wide, where = read(" and ".join(["press.bar > 5"] * 100))

    assert not wide.is_poison and nodes(wide.tree) <= MAX_NODES
    assert not deep.is_poison and MAX_DEPTH == 30
    assert too_wide.is_poison and "too large" in where.report.found[0].message


def test_the_shipped_text_is_kept_for_people() -> None:
    assert pipeline_plan(shipped()).rules[0].text == 'look.label == "normal" and look.score >= 0.50'
