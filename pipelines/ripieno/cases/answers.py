"""What a case may say that a step answers, an input brings or an output does, held against the plan, each word of it.

A misspelt field that passed would leave a case green that no longer says what its author meant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ripieno.language.nearest import did_you_mean
from ripieno.language.problems import Report
from ripieno.language.shape import join
from ripieno.language.source import Node
from ripieno.plan import AskStep, FlowStep, InputPlan, LookupStep, PipelinePlan, StepPlan
from ripieno.values import OutcomeKind

UNKNOWN = "unknown"
SILENT = (UNKNOWN, "late")
PICTURES = ("no_frame", "dark")
OUTCOMES = tuple(one.value for one in OutcomeKind)
WANTED = {"text": "a text", "number": "a number", "bool": "true or false"}


class Answers:
    """Checks the answers of a case file."""

    def __init__(self, plan: PipelinePlan, report: Report) -> None:
        self.report = report
        self.steps: dict[str, StepPlan | FlowStep] = {step.name: step for step in (*plan.steps, *plan.flow)}
        self._inputs = {one.name: one for one in plan.inputs}
        self._models = {one.name: one for one in plan.models}
        self._pulses = [one.name for one in plan.outputs if one.kind == "pulse"]

    def of(self, name: str, key: tuple[int, int], node: Node, path: str) -> None:
        """Check what a step, an output or the item's input is given; `key`: the place of its name."""
        if name in self._inputs:
            self.of_input(name, node, path)
        elif name in self.steps:
            self._of_step(self.steps[name], key, node, path)
        elif name not in self._pulses:
            self.report.add(*key, path, f"'{name}' has no outcome of its own: what it is sent is taken", "leave it out")
        elif node.text not in OUTCOMES:
            self._none_of(node, path, f"an outcome of '{name}'", OUTCOMES)

    def of_input(self, name: str, node: Node, path: str) -> None:
        """Check what comes: a reading, a message, or the picture that an item begins with."""
        plan = self._inputs[name]
        if plan.kind == "frame":
            if node.value != "dark":
                self._fields(node, path, f"a picture of '{name}'", {"key": "text"}, ("dark",))
        else:
            self._fields(node, path, f"input '{name}'", _types(plan), (UNKNOWN,) if plan.kind == "reading" else ())

    def _of_step(self, step: StepPlan | FlowStep, key: tuple[int, int], node: Node, path: str) -> None:
        match step:
            case AskStep():
                self._of_person(step, node, path)
            case LookupStep():
                types = {"found": "bool", **_types(self._inputs[step.input])}
                self._fields(node, path, f"a record of '{step.name}'", types, SILENT)
            case StepPlan():
                self._of_model(step, node, path)
            case _:
                hint = "give the values that it is made of"
                self.report.add(*key, path, f"'{step.name}' is worked out, nothing answers for it", hint)

    def _of_person(self, step: AskStep, node: Node, path: str) -> None:
        what = f"an answer of '{step.name}'"
        if isinstance(node.value, dict):
            self._fields(node, path, what, {"answer": "text", "by": "text", "note": "text"}, ())
        answer = node.mapping.get("answer") if isinstance(node.value, dict) else node
        words = step.answers if isinstance(node.value, dict) else (*step.answers, "nobody", *SILENT)
        if answer is None:
            self.report.add(node.line, node.column, path, "missing key 'answer'", f"one of {', '.join(step.answers)}")
        elif answer.text not in words:
            self._none_of(answer, path, what, (*step.answers, "nobody"))

    def _of_model(self, step: StepPlan, node: Node, path: str) -> None:
        model = self._models[step.model]
        if model.task == "regress":
            types = dict.fromkeys(model.labels, "number")
        else:
            types = {"label": "text", "score": "number", "count" if model.task == "detect" else "margin": "number"}
        words = (*SILENT, *PICTURES) if step.input else SILENT
        self._fields(node, path, f"an answer of '{step.name}'", types, words)
        label = node.mapping.get("label")
        if label is not None and "label" in types and isinstance(label.value, str):
            known = ("", *model.labels) if model.task == "detect" else model.labels
            if label.value not in known:
                what = f"model '{model.name}' never says '{label.value[:60]}'"
                self.report.add(label.line, label.column, join(path, "label"), what, did_you_mean(label.value, known))

    def _fields(self, node: Node, path: str, what: str, types: Mapping[str, str], words: Collection[str]) -> None:
        """Check a mapping of fields; `words`: what may stand instead of it."""
        if not isinstance(node.value, dict):
            if node.text not in words:
                self._none_of(
                    node, path, what, words, "{" + ", ".join(f"{name}: ..." for name in list(types)[:3]) + "}"
                )
            return
        for name, value in node.value.items():
            below = join(path, name)
            if name not in types:
                self.report.add(*node.keys[name], below, f"{what} has no field '{name}'", did_you_mean(name, types))
            elif not _fits(value, types[name]) and value.value != UNKNOWN:
                wanted = WANTED.get(types[name], "a number")
                self.report.add(value.line, value.column, below, f"should be {wanted}, or {UNKNOWN}")

    def _none_of(self, node: Node, path: str, what: str, words: Collection[str], fields: str = "") -> None:
        hint = did_you_mean(node.text, words) if node.text else ""
        known = [*([fields] if fields else []), *words]
        self.report.add(node.line, node.column, path, f"is not {what}", hint or f"one of {', '.join(known)}")


def _types(plan: InputPlan) -> dict[str, str]:
    """Return field -> text, number or bool; the fields of a reading are numbers with units."""
    return {name: "number" if plan.kind == "reading" else type for name, type in plan.fields}


def _fits(node: Node, type: str) -> bool:
    match type:
        case "text":
            return isinstance(node.value, str)
        case "bool":
            return isinstance(node.value, bool)
        case _:
            return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
