"""Validates a mapping of a file against a frozen dataclass, and says plainly what is wrong, where.

Each section is handed to pydantic on its own, as strict JSON: a list may be a tuple, a text is never a number.
A misspelt key is reported and then taken for the nearest missing one, so that one typo gives one problem.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from . import quantities
from .hints import extras_of, hints_of, inside_of, key_of, required_of, section_in, sections_in
from .nearest import did_you_mean, nearest
from .problems import Report
from .saying import got, say
from .source import Node

T = TypeVar("T")
_CUT_OFF = re.compile(r"[()=<>]")  # the rest of an expression, no key


def known_keys(node: Node, known: typing.Collection[str], path: str, report: Report) -> Node:
    """Report unknown keys; return the mapping with them under the nearest known name not given, else without them."""
    if all(key in known for key in node.mapping):
        return node
    entries, keys = {}, {}
    for key, value in node.mapping.items():
        name: str | None = key
        if key not in known:
            line, column = node.keys[key]
            hint = did_you_mean(key, known)
            if value.value is None and _CUT_OFF.search(key):
                hint = "inside {...} a comma ends a value: put the expression into quotes"
            report.add(line, column, join(path, key), f"unknown key '{key}'", hint)
            name = nearest(key, [one for one in known if one not in node.mapping and one not in entries])
        if name is not None:
            entries[name], keys[name] = value, node.keys[key]
    return dataclasses.replace(node, value=entries, keys=keys)


def join(path: str, key: object) -> str:
    """Return the dotted path of an entry."""
    return f"{path}.{key}" if path else str(key)


def is_mapping(node: Node, path: str, report: Report) -> bool:
    """Whether the node is a mapping; reports it if not."""
    if not isinstance(node.value, dict):
        report.add(node.line, node.column, path, f"should be a mapping of keys to values (got {got(node)})")
    return isinstance(node.value, dict)


def build(
    cls: type[T], node: Node, path: str, report: Report, besides: typing.Collection[str] = ()
) -> tuple[T | None, Node]:
    """Return the section (None after reporting why not) and the node with misspelt keys set right.

    Where only optional keys are wrong, that is reported and the section comes with their defaults.

    `besides`: keys that are somebody else's.
    """
    if not is_mapping(node, path, report):
        return None, node
    right = _recover(cls, node, path, report, besides)
    entries = {key: value for key, value in right.mapping.items() if key not in besides}
    encoded = json.dumps(_as_fields(cls, entries))
    try:
        return typing.cast(T, _adapter(cls).validate_json(encoded, strict=True)), right
    except ValidationError as error:
        told: set[tuple[int, int]] = set()
        details = _of_the_branch_meant(error.errors(include_url=False))
        for detail in details:
            _report(cls, detail, right, path, report, told)
        return _without(cls, entries, {key_of(str(detail["loc"][0])) for detail in details if detail["loc"]}), right


def _of_the_branch_meant(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Return the errors without those of "one of these words" where a mapping was given and may be: what is wrong
    inside it is told.
    """
    inside = {detail["loc"][0] for detail in details if detail["loc"] and not isinstance(detail["input"], dict)}
    return [
        detail
        for detail in details
        if not (detail["type"] == "literal_error" and isinstance(detail["input"], dict) and detail["loc"][0] in inside)
    ]


def _without(cls: type[T], entries: Mapping[str, Node], bad: set[str]) -> T | None:
    """Return the section with defaults for its bad keys, for a look at the rest; None where they are needed."""
    if not bad or bad & required_of(cls):
        return None
    try:
        rest = {key: node for key, node in entries.items() if key not in bad}
        return typing.cast(T, _adapter(cls).validate_json(json.dumps(_as_fields(cls, rest)), strict=True))
    except ValidationError:
        return None


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _adapter(cls: type) -> TypeAdapter[Any]:
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


def _recover(cls: type, node: Node, path: str, report: Report, besides: typing.Collection[str] = ()) -> Node:
    inside = inside_of(cls)
    right = known_keys(node, {*inside, *besides}, path, report)
    if not any(isinstance(value.value, dict) for value in right.mapping.values()):
        return right
    entries = {}
    for key, value in right.mapping.items():
        if isinstance(value.value, dict) and key in inside:
            value = _recover_value(*inside[key], value, join(path, key), report)
        entries[key] = value
    return dataclasses.replace(right, value=entries)


def _recover_value(one: type | None, each: type | None, node: Node, path: str, report: Report) -> Node:
    """Return a mapping with the keys of the sections in it set right."""
    if one is not None:
        return _recover(one, node, path, report)
    if each is not None:
        values = {
            key: _recover(each, value, join(path, key), report) if isinstance(value.value, dict) else value
            for key, value in node.mapping.items()
        }
        return dataclasses.replace(node, value=values)
    return node


def _as_fields(cls: type, entries: Mapping[str, Node]) -> dict[str, object]:
    names = {key_of(field.name): field.name for field in dataclasses.fields(cls)}
    inside = inside_of(cls)
    return {names[key]: _as_value(*inside[key], node) for key, node in entries.items()}


def _as_value(one: type | None, each: type | None, node: Node) -> object:
    if isinstance(node.value, dict):
        if one is not None:
            return _as_fields(one, node.value)
        if each is not None:
            return {
                key: _as_fields(each, value.mapping) if isinstance(value.value, dict) else value.plain()
                for key, value in node.value.items()
            }
    return node.plain()


def _report(cls: type, detail: ErrorDetails, node: Node, path: str, report: Report, told: set[tuple[int, int]]) -> None:
    kind, context = detail["type"], detail.get("ctx", {})
    hint_at: Any = cls
    place = (node.line, node.column)
    for index, part in enumerate(detail["loc"]):
        key = key_of(part) if isinstance(part, str) else part
        if isinstance(node.value, dict) and isinstance(key, str):
            if key not in node.value:
                if kind == "missing" and index == len(detail["loc"]) - 1:
                    what = f"missing key '{key}'"
                    report.add(place[0], place[1], path, what, _example(cls, hint_at, key))
                    return
                continue  # the name of a branch of a union
            place, node = node.keys[key], node.value[key]
        elif isinstance(node.value, tuple) and isinstance(key, int):
            if key >= len(node.value):
                continue
            node = node.value[key]
        else:
            continue
        hint_at = _below(cls, hint_at, key)
        path = join(path, key)
    if (node.line, node.column) in told:  # the other branches of a union
        return
    told.add((node.line, node.column))
    if kind == "too_short" and isinstance(node.value, tuple) and len(node.value) >= context["min_length"]:
        return  # those that are there are wrong, and each was told
    message, hint = say(kind, {**context, "message": detail["msg"]}, node, hint_at)
    report.add(node.line, node.column, path, message, hint or str(context.get("hint", "")))


def _below(cls: type, hint: Any, key: object) -> Any:
    """Return the hint of what stands under a key."""
    inner = cls if hint is cls else section_in(hint)
    if inner is not None:
        return hints_of(inner).get(str(key))
    return sections_in(hint) or hint


def _example(cls: type, hint_at: Any, key: str) -> str:
    inner = cls if hint_at is cls else section_in(hint_at)
    for extra in extras_of(hints_of(inner).get(key)) if inner else ():
        if isinstance(extra, quantities.Quantity):
            return quantities.EXAMPLES[extra.kind]
    return ""
