"""An expression tree as a person would write it."""

from __future__ import annotations

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


def worded(tree: Expression) -> str:
    """Return the tree in the language's own signs; aggregates by their number in the plan."""
    match tree:
        case Const(value):
            return _constant(value)
        case Operand(_, name, field):
            return f"{name}.{field}"
        case AggregateRef(index):
            return f"aggregate#{index}"
        case Not(term):
            return f"not {worded(term)}"
        case And(terms):
            return " and ".join(map(worded, terms))
        case Or(terms):
            return f"({' or '.join(map(worded, terms))})"
        case Compare(sign, left, right) | Arithmetic(sign, left, right):
            return f"{worded(left)} {sign} {worded(right)}"
        case OneOf(term, values):
            return f"{worded(term)} in ({', '.join(map(_constant, values))})"
        case Choice(condition, then, otherwise):
            return f"{worded(then)} if {worded(condition)} else {worded(otherwise)}"
        case Otherwise(left, right):
            return f"{worded(left)} or {worded(right)}"
        case Call(function, arguments):
            return f"{function}({', '.join(map(worded, arguments))})"


def _constant(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"
