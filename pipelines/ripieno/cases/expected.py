"""What a case may expect, held against the plan: which rules, outputs and words there are, and what is counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from ripieno.language.nearest import did_you_mean
from ripieno.language.problems import Report
from ripieno.language.shape import is_mapping, join
from ripieno.language.source import Node
from ripieno.plan import AskStep, PipelinePlan

CHECKS = ("verdicts", "acts", "values", "booked", "fired", "verified", "undone", "alarms", "asked", "closed")
UNDECIDED = "undecided"
COUNTED_UNDER = {"pulse": "acts", "setpoint": "values"}
MOVING = ("good", "defective")


class Expected:
    """Checks what `then` and `expect` say."""

    def __init__(self, plan: PipelinePlan, report: Report) -> None:
        self._report = report
        rules = [rule.name for rule in plan.rules]
        counted = {output.name: COUNTED_UNDER.get(output.kind, "booked") for output in plan.outputs}
        self._counted_under = counted
        self._named: Mapping[str, tuple[str, Collection[str]]] = {
            **{key: ("output", [n for n, k in counted.items() if k == key]) for key in ("acts", "values", "booked")},
            "asked": ("question", [one.name for one in plan.flow if isinstance(one, AskStep)]),
            **dict.fromkeys(("fired", "verified", "undone"), ("rule", rules)),
        }
        moves = MOVING if any(not item.stands for item in plan.items) else ()
        self._verdicts = dict.fromkeys([*moves, *(rule.verdict for rule in plan.rules if rule.verdict), UNDECIDED])

    def check(self, given: Node, path: str) -> None:
        """Report what no run could ever hold."""
        for key, node in given.mapping.items():
            below = join(path, key)
            if key not in CHECKS:
                self._report.add(*given.keys[key], below, f"there is no check '{key}'", did_you_mean(key, CHECKS))
            elif key == "verdicts":
                self._check_verdicts(node, below)
            elif key == "alarms" and isinstance(node.value, tuple):
                self._texts(node, below)
            elif is_mapping(node, below, self._report):
                self._counted(key, node, below)

    def _check_verdicts(self, node: Node, path: str) -> None:
        if isinstance(node.value, dict):
            self._names("verdict", node, path, self._verdicts, _COUNT)
            return
        listed = node.value if isinstance(node.value, tuple) else (node,)
        for one in listed:
            if one.value not in self._verdicts:
                shown = one.text[:60] or "a list or a mapping"
                hint = did_you_mean(one.text, self._verdicts) or f"there is {', '.join(self._verdicts)}"
                self._report.add(one.line, one.column, path, f"nothing is ever '{shown}'", hint)

    def _texts(self, node: Node, path: str) -> None:
        for one in node.value if isinstance(node.value, tuple) else ():
            if not isinstance(one.value, str):
                self._report.add(one.line, one.column, path, "should be the code of an alarm", "such as picture-dark")

    def _counted(self, key: str, node: Node, path: str) -> None:
        what, known = self._named.get(key, ("", None))
        fits = {"values": _NUMBER, "booked": _BOOKED}.get(key, _COUNT)
        self._names(what, node, path, known, fits)

    def _names(self, what: str, node: Node, path: str, known: Collection[str] | None, fits: _Fits) -> None:
        for name, value in node.mapping.items():
            below = join(path, name)
            if known is not None and name not in known:
                under = self._counted_under.get(name) if what == "output" else None
                hint = f"it is told under '{under}'" if under else did_you_mean(name, known)
                message = f"is not told here: '{name}' is another kind of output" if under else ""
                self._report.add(*node.keys[name], below, message or f"there is no {what} '{name}'", hint)
            elif not fits[0](value):
                self._report.add(value.line, value.column, below, f"should be {fits[1]}")


_Fits = tuple[Callable[[Node], bool], str]


def _is_number(node: Node) -> bool:
    return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


def _is_count(node: Node) -> bool:
    return isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 0


def _is_booked(node: Node) -> bool:
    if isinstance(node.value, tuple):
        return all(isinstance(one.value, dict) for one in node.value)
    return _is_count(node)


_NUMBER: _Fits = (_is_number, "a number")
_COUNT: _Fits = (_is_count, "a whole number, how often")
_BOOKED: _Fits = (_is_booked, "how many, or a list of {verb: ..., field: value}")
