"""What a pipeline file declares, for those who read its steps and rules: entries by name, and where each stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .names import Names
from .problems import Report
from .sections.items import MovingItem, StandingItem
from .sections.models import Model
from .sections.workflows import Workflow
from .shape import join
from .source import Node

Item = MovingItem | StandingItem


@dataclass(slots=True)
class World:
    """The sections of one file. `nodes`: by path, with misspelt keys set right."""

    report: Report
    names: Names
    nodes: dict[str, Node] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    workflows: dict[str, Workflow] = field(default_factory=dict)

    def at(self, path: str, key: str, message: str, hint: str = "") -> None:
        """Report a problem of an entry's key."""
        node = self.nodes[path]
        place = node.mapping.get(key, node)
        self.report.add(place.line, place.column, join(path, key), message, hint)

    def use(self, path: str, key: str, name: str, *kinds: str) -> bool:
        """Whether the name that an entry's key gives is defined; reports it if not."""
        node = self.nodes[path].mapping[key]
        return self.names.use(name, kinds, (node.line, node.column), join(path, key), self.report) is not None

    def is_input(self, name: str, cls: type) -> bool:
        """Whether an input is of this class; one with problems is taken to be."""
        return name not in self.inputs or isinstance(self.inputs[name], cls)

    def kind_of(self, name: str) -> str:
        """Return the kind of an input."""
        return str(self.inputs[name].kind) if name in self.inputs else "input with problems"

    def use_input(self, path: str, key: str, name: str, cls: type, wanted: str) -> bool:
        """Whether the name that an entry's key gives is an input of this class; reports it if not."""
        if not self.use(path, key, name, "input"):
            return False
        if self.is_input(name, cls):
            return name in self.inputs
        self.at(path, key, f"should be {wanted} ('{name}' is a {self.kind_of(name)})")
        return False

    def item_of_input(self, name: str) -> str:
        """Return the item kind that begins with messages or pictures of this input, "" where none does."""
        starts = (kind for kind, one in self.items.items() if isinstance(one, StandingItem) and one.starts == name)
        return next(starts, "")
