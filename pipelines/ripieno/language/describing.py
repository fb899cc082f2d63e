"""What a section and its keys say of themselves, for people: meanings, bounds and defaults in words."""

from __future__ import annotations

import dataclasses
from typing import Any

from annotated_types import Ge, Gt, Le, Lt

from .hints import extras_of
from .quantities import UNITS, Quantity, show


def about(cls: type) -> str:
    """Return what a class says of itself: the first paragraph of its docstring, on one line."""
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


def meaning_of(hint: Any) -> str:
    """Return what a key says of itself."""
    return next((str(one.documentation) for one in extras_of(hint) if hasattr(one, "documentation")), "")


def bounds_of(hint: Any) -> str:
    """Return the bounds of a number or a quantity in words: "greater than 0, at most 1h"."""
    kind = next((one.kind for one in extras_of(hint) if isinstance(one, Quantity)), "")
    words = {Gt: "greater than", Ge: "at least", Lt: "less than", Le: "at most"}
    found = []
    for extra in extras_of(hint):
        for cls, word in words.items():
            if isinstance(extra, cls):
                bound = getattr(extra, cls.__name__.lower())
                plain = str(int(bound)) if bound == int(bound) else f"{bound:g}"
                found.append(f"{word} {show(kind, bound) if kind else plain}")
    return ", ".join(dict.fromkeys(found))


def shown_default(field: dataclasses.Field[Any], hint: Any) -> Any:
    """Return the default of a key as a file would write it, None where there is none to show."""
    value = field.default
    if value is dataclasses.MISSING or dataclasses.is_dataclass(value) or value is None or value in ("", ()):
        return None
    kind = next((one.kind for one in extras_of(hint) if isinstance(one, Quantity)), "")
    if kind and isinstance(value, (int, float)):
        return show(kind, value) if value else f"0{next(iter(UNITS[kind]))}"
    return list(value) if isinstance(value, tuple) else value
