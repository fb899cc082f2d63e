"""What a section's class says of its keys: their types, which must be given, which hold sections of their own."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from .quantities import AmountOf


def key_of(field_name: str) -> str:
    """Return the key in files: `else_` is `else`."""
    return field_name.rstrip("_")


@functools.cache
def hints_of(cls: type) -> dict[str, Any]:
    """Return the annotations of a dataclass by key, with their metadata."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {key_of(field.name): hints[field.name] for field in dataclasses.fields(cls)}


def required_of(cls: type) -> frozenset[str]:
    """Return the keys that a file must give."""
    missing = dataclasses.MISSING
    return frozenset(
        key_of(field.name)
        for field in dataclasses.fields(cls)
        if field.default is missing and field.default_factory is missing
    )


def branches_of(hint: Any) -> tuple[Any, ...]:
    """Return the types that a hint allows, without None, each with its metadata."""
    if typing.get_origin(hint) is Annotated:
        inner = branches_of(hint.__origin__)
        if inner == (hint.__origin__,):
            return (hint,)
        return inner
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(one for part in typing.get_args(hint) for one in branches_of(part) if one is not type(None))
    return (hint,)


def extras_of(hint: Any) -> Iterator[Any]:
    """Yield the metadata of a hint and of the types that it allows."""
    if typing.get_origin(hint) is Annotated:
        yield from hint.__metadata__
        yield from extras_of(hint.__origin__)
    elif typing.get_origin(hint) in (typing.Union, types.UnionType):
        for one in typing.get_args(hint):
            yield from extras_of(one)


def section_in(hint: Any) -> type | None:
    """Return the dataclass that a key holds, where it holds one directly or may be absent."""
    return next((one for part in branches_of(hint) if (one := _section(part)) is not None), None)


def sections_in(hint: Any) -> type | None:
    """Return the dataclass that the values of a mapping are."""
    for part in branches_of(hint):
        plain = part.__origin__ if typing.get_origin(part) is Annotated else part
        if typing.get_origin(plain) is Mapping:
            return _section(typing.get_args(plain)[1])
    return None


@functools.cache
def inside_of(cls: type) -> dict[str, tuple[type | None, type | None]]:
    """Return for each key of a section the section that stands there, and the one that its values are."""
    return {key: (section_in(hint), sections_in(hint)) for key, hint in hints_of(cls).items()}


def _section(hint: Any) -> type | None:
    if typing.get_origin(hint) is Annotated:
        if any(isinstance(extra, AmountOf) for extra in hint.__metadata__):
            return None
        hint = hint.__origin__
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None
