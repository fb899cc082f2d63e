"""A look at the parser's events before anything is built: size, depth, and what YAML can do that files must not.

A composer's recursion crashes the process on 200 kB of `[`, and 430 bytes of aliases can mean 1e9 values.
"""

from __future__ import annotations

from typing import Any

import yaml

MAX_DEPTH = 40
MAX_NODES = 6_000
MAX_LETTERS = 64_000  # of all values: reading one of an expression costs 3 us

Place = tuple[int, int]


class Refused(Exception):
    """The file stops here: place, message and hint."""


def scan(text: str) -> list[yaml.Event]:
    """Return the parser's events; refuse what is too much or not allowed, before anything is built."""
    nodes = letters = depth = documents = 0
    events: list[yaml.Event] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        events.append(event)
        kind = type(event)
        if isinstance(event, yaml.ScalarEvent):
            nodes += 1
            letters += len(event.value)
        elif kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
            nodes += 1
            depth += 1
        elif kind is yaml.SequenceEndEvent or kind is yaml.MappingEndEvent:
            depth -= 1
            continue
        elif kind is yaml.DocumentStartEvent:
            documents += 1
        elif kind is not yaml.AliasEvent:
            continue
        if (
            nodes <= MAX_NODES
            and letters <= MAX_LETTERS
            and depth <= MAX_DEPTH
            and documents <= 1
            and not _is_odd(event)
        ):
            continue
        raise Refused(*start_of(event), *_why(event, depth, letters))
    return events


def _is_odd(event: Any) -> bool:
    kind = type(event)
    if kind is yaml.DocumentStartEvent:
        return bool(event.version or event.tags)
    return kind is yaml.AliasEvent or event.anchor is not None or event.tag is not None


def _why(event: Any, depth: int, letters: int) -> tuple[str, str]:
    if isinstance(event, yaml.DocumentStartEvent):
        if event.version or event.tags:
            return "has a directive", "remove the line that begins with '%'"
        return "has more than one document", "remove what follows '---'"
    if isinstance(event, yaml.AliasEvent):
        return f"an alias (*{str(event.anchor)[:40]}) is not allowed", "write the value out"
    if event.anchor is not None:
        return f"an anchor (&{str(event.anchor)[:40]}) is not allowed", "write the value out"
    if event.tag is not None:
        return "a tag (!...) is not allowed", "put text that begins with '!' into quotes"
    if depth > MAX_DEPTH:
        return f"is nested more than {MAX_DEPTH} deep", ""
    if letters > MAX_LETTERS:
        return f"has more than {MAX_LETTERS} letters in its values", "two pipelines may run on a device"
    return f"has more than {MAX_NODES} values", ""


def start_of(event: yaml.Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
