"""Steps that are answered at once: values made from values.

Each gives its fields by name, without those that are unknown, or None with the reason where nothing can be said.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable
from typing import Union

from ripieno.plan import AggregateRef, AgreeStep, FindStep, MapStep, Operand, RouteStep
from ripieno.values import UNKNOWN

from ..condition import Condition
from .finding import find

LookUp = Callable[[Operand | AggregateRef], object]
Answer = tuple[dict[str, object] | None, str]
InstantStep = Union[MapStep, FindStep, RouteStep, AgreeStep]


def computed(step: InstantStep) -> Callable[[LookUp], Answer]:
    """Return the function that answers this step, given what its operands are."""
    match step:
        case MapStep():
            return _mapped(step)
        case FindStep():
            return _found(step)
        case RouteStep():
            return _routed(step)
        case AgreeStep():
            return _agreed(step)


def _mapped(step: MapStep) -> Callable[[LookUp], Answer]:
    fields = [(name, Condition(tree)) for name, tree in step.fields]

    def answer(look_up: LookUp) -> Answer:
        values = {name: of.value(look_up)[0] for name, of in fields}
        return {name: value for name, value in values.items() if value is not UNKNOWN}, ""

    return answer


def _found(step: FindStep) -> Callable[[LookUp], Answer]:
    text = Condition(step.text)

    def answer(look_up: LookUp) -> Answer:
        value, _ = text.value(look_up)
        if not isinstance(value, str):
            return None, "there is no text to look into"
        found = {one.field: find(one, value) for one in step.finds}
        return {name: value for name, value in found.items() if value is not None}, ""

    return answer


def _routed(step: RouteStep) -> Callable[[LookUp], Answer]:
    branches = [(name, Condition(tree)) for name, tree in step.branches]

    def answer(look_up: LookUp) -> Answer:
        for name, condition in branches:
            value, _ = condition.value(look_up)
            if value is True:
                return {"branch": name}, ""
            if value is UNKNOWN:
                return {"branch": step.unknown}, f"whether branch {name} holds is unknown"
        return None, "no branch holds"

    return answer


def _agreed(step: AgreeStep) -> Callable[[LookUp], Answer]:
    sources = [Condition(tree) for tree in step.of]

    def answer(look_up: LookUp) -> Answer:
        known = [value for of in sources if (value := of.value(look_up)[0]) is not UNKNOWN]
        agreed, votes = (
            (_cluster(known, step.tolerance) if step.tolerance else _majority(known)) if known else (None, 0)
        )
        if votes < step.at_least:
            return None, f"{votes} of {len(sources)} agree, {step.at_least} should"
        return {"agreed": agreed, "votes": float(votes)}, ""

    return answer


def _majority(known: list[object]) -> tuple[object, int]:
    """Return the most frequent value and its votes; no votes where two are as frequent."""
    (first, votes), *others = Counter(known).most_common(2)
    return (None, 0) if others and others[0][1] == votes else (first, votes)


def _cluster(known: list[object], tolerance: float) -> tuple[object, int]:
    """Return the median of the largest group of numbers that lie within the tolerance, and its size.

    No votes where two groups without a common number are as large.
    """
    numbers = sorted(float(value) for value in known if isinstance(value, (int, float)))
    groups = [(low, [one for one in numbers[low:] if one - numbers[low] <= tolerance]) for low in range(len(numbers))]
    size = max((len(group) for _, group in groups), default=0)
    largest = [(low, group) for low, group in groups if len(group) == size]
    if not largest or largest[-1][0] - largest[0][0] >= size:
        return None, 0
    return statistics.median(largest[0][1]), size
