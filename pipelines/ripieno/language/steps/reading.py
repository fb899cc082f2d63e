"""All steps of a list, a pipeline's or a workflow's: built, ordered, and read one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ripieno.plan import FlowStep, StepPlan

from ..cycles import arrows
from ..expressions.scope import Scope
from ..expressions.typed import Source
from ..inputs import Inputs
from ..nearest import nearest
from ..scanning import Place
from ..sections.steps import STEPS
from ..shape import build, join
from ..source import Node
from ..world import World
from . import of_choices, of_models, of_others, of_streams, of_values
from .kinds import kind_of
from .order import cut_cycles, in_order, named_in
from .step import Made, Of, Step
from .unfold import make_workflow

STREAMS = ("model", "map", "agree", "window", "join", "workflow")  # what needs no item


@dataclass(frozen=True, slots=True)
class Built:
    """A step whose shape is right. `place`: of its name."""

    kind: str
    section: Any
    node: Node
    place: Place


class Steps:
    """Reads the steps of one list.

    Attributes:
        plans: by name in the plan, each after those it needs.
        places: where each step of the plan stands: path and place of its name.
    """

    def __init__(self, world: World, scope: Scope, inputs: Inputs, of: Of) -> None:
        self.world, self.scope, self.inputs, self.of = world, scope, inputs, of
        self.plans: dict[str, StepPlan | FlowStep] = {}
        self.places: dict[str, tuple[str, Place]] = {}
        self.built: dict[str, Built] = {}

    def build(self, entries: Mapping[str, tuple[Node, Place]]) -> None:
        """Look at the shape of every step."""
        for name, (node, place) in entries.items():
            path = join(self.of.path, name)
            kind = kind_of(node, path, self.world.report)
            if kind is None:
                self.scope.sources[name] = self._unknown(name, node)
                continue
            section, right = build(STEPS[kind], node, path, self.world.report)
            self.world.nodes[path] = right
            if section is None:
                self.scope.sources[name] = self._unknown(name, right)
            else:
                self.built[name] = Built(kind, section, right, place)

    def read(self) -> None:
        """Read every step, each after those that it names."""
        needs = {name: named_in(one.node) & self.built.keys() for name, one in self.built.items()}
        left, cycles = cut_cycles(needs)
        for cycle in cycles:
            self._tell(cycle)
        caught = {name for cycle in cycles for name in cycle}
        for name in caught:
            self.scope.sources[name] = self._unknown(name, self.built[name].node)
        sections = {name: one.section for name, one in self.built.items()}
        for name in in_order(left):
            one = self.built[name]
            step = Step(
                world=self.world,
                scope=self.scope,
                name=self.of.prefix + name,
                local=name,
                section=one.section,
                node=one.node,
                path=join(self.of.path, name),
                each=self._each(name, one),
                outer=self.of.outer,
                sections=sections,
            )
            self._take(step, one, name in caught)

    def inside(self, scope: Scope, of: Of) -> Steps:
        """Return a reader for the steps of a workflow."""
        return Steps(self.world, scope, self.inputs, of)

    def _take(self, step: Step, one: Built, in_cycle: bool) -> None:
        made = self._make(step, one)
        self.scope.steps[step.name] = (len(self.scope.steps), step.each)
        if not in_cycle:
            self.scope.sources[step.local] = made.source
        for plan in made.plans:
            self.plans[plan.name] = plan
            self.places.setdefault(plan.name, (step.path, one.place))

    def _make(self, step: Step, one: Built) -> Made:
        match one.kind:
            case "lookup":
                return of_others.make_lookup(step, self.inputs)
            case "window":
                return of_streams.make_window(step, self.inputs)
            case "workflow":
                return make_workflow(step, self)
        return _MAKERS[one.kind](step)

    def _each(self, name: str, one: Built) -> str:
        """Return the item kind that a step runs for, "" for a stream; the likely one where it is none (told)."""
        world, path = self.world, join(self.of.path, name)
        written = one.node.mapping.get("each")
        given = one.section.each if hasattr(one.section, "each") else None
        if self.of.chain:
            if written is not None:
                hint = "each is said where the workflow is used"
                world.report.add(written.line, written.column, f"{path}.each", "is not for a step of a workflow", hint)
            if not self.of.each and one.kind not in STREAMS:
                what = f"a {one.kind} is for an item, and the step that uses the workflow is for none"
                world.report.add(*one.place, path, what, "give that step 'each'")
            return "" if one.kind == "window" else self.of.each
        if given is None or written is None:
            if one.kind not in STREAMS:
                items = " or ".join(world.items) or "there is none yet: items"
                world.report.add(*one.place, path, "missing key 'each'", f"it is for an item: {items}")
            return ""
        place = (written.line, written.column)
        if world.names.use(given, ("item",), place, f"{path}.each", world.report) is None and world.items:
            return nearest(given, world.items) or str(given)
        return str(given)

    def _unknown(self, name: str, node: Node) -> Source:
        """Return the source of a step that has problems."""
        each = node.mapping.get("each")
        kind = each.text if each is not None and each.text in self.world.items else self.of.each
        return Source("step", {}, kind, True, self.of.prefix + name, unknown_fields=True)

    def _tell(self, cycle: list[str]) -> None:
        shown = arrows([f"{name} (line {self.built[name].place[0]})" for name in cycle])
        line, column = self.built[cycle[0]].place
        path = join(self.of.path, cycle[0])
        self.world.report.add(line, column, path, f"waits for itself: {shown}", "let one of them not name the next")


_MAKERS: dict[str, Callable[[Step], Made]] = {
    "model": of_models.make,
    "map": of_values.make_map,
    "find": of_values.make_find,
    "route": of_choices.make_route,
    "agree": of_choices.make_agree,
    "ask": of_others.make_ask,
    "join": of_streams.make_join,
}
