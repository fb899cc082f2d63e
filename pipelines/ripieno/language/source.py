"""YAML text -> a tree of values that know their line and column.

Parser events are checked before anything is built (size, depth, nodes), because a composer's recursion crashes
the process on 200 kB of `[`. Anchors, aliases, tags and directives are refused. Plain scalars follow YAML
1.2's core schema: only `true` and `false` are booleans; `on`, `no`, `yes` are text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from .problems import Report
from .scanning import Place, Refused, scan, start_of
from .unreadable import explained

MAX_BYTES = 256_000
MAX_DIGITS = 18

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_NUMERIC = frozenset("+-.0123456789")  # what the text of a number begins with
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place (from 1).

    Attributes:
        value: a scalar, a tuple of nodes or a dict of nodes.
        keys: the place of each key of a mapping.
        text: a scalar as written (without quotes).
        inner: columns between `column` and the first letter of the text; -1 where columns inside the text are
        not known.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    line: int
    column: int
    keys: dict[str, Place] = field(default_factory=dict)
    text: str = ""
    inner: int = -1

    @property
    def mapping(self) -> dict[str, Node]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def at(self, offset: int) -> Place:
        """Return the place of a letter of a scalar's text, as well as it is known."""
        return (self.line, self.column + self.inner + offset) if self.inner >= 0 else (self.line, self.column)

    def plain(self) -> object:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value


def parse(encoded: bytes, report: Report) -> Node | None:
    """Return the tree, or None after reporting why there is none. A file that is not whole is not looked at further."""
    try:
        return _parse(encoded, report)
    except Refused as refused:
        line, column, message, hint = refused.args
    except yaml.MarkedYAMLError as error:
        line, column, message, hint = explained(error, encoded.decode("utf-8", "replace"))
    except yaml.YAMLError as error:
        line, column, message, hint = 0, 0, f"is not valid YAML: {' '.join(str(error).split())[:120]}", ""
    report.add(line, column, "", message, hint)
    return None


def _parse(encoded: bytes, report: Report) -> Node:
    if len(encoded) > MAX_BYTES:
        raise Refused(0, 0, f"is too large: {len(encoded)} bytes", f"at most {MAX_BYTES}")
    try:
        text = encoded.decode("utf-8")
    except UnicodeDecodeError as error:
        line = encoded.count(b"\n", 0, error.start) + 1
        raise Refused(line, 1, "is not UTF-8 text", _not_utf8(encoded, error.start)) from error
    return _Builder(report).build(scan(text))


def _not_utf8(encoded: bytes, at: int) -> str:
    if encoded[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "it is UTF-16; save it as UTF-8"
    return f"byte {at} is 0x{encoded[at]:02x}; save it as UTF-8"


class _Builder:
    """Builds nodes from scanned events."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def build(self, events: Iterable[yaml.Event]) -> Node:
        root: Node | None = None
        stack: list[_Open] = []
        for event in events:
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(_Open(*start_of(event), isinstance(event, yaml.MappingStartEvent)))
            elif isinstance(event, yaml.CollectionEndEvent):
                node = stack.pop().close()
                root = self._place(node, stack, root)
            elif isinstance(event, yaml.ScalarEvent):
                root = self._place(self._scalar(event, *start_of(event)), stack, root)
        if root is None:
            raise Refused(0, 0, "is empty", "")
        return root

    def _place(self, node: Node, stack: list[_Open], root: Node | None) -> Node | None:
        if not stack:
            return node
        stack[-1].take(node, self._report)
        return root

    def _scalar(self, event: yaml.ScalarEvent, line: int, column: int) -> Node:
        text = event.value
        width = _width(event)
        if not event.style:  # plain: the only style whose value may be something else than text
            exact = width == len(text)
            return Node(self._core(text, line, column), line, column, text=text, inner=0 if exact else -1)
        return Node(text, line, column, text=text, inner=1 if width == len(text) + 2 else -1)

    def _core(self, text: str, line: int, column: int) -> Scalar:
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in _NUMERIC:
            return text
        if _INTEGER.match(text):
            if len(text) <= MAX_DIGITS:
                return int(text)
            self._report.add(line, column, "", f"is a number of more than {MAX_DIGITS} digits", "put text into quotes")
            return 0
        if _FLOAT.match(text):
            if len(text) <= 40 and math.isfinite(float(text)):
                return float(text)
        elif not _NOT_FINITE.match(text):
            return text
        self._report.add(line, column, "", f"should be a finite number (got {text[:40]})")
        return 0.0


def _width(event: yaml.Event) -> int:
    """Return how many columns a value takes, -1 where it goes over more than one line."""
    start, end = event.start_mark, event.end_mark
    return end.column - start.column if start and end and start.line == end.line else -1


class _Open:
    """A collection whose end has not come yet."""

    def __init__(self, line: int, column: int, is_mapping: bool) -> None:
        self._line, self._column, self._is_mapping = line, column, is_mapping
        self._items: list[Node] = []
        self._entries: dict[str, Node] = {}
        self._keys: dict[str, Place] = {}
        self._key: Node | None = None

    def take(self, node: Node, report: Report) -> None:
        if not self._is_mapping:
            self._items.append(node)
        elif self._key is None:
            if isinstance(node.value, (dict, tuple)):
                raise Refused(node.line, node.column, "a key should be a word", "got a list or a mapping as a key")
            self._key = node
        else:
            key, self._key = self._key, None
            name = key.text
            if name in self._entries:
                first = self._keys[name][0]
                report.add(key.line, key.column, name, "is given twice", f"first on line {first}")
                return
            self._entries[name] = node
            self._keys[name] = (key.line, key.column)

    def close(self) -> Node:
        if self._is_mapping:
            return Node(self._entries, self._line, self._column, keys=self._keys)
        return Node(tuple(self._items), self._line, self._column)
