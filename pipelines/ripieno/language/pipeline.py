"""A pipeline file -> PipelinePlan: inputs, outputs, items, models and steps, each checked against what it refers to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

from ripieno.plan import PipelinePlan

from . import pipeline_file as file
from .cycles import Wait, report_cycles
from .labels import labels_of
from .lowering import input_plan, item_plan, output_plan, step_plan
from .model_keys import check_model
from .names import Names, check_name, entries
from .nearest import did_you_mean, nearest
from .problems import Problems, Report
from .rule_lines import Rules
from .saying import got
from .scope import Scope
from .seal import Read, Seal
from .sections.inputs import INPUTS, EdgeInput, FrameInput, MessageInput, PositionInput, ReadingInput
from .sections.items import Item
from .sections.models import Model
from .sections.outputs import OUTPUTS, PulseOutput, SetpointOutput
from .sections.steps import ModelStep
from .shape import build, hints_of, is_mapping, join, known_keys
from .source import Node, Place, parse
from .typed import NUMBER, TEXT, Field, Source

T = TypeVar("T")
FILE_NAME = "pipeline.yaml"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A pipeline's plan (None where it has problems) and what a device file must bind: name -> (kind, place)."""

    name: str
    file: str
    plan: PipelinePlan | None
    inputs: dict[str, tuple[str, Place]]
    outputs: dict[str, tuple[str, Place]]


def compile_pipeline(bundle: str, read: Read, problems: Problems) -> Compiled | None:
    """Return what could be made of a bundle's pipeline; None if the file is no pipeline at all."""
    path = f"{bundle}/{FILE_NAME}"
    report = problems.file(path)
    try:
        content = read(path)
    except OSError as error:
        report.add(0, 0, "", f"cannot be read: {error.strerror or error}", "a bundle is a folder with a pipeline.yaml")
        return None
    root = parse(content, report)
    if root is None:
        return None
    return _Compiler(bundle, read, report, root).compile(content)


class _Compiler:
    def __init__(self, bundle: str, read: Read, report: Report, root: Node) -> None:
        self._report = report
        self._bundle, self._read = bundle, read
        whole, self._root = build(file.PipelineFile, root, "", report)
        self._whole = whole
        self._names = Names()
        self._inputs: dict[str, Any] = {}
        self._outputs: dict[str, Any] = {}
        self._items: dict[str, Item] = {}
        self._models: dict[str, Model] = {}
        self._steps: dict[str, ModelStep] = {}
        self._nodes: dict[str, Node] = {}

    def compile(self, content: bytes) -> Compiled:
        before = len(self._report.found)
        for section in ("inputs", "outputs", "items", "models", "steps", "rules"):
            if section in self._root.mapping:
                is_mapping(self._root.mapping[section], section, self._report)
            self._define(section)
        self._inputs = self._by_kind("inputs", INPUTS)
        self._outputs = self._by_kind("outputs", OUTPUTS)
        self._items = self._all("items", Item)
        self._models = {name: self._labelled(name, one) for name, one in self._all("models", Model).items()}
        self._steps = self._all("steps", ModelStep)
        for name, output in self._outputs.items():
            self._check_output(name, output)
        if self._whole is not None and not self._whole.rules and not any(s.report for s in self._steps.values()):
            what = "missing key 'rules'" if "rules" not in self._root.mapping else "rules: there is none"
            hint = "what is to be done; or a step with report: changes"
            self._report.add(self._root.line, self._root.column, "", what, hint)
        for name, item in self._items.items():
            self._check_item(name, item)
        for name, step in self._steps.items():
            self._check_step(name, step)
        scope = Scope(self._report, self._names, self._sources())
        rules = Rules(scope, self._outputs, self._items, self._steps, self._root).read()
        self._names.finish()
        report_cycles(
            [Wait(rule.name, rule.after, tuple(e.output for e in rule.do)) for rule in rules], self._names, self._report
        )
        shape_is_good = before == len(self._report.found) and self._whole is not None
        seal = Seal(self._bundle, self._read, self._report)
        if shape_is_good:  # a file with problems must be sealed again anyway
            seal.check_file(FILE_NAME, content, dataclasses.replace(self._root, line=0, column=0), "", self._report)
        models = [
            seal.model(name, model, self._nodes[f"models.{name}"], f"models.{name}", self._report)
            for name, model in self._models.items()
        ]
        plan = None
        if self._whole is not None and before == len(self._report.found):
            plan = PipelinePlan(
                name=self._whole.name,
                version=self._whole.version,
                bundle=self._bundle,
                manifest_sha256=seal.sha256,
                inputs=tuple(input_plan(name, one) for name, one in self._inputs.items()),
                outputs=tuple(output_plan(name, one) for name, one in self._outputs.items()),
                items=tuple(item_plan(name, one) for name, one in self._items.items()),
                models=tuple(one for one in models if one is not None),
                steps=tuple(step_plan(name, one) for name, one in self._steps.items()),
                aggregates=tuple(scope.aggregates),
                rules=tuple(rules),
            )
        node = self._root.mapping.get("name")
        name = node.text if node is not None else self._bundle
        return Compiled(name, self._report.file, plan, self._wanted("inputs"), self._wanted("outputs"))

    def _wanted(self, section: str) -> dict[str, tuple[str, Place]]:
        kinds = self._inputs if section == "inputs" else self._outputs
        return {
            name: (kinds[name].kind if name in kinds else "", place)
            for name, (_, place) in entries(self._root, section).items()
        }

    def _define(self, section: str) -> None:
        taken = {name: kind for kind in ("input", "output", "step") for name in self._names.known(kind)}
        kind = section.removesuffix("s")
        for name, (_, place) in entries(self._root, section).items():
            path = join(section, name)
            named = kind not in ("rule", "model")
            if check_name(name, place, path, self._report, named) and kind in ("output", "step") and name in taken:
                line = self._names.line(taken[name], name)
                self._report.add(*place, path, f"{taken[name]} '{name}' has the same name", f"defined on line {line}")
            self._names.define(kind, name, place, path, self._report)

    def _by_kind(self, section: str, table: dict[str, type]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, (node, place) in entries(self._root, section).items():
            path = join(section, name)
            if not is_mapping(node, path, self._report):
                continue
            known = {"kind"}.union(*(hints_of(cls) for cls in table.values()))
            if "kind" not in node.mapping and not any(nearest(key, ["kind"]) for key in node.mapping):
                hint = f"one of {', '.join(table)}"
                self._report.add(*place, path, "missing key 'kind'", hint)
                continue
            told = "kind" not in node.mapping
            if told:
                node = known_keys(node, known, path, self._report)
            kind = node.mapping["kind"]
            cls = table.get(str(kind.value))
            if cls is None:
                near = nearest(kind.text, table)
                hint = f"did you mean '{near}'?" if near else ""
                what = f"should be one of {', '.join(table)} (got {got(kind)})"
                self._report.add(kind.line, kind.column, join(path, "kind"), what, hint)
                if near is None:
                    continue
                cls = table[near]
                right = dataclasses.replace(kind, value=near, text=near)
                node = dataclasses.replace(node, value={**node.mapping, "kind": right})
            made, node = build(cls, node, path, self._report)
            self._nodes[path] = node
            if made is not None:
                found[name] = made
        return found

    def _all(self, section: str, cls: type[T]) -> dict[str, T]:
        found: dict[str, T] = {}
        for name, (node, _) in entries(self._root, section).items():
            path = join(section, name)
            made, self._nodes[path] = build(cls, node, path, self._report)
            if made is not None:
                found[name] = made
        return found

    def _labelled(self, name: str, model: Model) -> Model:
        """Return the model with its labels as a list; ("",) where their file cannot be used, which is reported."""
        path = f"models.{name}"
        try:
            labels = labels_of(model.labels, self._bundle, self._read)
        except OSError as error:
            self._at(path, "labels", f"cannot read {model.labels}: {error.strerror or error}", "a path in the bundle")
            labels = ("",)
        except ValueError as error:
            self._at(path, "labels", str(error))
            labels = ("",)
        check_model(model, self._nodes[path], path, self._report)
        return dataclasses.replace(model, labels=labels)

    def _at(self, path: str, key: str, message: str, hint: str = "") -> None:
        node = self._nodes[path]
        place = node.mapping.get(key, node)
        self._report.add(place.line, place.column, join(path, key), message, hint)

    def _use(self, path: str, key: str, name: str, *kinds: str) -> bool:
        node = self._nodes[path].mapping[key]
        return self._names.use(name, kinds, (node.line, node.column), join(path, key), self._report) is not None

    def _check_output(self, name: str, output: Any) -> None:
        if not isinstance(output, SetpointOutput):
            return
        path, (low, high) = f"outputs.{name}", output.range
        if low >= high:
            self._at(path, "range", f"should be [low, high] with low below high (got {low:g}, {high:g})")
        elif not low <= output.safe <= high:
            self._at(path, "safe", f"should be inside range {low:g} to {high:g} (got {output.safe:g})")
        elif output.step > high - low:
            self._at(path, "step", f"should be at most the whole range, {high - low:g} (got {output.step:g})")

    def _check_item(self, name: str, item: Item) -> None:
        path = f"items.{name}"
        source, _, edge = item.starts.partition(".")
        if edge != "rising":
            near = "rising" if nearest(edge, ["rising"]) else ""
            hint = f"did you mean '{source}.rising'?" if near else "such as photo_eye.rising"
            self._at(path, "starts", f"should be an edge input's rising edge (got '{item.starts[:60]}')", hint)
        elif self._use(path, "starts", source, "input") and not self._is(source, EdgeInput):
            self._at(path, "starts", f"should be an edge input ('{source}' is a {self._kind(source)})")
        if self._use(path, "follows", item.follows, "input") and not self._is(item.follows, PositionInput):
            self._at(path, "follows", f"should be a position input ('{item.follows}' is a {self._kind(item.follows)})")
        self._check_places(path, item)

    def _check_places(self, path: str, item: Item) -> None:
        section = self._nodes[path].mapping["places"]
        for place in item.places:
            check_name(place, section.keys[place], f"{path}.places.{place}", self._report, False)
        if item.decide_before not in item.places:
            hint = did_you_mean(item.decide_before, item.places)
            self._at(path, "decide_before", f"there is no place '{item.decide_before}'", hint)
            self._misspelt_place(path, item, item.decide_before, "decide_before")
        elif not any(mm < item.places[item.decide_before] for mm in item.places.values()) and len(item.places) > 1:
            self._at(path, "decide_before", f"no other place comes before '{item.decide_before}'")

    def _misspelt_place(self, path: str, item: Item, wanted: str, by: str) -> None:
        used = {item.decide_before, *self._outputs, *(step.at for step in self._steps.values())}
        near = nearest(wanted, [place for place in item.places if place not in used])
        if near is not None:
            line, column = self._nodes[path].mapping["places"].keys[near]
            message = f"is used nowhere, while {by} names '{wanted}'"
            self._report.add(line, column, f"{path}.places.{near}", message, f"did you mean '{wanted}'?")

    def _kind(self, name: str) -> str:
        return str(self._inputs[name].kind) if name in self._inputs else "input with problems"

    def _is(self, name: str, cls: type) -> bool:
        return name not in self._inputs or isinstance(self._inputs[name], cls)

    def _check_step(self, name: str, step: ModelStep) -> None:
        path = f"steps.{name}"
        self._use(path, "model", step.model, "model")
        if self._use(path, "input", step.input, "input") and not self._is(step.input, FrameInput):
            self._at(path, "input", f"should be a frame input ('{step.input}' is a {self._kind(step.input)})")
        if step.each is None:
            for key in ("at", "within"):
                if key in self._nodes[path].mapping:
                    self._at(path, key, "is for frames of items", "give the step 'each'")
            return
        if not self._use(path, "each", step.each, "item") or step.each not in self._items:
            return
        item = self._items[step.each]
        if step.at is None:
            self._at(path, "each", "missing key 'at'", f"the place of the camera: {', '.join(item.places)}")
        elif step.at not in item.places:
            self._at(path, "at", f"{step.each} has no place '{step.at}'", did_you_mean(step.at, item.places))
            self._misspelt_place(f"items.{step.each}", item, step.at, f"{path}.at")
        elif step.at != item.decide_before and item.decide_before in item.places:
            self._check_way(path, step, item)

    def _check_way(self, path: str, step: ModelStep, item: Item) -> None:
        seen, end = item.places[str(step.at)], item.places[item.decide_before]
        output = self._outputs.get(item.decide_before)
        before = output.before if isinstance(output, PulseOutput) else 0.0
        if seen + step.within >= end - before:
            what = (
                f"is seen at '{step.at}' ({seen:g}mm +- {step.within:g}mm), but must be decided at {end - before:g}mm"
            )
            self._at(
                path,
                "at",
                what,
                f"'{item.decide_before}' is at {end:g}mm" + (f" and begins {before:g}mm before" if before else ""),
            )

    def _sources(self) -> dict[str, Source]:
        sources: dict[str, Source] = {}
        for name, one in self._inputs.items():
            fields = {}
            if isinstance(one, ReadingInput):
                fields = {field: Field(NUMBER) for field in one.fields}
            elif isinstance(one, MessageInput):
                fields = {field: Field(kind) for field, kind in one.fields.items()}
            sources[name] = Source("input", fields)
        for name, output in self._outputs.items():
            is_setpoint = isinstance(output, SetpointOutput)
            fields = {"value": Field(NUMBER, *output.range)} if is_setpoint else {}
            sources[name] = Source("output", fields)
        for name, step in self._steps.items():
            model = self._models.get(step.model)
            labels = tuple(model.labels) if model is not None and model.labels != ("",) else None
            answers = {"label": Field(TEXT, labels=labels), "score": Field(NUMBER, 0.0, 1.0)}
            if model is not None and model.task == "detect":
                answers["count"] = Field(NUMBER, 0.0)
            sources[name] = Source("step", answers, step.each or "", sampled=True)
        return sources
