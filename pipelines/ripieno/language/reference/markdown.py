"""Sections as Markdown: a table of their keys, and the types of values in words."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from ..describing import about, bounds_of, meaning_of, shown_default
from ..hints import extras_of, hints_of, key_of, required_of, section_in, sections_in
from ..marks import AnyScalar, OneOrMany, Pattern
from ..quantities import AmountOf, Quantity
from ..sections.words import Entries


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a table, with bars in its texts escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def intro(text: str) -> Iterator[str]:
    """Yield a paragraph."""
    yield text
    yield ""


def inner(cls: type) -> Iterator[str]:
    """Yield the sections inside a section."""
    for key, hint in hints_of(cls).items():
        entries = next((one for one in extras_of(hint) if isinstance(one, Entries)), None)
        named = entries.of if entries is not None and isinstance(entries.of, type) else None
        held = section_in(hint) or sections_in(hint) or named
        if held is not None:
            yield from intro(f"`{key}`: {about(held)}")
            yield from section(held)
            yield from inner(held)


def fields(cls: type) -> Iterator[str]:
    """Yield what the docstring says behind its first paragraph."""
    for paragraph in (cls.__doc__ or "").split("\n\n")[1:]:
        yield " ".join(paragraph.split())
        yield ""


def section(cls: type) -> Iterator[str]:
    """Yield the table of a section's keys."""
    rows = []
    for key, hint in hints_of(cls).items():
        needed = "must be given" if key in required_of(cls) else _default(cls, key, hint)
        meaning = "; ".join(one for one in (meaning_of(hint), bounds_of(hint)) if one)
        rows.append((f"`{key}`", words_of(hint), needed, meaning))
    if rows:
        yield from table(("key", "value", "without it", "meaning"), rows)
    else:
        yield "Nothing to set."
    yield ""


def _default(cls: type, key: str, hint: Any) -> str:
    field = next(one for one in dataclasses.fields(cls) if key_of(one.name) == key)
    shown = shown_default(field, hint)
    if isinstance(shown, bool):
        shown = str(shown).lower()
    return "" if shown is None else f"`{shown}`"


def words_of(hint: Any) -> str:
    """Return the type of a key in words."""
    extras = list(extras_of(hint)) if typing.get_origin(hint) is Annotated else []
    entries = next((one for one in extras if isinstance(one, Entries)), None)
    if entries is not None:
        return "names and what they are"
    bare = hint
    own: list[Any] = []
    while typing.get_origin(bare) is Annotated:
        own += bare.__metadata__
        bare = bare.__origin__
    for mark in own:
        match mark:
            case Quantity(kind):
                return kind
            case AmountOf(kinds):
                return " or ".join(kinds)
            case AnyScalar():
                return "expression"
            case Pattern(_, meaning):
                return meaning.split(" of ")[0].removeprefix("a ")
            case OneOrMany():
                return f"{words_of(typing.get_args(bare)[0])}, or a list of them"
    origin, args = typing.get_origin(bare), typing.get_args(bare)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(words_of(one) for one in args if one is not type(None)))
    if origin is typing.Literal:
        return ", ".join(f"`{one}`" for one in args)
    if origin is tuple and args[1:] == (...,):
        return f"list of {words_of(args[0])}"
    if origin is tuple:
        return f"[{', '.join(words_of(one) for one in args)}]"
    if origin is Mapping:
        return f"names and {words_of(args[1])}"
    if isinstance(bare, type) and dataclasses.is_dataclass(bare):
        return "mapping, below"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}.get(bare, "any")


def name_of(cls: type) -> str:
    """Return a class's name as words: "Moving item"."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f" {found[1].lower()}", cls.__name__)
