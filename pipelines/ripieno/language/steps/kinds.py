"""Which kind of step an entry is: the key that says what it does, though it may be misspelt."""

from __future__ import annotations

from ..hints import hints_of
from ..nearest import did_you_mean, nearest
from ..problems import Report
from ..sections.steps import STEPS
from ..shape import is_mapping
from ..source import Node

_KNOWN = frozenset(key for cls in STEPS.values() for key in hints_of(cls))


def kind_of(node: Node, path: str, report: Report) -> str | None:
    """Return the kind of a step, None after reporting that it has none. A misspelt one is left to who builds it."""
    if not is_mapping(node, path, report):
        return None
    kinds = [key for key in node.mapping if key in STEPS]
    if len(kinds) > 1:
        line, column = node.keys[kinds[1]]
        hint = "make two steps of it"
        report.add(line, column, f"{path}.{kinds[1]}", f"does two things: {' and '.join(kinds)}", hint)
        return None
    if kinds:
        return kinds[0]
    strange = [key for key in node.mapping if key not in _KNOWN]
    likely = [near for key in strange if (near := nearest(key, STEPS)) is not None]
    if likely:
        return likely[0]
    if strange:
        line, column = node.keys[strange[0]]
        hint = did_you_mean(strange[0], STEPS)
        report.add(line, column, f"{path}.{strange[0]}", f"there is no kind of step '{strange[0]}'", hint)
        return None
    what = "does not say what it does"
    report.add(node.line, node.column, path, what, f"one of the keys {', '.join(STEPS)}")
    return None
