"""What pydantic found, in plain words with the value as the file has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import quantities
from .hints import extras_of
from .nearest import nearest
from .source import Node


def say(kind: str, context: Mapping[str, Any], node: Node, annotation: Any) -> tuple[str, str]:
    """Return message and hint for a pydantic error of this type on the value that has this annotation."""
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"should be {words} {_bound(context[key], annotation)} (got {got(node)})", ""
    if kind in ("quantity", "pattern"):
        why = str(context["why"])
        return (why if "(got" in why else f"{why} (got {got(node)})"), ""
    if kind == "literal_error":
        known = [one.strip("'") for one in re.split(r", | or ", str(context["expected"]))]
        near = nearest(str(node.plain()), known) if isinstance(node.value, str) else None
        words = ", ".join(known) if len(known) == 1 else f"one of {', '.join(known)}"
        return f"should be {words} (got {got(node)})", f"did you mean '{near}'?" if near else ""
    if kind in ("too_short", "string_too_short"):
        return f"should have at least {context['min_length']} {_things(node)} (got {got(node)})", ""
    if kind in ("too_long", "string_too_long"):
        return f"should have at most {context['max_length']} {_things(node)} (got {got(node)})", ""
    if kind == "predicate_failed":
        named = re.search(r"is[_ ](\w[\w ]*)", str(context.get("message", "")))
        words = named.group(1).replace("_", " ").removesuffix(" failed") if named else "of another form"
        return f"should be {words} (got {got(node)})", ""
    if kind == "value_error":
        return str(context.get("error", "is not right")), ""
    words, hint = _WANTED.get(kind, ("of another form", ""))
    if kind == "bool_type" and str(node.value).lower() in ("yes", "no", "on", "off", "y", "n"):
        hint = f"write {'true' if str(node.value).lower() in ('yes', 'on', 'y') else 'false'}"
    if kind == "string_type" and (not isinstance(node.value, (int, float)) or isinstance(node.value, bool)):
        hint = "" if node.value is None else hint
    if kind == "missing" and isinstance(node.value, tuple):
        return f"should have more elements (got {got(node)})", ""
    return f"should be {words} (got {got(node)})", hint


_BOUNDS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_WANTED = {
    "string_type": ("text", "put it into quotes"),
    "int_type": ("a whole number", ""),
    "int_from_float": ("a whole number", ""),
    "float_type": ("a number", ""),
    "bool_type": ("true or false", ""),
    "tuple_type": ("a list", ""),
    "list_type": ("a list", ""),
    "dict_type": ("a mapping of keys to values", ""),
    "dataclass_type": ("a mapping of keys to values", ""),
    "mapping_type": ("a mapping of keys to values", ""),
}


def _bound(bound: float, annotation: Any) -> str:
    for extra in extras_of(annotation):
        if isinstance(extra, quantities.Quantity):
            return quantities.show(extra.kind, bound)
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _things(node: Node) -> str:
    if isinstance(node.value, str):
        return "letters"
    return "elements" if isinstance(node.value, tuple) else "entries"


def got(node: Node) -> str:
    """Return what stands in the file, short."""
    if isinstance(node.value, dict):
        return "a mapping" if node.value else "an empty mapping"
    if isinstance(node.value, tuple):
        return f"a list of {len(node.value)}"
    if node.value is None:
        return "nothing"
    text = node.text if len(node.text) <= 60 else f"{node.text[:57]}..."
    return f"'{text}'" if isinstance(node.value, str) and not re.fullmatch(r"[-+0-9.]+ ?[A-Za-z%]*", text) else text
