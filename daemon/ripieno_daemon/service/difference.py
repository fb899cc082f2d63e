"""What a new plan changes of the one in force, for a person who reloads: one line for each place."""

from __future__ import annotations

import dataclasses
from typing import Any

from ripieno.plan import PipelinePlan, Plan, RulePlan

LONGEST_VALUE = 80
MOST_LINES = 200


def differences(before: Plan | PipelinePlan, after: Plan | PipelinePlan) -> list[str]:
    """Return lines such as `pipelines.quality-control.rules.pass.text: look.score >= 0.5 -> look.score >= 0.7`."""
    found: list[str] = []
    _compare("", before, after, found)
    more = len(found) - MOST_LINES
    return [*found[:MOST_LINES], f"and {more} more places"] if more > 0 else found


def _compare(path: str, before: Any, after: Any, found: list[str]) -> None:
    if before == after:
        return
    if dataclasses.is_dataclass(before) and type(before) is type(after):
        skipped = {"source"}
        if isinstance(before, RulePlan) and isinstance(after, RulePlan) and before.text != after.text:
            # its text says it better than its tree
            found.append(f"{path}.text: {_short(before.text)} -> {_short(after.text)}")
            skipped |= {"text", "when"}
        for field in dataclasses.fields(before):
            if field.name not in skipped:
                _compare(_join(path, field.name), getattr(before, field.name), getattr(after, field.name), found)
    elif isinstance(before, dict) and isinstance(after, dict):
        _keyed(path, before, after, found)
    elif isinstance(before, tuple) and isinstance(after, tuple) and _named(before) and _named(after):
        _keyed(path, {one.name: one for one in before}, {one.name: one for one in after}, found)
    else:
        found.append(f"{path}: {_short(before)} -> {_short(after)}")


def _keyed(path: str, before: dict[str, Any], after: dict[str, Any], found: list[str]) -> None:
    for key in [*before, *(key for key in after if key not in before)]:
        if key not in after:
            found.append(f"{_join(path, key)}: taken out")
        elif key not in before:
            found.append(f"{_join(path, key)}: new")
        else:
            _compare(_join(path, key), before[key], after[key], found)


def _named(values: tuple[Any, ...]) -> bool:
    return bool(values) and all(dataclasses.is_dataclass(one) and hasattr(one, "name") for one in values)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
