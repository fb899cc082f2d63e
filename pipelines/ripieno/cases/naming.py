"""What a case may name: items, inputs, steps, outputs and rules of the plan that it is about."""

from __future__ import annotations

from collections.abc import Collection

from ripieno.language.nearest import did_you_mean
from ripieno.language.problems import Report
from ripieno.language.shape import is_mapping, join
from ripieno.language.source import Node
from ripieno.plan import PipelinePlan, StepPlan

from .answers import Answers
from .expected import Expected

HAPPENS = ("times", "every")  # how often, and the pause: beside what happens


class Names:
    """Checks the names of a case file."""

    def __init__(self, plan: PipelinePlan, report: Report) -> None:
        self.report = report
        self.items = {item.name: item for item in plan.items}
        self._inputs = plan.inputs
        self._steps = {step.name: step for step in (*plan.steps, *plan.flow)}
        self._outputs = {output.name: output for output in plan.outputs}
        self._answers, self._expected = Answers(plan, report), Expected(plan, report)

    def inputs(self, kind: str) -> list[str]:
        """Return the inputs of a kind."""
        return [one.name for one in self._inputs if one.kind == kind]

    def answers(self, usual: Node | None, path: str) -> None:
        """Check what `usual` answers."""
        given = usual.mapping.get("answers") if usual is not None else None
        if given is not None:
            self._each(given, join(path, "answers"), "step", self._steps)

    def of_item(self, item: str, given: Node, path: str) -> None:
        """Check what an item is given: answers of steps, outcomes of outputs, fields of the message it starts with."""
        steps = [name for name, step in self._steps.items() if step.each == item]
        starts = [self.items[item].starts] if self.items[item].stands else []
        self._each(given, path, f"step, output or input of a {item}", [*steps, *self._outputs, *starts])

    def of_source(self, what: str, name: str, given: Node, path: str) -> None:
        """Check what an input brings that begins no item."""
        if what == "frame":
            steps = [one.name for one in self._steps.values() if isinstance(one, StepPlan) and one.input == name]
            if given.value != "dark" and is_mapping(given, path, self.report):
                self._each(given, path, f"step with pictures of '{name}'", steps)
        else:
            self._answers.of_input(name, given, path)

    def checks(self, given: Node, path: str) -> None:
        """Check what is expected."""
        if is_mapping(given, path, self.report):
            self._expected.check(given, path)

    def _each(self, node: Node, path: str, what: str, known: Collection[str]) -> None:
        for key, value in node.mapping.items():
            below = join(path, key)
            if key in known:
                self._answers.of(key, node.keys[key], value, below)
            elif key not in HAPPENS:
                self.report.add(*node.keys[key], below, f"there is no {what} '{key}'", did_you_mean(key, known))
            else:
                hint = "it stands beside the item, not inside: {part: {...}, times: 3}"
                self.report.add(*node.keys[key], below, f"'{key}' is no {what}", hint)
