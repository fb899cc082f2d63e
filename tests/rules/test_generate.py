"""Generated conditions mean what the trees mean, hold no text of a user's, and are fast."""

from __future__ import annotations

import ast
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.trees import conditions, numbers, texts, value_for

from ripieno.plan import And, Arithmetic, Choice, Compare, Const, Expression, Not, OneOf, Operand, Or, Otherwise
from ripieno.rules import evaluate, explain, generate, operands_of, source_of
from ripieno.values import UNKNOWN

LABEL = Operand("step", "look", "label", "text")
SCORE = Operand("step", "look", "score", "number")
GOOD = And((Compare("==", LABEL, Const("normal")), Compare(">=", SCORE, Const(0.5))))


@settings(max_examples=400, deadline=None)
@given(tree=st.one_of(conditions(4), numbers(4), texts(2)), data=st.data())
def test_the_generated_function_says_what_the_interpreter_says(tree: Expression, data: st.DataObject) -> None:
    reads = operands_of(tree)
    function = generate(tree)
    for _ in range(3):
        values = [data.draw(value_for(read)) for read in reads]

        said, meant = function(values), evaluate(tree, reads, values)

        assert said is meant or (said == meant and type(said) is type(meant))
        assert said == said and said not in (float("inf"), float("-inf"))


def kleene(name: str, left: object, right: object) -> object:
    """The truth tables, by order: false < unknown < true."""
    order = {False: 0, UNKNOWN: 1, True: 2}
    pick = min if name == "and" else max
    return pick((left, right), key=lambda value: order[value])  # type: ignore[index]


@pytest.mark.parametrize(("left", "right"), [*itertools.product([True, False, UNKNOWN], repeat=2)])
def test_and_or_not_are_kleenes(left: object, right: object) -> None:
    a, b = Operand("input", "x", "a", "bool"), Operand("input", "x", "b", "bool")

    assert generate(And((a, b)), (a, b))([left, right]) is kleene("and", left, right)
    assert generate(Or((a, b)), (a, b))([left, right]) is kleene("or", left, right)
    assert generate(Not(a), (a, b))([left, right]) is (UNKNOWN if left is UNKNOWN else not left)


@pytest.mark.parametrize(
    ("tree", "values", "expected"),
    [
        (GOOD, ["normal", 0.7], True),
        (GOOD, ["over", UNKNOWN], False),
        (GOOD, ["normal", UNKNOWN], UNKNOWN),
        (GOOD, [UNKNOWN, 0.1], False),
        (Otherwise(LABEL, Const("undecided")), [UNKNOWN], "undecided"),
        (Otherwise(LABEL, Const("undecided")), ["over"], "over"),
        (OneOf(LABEL, ("over", "under")), ["over"], True),
        (OneOf(LABEL, ("over", "under")), [UNKNOWN], UNKNOWN),
        (Arithmetic("/", Const(1.0), SCORE), [0.0], UNKNOWN),
        (Arithmetic("*", Const(1e308), SCORE), [1e308], UNKNOWN),
        (Choice(Compare(">", SCORE, Const(0.5)), Const(1.0), Const(2.0)), [UNKNOWN], UNKNOWN),
        (Choice(Compare(">", SCORE, Const(0.5)), Const(1.0), Const(2.0)), [0.9], 1.0),
    ],
)
def test_unknown_is_not_false(tree: Expression, values: list[object], expected: object) -> None:
    said = generate(tree)(values)

    assert said is expected or said == expected


@settings(max_examples=100, deadline=None)
@given(tree=conditions(4))
def test_the_source_holds_only_names_of_its_own(tree: Expression) -> None:
    source, _ = source_of(tree, operands_of(tree))

    words = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert all(re.fullmatch(r"[ak]\d+|U|M|v|f|abs|round|min|max|float", word) for word in words)
    assert not any(isinstance(node, ast.Attribute) for node in ast.walk(ast.parse(source)))


def test_a_constant_with_python_in_it_stays_a_constant() -> None:
    evil = '"); import os; os._exit(3) #'

    source, constants = source_of(Compare("==", LABEL, Const(evil)), (LABEL,))

    assert evil not in source
    assert constants == (evil,)
    assert generate(Compare("==", LABEL, Const(evil)))([evil]) is True


def test_explain_names_the_operands_with_their_values() -> None:
    assert explain(GOOD, ["over", UNKNOWN]) == (("look.label", "over"), ("look.score", None))


def test_conditions_of_one_shape_share_their_code() -> None:
    """8,000 rules after one pattern must not cost 8,000 compilations, nor the memory of their code."""
    one, other = (generate(And((Compare("==", LABEL, Const(word)), Compare(">=", SCORE, Const(0.5))))) for word in "ab")

    assert one.__code__ is other.__code__  # type: ignore[attr-defined]
    assert one(["a", 0.7]) is True
    assert other(["a", 0.7]) is False
