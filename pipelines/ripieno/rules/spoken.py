"""An expression of a plan as its author would write it: `look.score >= 0.5`, `share(look.label == "over", last=20)`."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.plan import (
    Aggregate,
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

OR, AND, NOT, COMPARE, SUM, PRODUCT = range(6)  # how tightly each binds, as in the language


def spoken(tree: Expression, aggregates: Sequence[Aggregate], least: int = OR) -> str:
    """Return the text; with parentheses if it binds less tightly than `least`."""

    def say(term: Expression, least: int) -> str:
        return spoken(term, aggregates, least)

    def bound(own: int, text: str) -> str:
        return text if own >= least else f"({text})"

    match tree:
        case Const(value):
            return value_text(value)
        case Operand(_, name, field, _):
            return f"{name}.{field}"
        case AggregateRef(index):
            return aggregate_text(aggregates[index], aggregates)
        case Not(term):
            return bound(NOT, f"not {say(term, NOT)}")
        case And(terms):
            return bound(AND, " and ".join(say(term, NOT) for term in terms))
        case Or(terms):
            return bound(OR, " or ".join(say(term, AND) for term in terms))
        case Compare(sign, left, right):
            return bound(COMPARE, f"{say(left, SUM)} {sign} {say(right, SUM)}")
        case Arithmetic(sign, left, right):
            own = SUM if sign in "+-" else PRODUCT
            return bound(own, f"{say(left, own)} {sign} {say(right, own + 1)}")
        case OneOf(term, values):
            return bound(COMPARE, f"{say(term, SUM)} in ({', '.join(map(value_text, values))})")
        case Otherwise(left, right):
            return bound(OR, f"{say(left, AND)} or {say(right, AND)}")
        case Choice(condition, then, otherwise):
            return bound(OR, f"{say(then, AND)} if {say(condition, AND)} else {say(otherwise, AND)}")
        case Call(function, arguments):
            return f"{function}({', '.join(say(one, OR) for one in arguments)})"


def aggregate_text(aggregate: Aggregate, aggregates: Sequence[Aggregate]) -> str:
    """Return an aggregate as a call."""
    of = spoken(aggregate.of, aggregates)
    if aggregate.function == "since":
        return f"since({of})"
    part = f", {aggregate.argument:g}" if aggregate.function == "quantile" else ""
    last = f"{aggregate.last_ns / 1e9:g}s" if aggregate.last_ns else f"{aggregate.last_samples}"
    least = f", min={aggregate.min_samples}" if aggregate.min_samples else ""
    return f"{aggregate.function}({of}{part}, last={last}{least})"


def value_text(value: object) -> str:
    """Return a value as it stands in a file; None is unknown."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{round(value, 6):g}" if abs(value) < 1e6 else f"{value:.9g}"
    return f'"{value}"' if isinstance(value, str) else str(value)
