"""A condition, term by term: which one is true, false or unknown, and how far each comparison is from turning.

A term is a map for JSON: `term` (its text), `is` (true, false, unknown), and, of a comparison, `left`, `right` and
`margin`: how far it holds (above 0) or what it is short of (below 0; 0 where equality fails or holds exactly);
`why` where it is unknown; `terms` of and, or, not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ripieno.plan import Aggregate, And, Compare, Expression, Not, OneOf, Or
from ripieno.rules import evaluate, operands_of
from ripieno.rules.kleene import Read
from ripieno.rules.spoken import spoken, value_text
from ripieno.values import UNKNOWN

Doubt = Callable[[Read], str]


def terms_of(
    tree: Expression, values: Mapping[Read, Any], aggregates: Sequence[Aggregate], doubt: Doubt
) -> dict[str, Any]:
    """Return the tree as terms. `values`: of each operand; `doubt` says why one is unknown."""
    value = _value(tree, values)
    term: dict[str, Any] = {"term": spoken(tree, aggregates), "is": truth_of(value)}
    match tree:
        case And(inner) | Or(inner):
            term["joined"] = "and" if isinstance(tree, And) else "or"
            term["terms"] = [terms_of(one, values, aggregates, doubt) for one in inner]
            return term
        case Not(one):
            term["joined"] = "not"
            term["terms"] = [terms_of(one, values, aggregates, doubt)]
            return term
        case Compare(sign, left, right):
            pair = _value(left, values), _value(right, values)
            term |= {"left": _plain(pair[0]), "right": _plain(pair[1]), "margin": _margin(sign, *pair)}
        case OneOf(one, _):
            term["left"] = _plain(_value(one, values))
    term["operands"] = {spoken(read, aggregates): _plain(values[read]) for read in operands_of(tree)}
    if value is UNKNOWN:
        doubts = [f"{spoken(read, aggregates)}: {doubt(read)}" for read in operands_of(tree) if values[read] is UNKNOWN]
        term["why"] = "; ".join(doubts) or "it cannot be computed from these values"
    return term


def blocking(term: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the innermost terms that keep this one from being true: none if it is."""
    if term["is"] == "true":
        return []
    if "terms" not in term:
        return [term]
    if term["joined"] == "not":
        return list(_leaves(term["terms"][0]))
    return [leaf for one in term["terms"] for leaf in blocking(one)]


def distance(term: Mapping[str, Any]) -> str:
    """Return in words what a comparison compares, and by how much it holds or fails."""
    if term["is"] == "unknown":
        return str(term.get("why", ""))
    if "margin" not in term:
        return f"it is {value_text(term['left'])}" if "left" in term else ""
    seen = f"{value_text(term['left'])} against {value_text(term['right'])}"
    margin = term["margin"]
    if margin is None:
        return seen
    return f"{seen}: {'by' if term['is'] == 'true' else 'short by'} {value_text(abs(margin))}"


def truth_of(value: object) -> str:
    """Return true, false or unknown; of a number or a text, itself."""
    return "unknown" if value is UNKNOWN else value_text(value)


def _leaves(term: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "terms" not in term:
        return [term]
    return [leaf for one in term["terms"] for leaf in _leaves(one)]


def _value(tree: Expression, values: Mapping[Read, Any]) -> Any:
    reads = operands_of(tree)
    return evaluate(tree, reads, [values[read] for read in reads])


def _plain(value: Any) -> Any:
    if value is UNKNOWN:
        return None
    return round(value, 9) if isinstance(value, float) else value


def _margin(sign: str, left: Any, right: Any) -> float | None:
    if not all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (left, right)):
        return None
    if sign in ("==", "!="):
        margin: float = -abs(left - right) if sign == "==" else abs(left - right)
    else:
        margin = left - right if sign in (">", ">=") else right - left
    return round(margin, 9) if math.isfinite(margin) else None
