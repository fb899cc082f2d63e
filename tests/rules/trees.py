"""Random expression trees of the right types, with random values for their operands."""

from __future__ import annotations

from hypothesis import strategies as st

from ripieno.plan import (
    AggregateRef,
    And,
    Arithmetic,
    Call,
    Choice,
    Compare,
    Const,
    Expression,
    Not,
    OneOf,
    Operand,
    Or,
    Otherwise,
)
from ripieno.values import UNKNOWN

LABELS = ("normal", "over", "under")
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64) | st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e308])
TEXTS = st.sampled_from(LABELS)

_number_leaf = st.one_of(
    NUMBERS.map(Const),
    st.sampled_from([Operand("step", "look", f"n{i}", "number") for i in range(3)]),
    st.integers(0, 2).map(AggregateRef),
)
_text_leaf = st.one_of(TEXTS.map(Const), st.sampled_from([Operand("step", "look", f"t{i}", "text") for i in range(2)]))
_bool_leaf = st.one_of(
    st.booleans().map(Const), st.sampled_from([Operand("input", "door", f"b{i}", "bool") for i in range(2)])
)


def numbers(depth: int) -> st.SearchStrategy[Expression]:
    """Return trees whose value is a number."""
    if depth == 0:
        return _number_leaf
    inner = st.deferred(lambda: numbers(depth - 1))
    return st.one_of(
        _number_leaf,
        st.builds(Arithmetic, st.sampled_from("+-*/"), inner, inner),
        st.builds(Otherwise, inner, inner),
        st.builds(Choice, st.deferred(lambda: conditions(depth - 1)), inner, inner),
        st.builds(Call, st.sampled_from(["abs", "round"]), st.tuples(inner)),
        st.builds(Call, st.sampled_from(["min", "max"]), st.tuples(inner, inner)),
    )


def texts(depth: int) -> st.SearchStrategy[Expression]:
    """Return trees whose value is a text."""
    if depth == 0:
        return _text_leaf
    inner = st.deferred(lambda: texts(depth - 1))
    return st.one_of(_text_leaf, st.builds(Otherwise, inner, inner))


def conditions(depth: int) -> st.SearchStrategy[Expression]:
    """Return trees whose value is a truth value."""
    if depth == 0:
        return _bool_leaf
    inner = st.deferred(lambda: conditions(depth - 1))
    number, text = numbers(depth - 1), texts(depth - 1)
    terms = st.lists(inner, min_size=1, max_size=4).map(tuple)
    signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        _bool_leaf,
        st.builds(And, terms),
        st.builds(Or, terms),
        st.builds(Not, inner),
        st.builds(Compare, signs, number, number),
        st.builds(Compare, st.sampled_from(["==", "!="]), text, text),
        st.builds(OneOf, text, st.lists(TEXTS, min_size=1, max_size=2).map(tuple)),
        st.builds(Choice, inner, inner, inner),
    )


def value_for(read: Operand | AggregateRef) -> st.SearchStrategy[object]:
    """Return values or UNKNOWN for an operand."""
    kind = "number" if isinstance(read, AggregateRef) else read.type
    known: dict[str, st.SearchStrategy[object]] = {"number": NUMBERS, "text": TEXTS, "bool": st.booleans()}
    return known[kind] | st.just(UNKNOWN)
