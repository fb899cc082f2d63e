"""The entries of a section, each built as the class that fits it: the same for all, or by its kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from .hints import hints_of
from .names import entries
from .nearest import nearest
from .problems import Report
from .saying import got
from .shape import build, is_mapping, join, known_keys
from .source import Node

T = TypeVar("T")
Nodes = dict[str, Node]


def gather(root: Node, section: str, cls: type[T], nodes: Nodes, report: Report) -> dict[str, T]:
    """Return the whole entries by name; their nodes go into `nodes`, under their paths."""
    found: dict[str, T] = {}
    for name, (node, _) in entries(root, section).items():
        path = join(section, name)
        made, nodes[path] = build(cls, node, path, report)
        if made is not None:
            found[name] = made
    return found


def gather_kinds(root: Node, section: str, table: Mapping[str, type], nodes: Nodes, report: Report) -> dict[str, Any]:
    """Return the whole entries by name, each of the class that its key `kind` names."""
    found: dict[str, Any] = {}
    for name, (node, place) in entries(root, section).items():
        path = join(section, name)
        if not is_mapping(node, path, report):
            continue
        known = {"kind"}.union(*(hints_of(cls) for cls in table.values()))
        if "kind" not in node.mapping and not any(nearest(key, ["kind"]) for key in node.mapping):
            report.add(*place, path, "missing key 'kind'", f"one of {', '.join(table)}")
            continue
        if "kind" not in node.mapping:
            node = known_keys(node, known, path, report)
        kind = node.mapping["kind"]
        cls = table.get(str(kind.value))
        if cls is None:
            near = nearest(kind.text, table)
            hint = f"did you mean '{near}'?" if near else ""
            what = f"should be one of {', '.join(table)} (got {got(kind)})"
            report.add(kind.line, kind.column, join(path, "kind"), what, hint)
            if near is None:
                continue
            cls = table[near]
            right = dataclasses.replace(kind, value=near, text=near)
            node = dataclasses.replace(node, value={**node.mapping, "kind": right})
        made, nodes[path] = build(cls, node, path, report)
        if made is not None:
            found[name] = made
    return found
