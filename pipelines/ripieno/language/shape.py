"""Validates a mapping of a file against a frozen dataclass, and says plainly what is wrong, where.

Each section is handed to pydantic on its own, as strict JSON: a list may be a tuple, a text is never a number.
A misspelt key is reported and then taken for the nearest missing one, so that one typo gives one problem.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from . import quantities
from .nearest import did_you_mean, nearest
from .problems import Report
from .saying import got, say
from .source import Node

T = TypeVar("T")
_CUT_OFF = re.compile(r"[()=<>]")  # the rest of an expression, no key


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """Marks a tuple that a file may write as its only element."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Put a lone value into a tuple."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda written: tuple(written) if isinstance(written, list) else (written,), handler(source)
        )


@dataclass(frozen=True, slots=True)
class AnyScalar:
    """Marks a text that a file may write without quotes though it looks like a number or a truth value: `when: true`.

    What is validated is only that it is there; who reads it takes the text as written from the node.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Take a number or a truth value as text."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda written: str(written).lower() if isinstance(written, (bool, int, float)) else written,
            handler(source),
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """Marks a text that must be of this form, `meaning` says of which."""

    expression: str
    meaning: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Check the form of the text."""
        from pydantic_core import PydanticCustomError, core_schema

        def check(text: str) -> str:
            if not re.fullmatch(self.expression, text):
                raise PydanticCustomError("pattern", "{why}", {"why": f"should be {self.meaning}"})
            return text

        return core_schema.no_info_after_validator_function(check, handler(source))


def key_of(field_name: str) -> str:
    """Return the key in files: `else_` is `else`."""
    return field_name.rstrip("_")


@functools.cache
def hints_of(cls: type) -> dict[str, Any]:
    """Return the annotations of a dataclass by key, with their metadata."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {key_of(field.name): hints[field.name] for field in dataclasses.fields(cls)}


def required_of(cls: type) -> set[str]:
    """Return the keys that a file must give."""
    missing = dataclasses.MISSING
    return {
        key_of(field.name)
        for field in dataclasses.fields(cls)
        if field.default is missing and field.default_factory is missing
    }


def known_keys(node: Node, known: typing.Collection[str], path: str, report: Report) -> Node:
    """Report unknown keys; return the mapping with them under the nearest known name not given, else without them."""
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
        details = error.errors(include_url=False)
        for detail in details:
            _report(cls, detail, right, path, report, told)
        return _without(cls, entries, {key_of(str(detail["loc"][0])) for detail in details if detail["loc"]}), right


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
    hints = hints_of(cls)
    right = known_keys(node, {*hints, *besides}, path, report)
    entries = {}
    for key, value in right.mapping.items():
        inner = _dataclass_in(hints.get(key))
        nested = inner is not None and isinstance(value.value, dict)
        entries[key] = _recover(inner, value, join(path, key), report) if inner is not None and nested else value
    return dataclasses.replace(right, value=entries)


def _as_fields(cls: type, entries: Mapping[str, Node]) -> dict[str, object]:
    names = {key_of(field.name): field.name for field in dataclasses.fields(cls)}
    hints = hints_of(cls)
    fields: dict[str, object] = {}
    for key, node in entries.items():
        inner = _dataclass_in(hints[key])
        whole = inner is not None and isinstance(node.value, dict)
        fields[names[key]] = _as_fields(inner, node.mapping) if inner is not None and whole else node.plain()
    return fields


def _dataclass_in(hint: Any) -> type | None:
    """Return the dataclass that a key holds, where it holds one directly or may be absent."""
    if typing.get_origin(hint) is Annotated:
        if any(isinstance(extra, quantities.AmountOf) for extra in hint.__metadata__):
            return None
        return _dataclass_in(hint.__origin__)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next((found for one in typing.get_args(hint) if (found := _dataclass_in(one)) is not None), None)
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None


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
        inner = _dataclass_in(hint_at) if hint_at is not cls else cls
        hint_at = hints_of(inner).get(str(key)) if inner is not None else hint_at
        path = join(path, key)
    if (node.line, node.column) in told:  # the other branches of a union
        return
    told.add((node.line, node.column))
    message, hint = say(kind, {**context, "message": detail["msg"]}, node, hint_at)
    report.add(node.line, node.column, path, message, hint or str(context.get("hint", "")))


def _example(cls: type, hint_at: Any, key: str) -> str:
    inner = cls if hint_at is cls else _dataclass_in(hint_at)
    for extra in getattr(hints_of(inner).get(key), "__metadata__", ()) if inner else ():
        if isinstance(extra, quantities.Quantity):
            return quantities.EXAMPLES[extra.kind]
    return ""
