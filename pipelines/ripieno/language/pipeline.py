"""A pipeline file -> PipelinePlan: its sections, read one after the other, each checked against what it refers to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ripieno.plan import InputPlan, ModelPlan, PipelinePlan, RulePlan, StepPlan

from . import pipeline_file as file
from .cycles import Wait, report_cycles
from .expressions.scope import Scope
from .gather import gather, gather_kinds
from .inputs import Inputs
from .items import Items
from .labels import labels_of
from .lowering import item_plan, output_plan
from .model_keys import check_model
from .names import Names, check_name, entries
from .outputs import check_outputs, output_sources
from .problems import Problems, Report, TooManyProblems
from .rule_lines import Rules
from .scanning import Place
from .seal import Read, Seal
from .sections.inputs import INPUTS
from .sections.models import Model
from .sections.outputs import OUTPUTS
from .sections.steps import ModelStep
from .shape import build, is_mapping, join
from .source import Node, parse
from .steps import Of, Steps
from .unused import report_unused
from .workflows import gather_workflows
from .world import World

FILE_NAME = "pipeline.yaml"
SECTIONS = ("inputs", "outputs", "items", "models", "steps", "workflows", "rules")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A pipeline's plan (None where it has problems) and what a device file must bind: name -> (kind, place)."""

    name: str
    file: str
    plan: PipelinePlan | None
    inputs: dict[str, tuple[str, Place]]
    outputs: dict[str, tuple[str, Place]]
    declared: dict[str, InputPlan]


def compile_pipeline(bundle: str, read: Read, problems: Problems) -> Compiled | None:
    """Return what could be made of a bundle's pipeline; None if the file is no pipeline at all."""
    path = f"{bundle}/{FILE_NAME}"
    report = problems.file(path)
    try:
        content = read(path)
        root = parse(content, report)
        return _Compiler(bundle, read, report, root).compile(content) if root is not None else None
    except OSError as error:
        report.add(0, 0, "", f"cannot be read: {error.strerror or error}", "a bundle is a folder with a pipeline.yaml")
    except TooManyProblems:
        pass  # the last one says so
    return None


class _Compiler:
    def __init__(self, bundle: str, read: Read, report: Report, root: Node) -> None:
        self._report = report
        self._bundle, self._read = bundle, read
        self._whole, self._root = build(file.PipelineFile, root, "", report)
        self._world = World(report, Names())

    def compile(self, content: bytes) -> Compiled:
        before = len(self._report.found)
        if any(len(entries(self._root, section)) > file.MOST for section in SECTIONS):  # it was told
            return Compiled("", self._report.file, None, {}, {}, {})
        for section in SECTIONS:
            if section in self._root.mapping:
                is_mapping(self._root.mapping[section], section, self._report)
            self._define(section)
        world, root, report = self._world, self._root, self._report
        world.inputs = gather_kinds(root, "inputs", INPUTS, world.nodes, report)
        world.outputs = gather_kinds(root, "outputs", OUTPUTS, world.nodes, report)
        items = Items(world, root)
        world.models = {
            name: self._labelled(name, one) for name, one in gather(root, "models", Model, world.nodes, report).items()
        }
        gather_workflows(world, root)
        inputs = Inputs(world)
        scope = Scope(report, world.names, {**inputs.sources(), **output_sources(world)})
        steps = Steps(world, scope, inputs, Of())
        steps.build(entries(root, "steps"))
        check_outputs(world)
        self._check_purpose(steps)
        items.check([one.section.at for one in steps.built.values() if getattr(one.section, "at", None)])
        steps.read()
        rules = Rules(world, scope, root).read()
        world.names.finish()
        report_cycles([self._wait(rule) for rule in rules], world.names, report)
        if before == len(report.found):
            report_unused(world, scope, steps, rules, root)
        is_good = before == len(report.found) and self._whole is not None
        seal = Seal(self._bundle, self._read, report)
        if is_good:  # a file with problems must be sealed again anyway
            seal.check_file(FILE_NAME, content, dataclasses.replace(root, line=0, column=0), "", report)
        models = [
            seal.model(name, model, world.nodes[f"models.{name}"], f"models.{name}", report)
            for name, model in world.models.items()
        ]
        plan = None
        if self._whole is not None and before == len(report.found):
            plan = self._plan(self._whole, seal, scope, inputs, steps, rules, [one for one in models if one])
        node = root.mapping.get("name")
        name = node.text if node is not None else self._bundle
        declared = {one.name: one for one in inputs.plans()}
        return Compiled(name, report.file, plan, self._wanted("inputs"), self._wanted("outputs"), declared)

    def _plan(
        self,
        whole: file.PipelineFile,
        seal: Seal,
        scope: Scope,
        inputs: Inputs,
        steps: Steps,
        rules: list[RulePlan],
        models: list[ModelPlan],
    ) -> PipelinePlan:
        return PipelinePlan(
            name=whole.name,
            version=whole.version,
            bundle=self._bundle,
            manifest_sha256=seal.sha256,
            inputs=inputs.plans(),
            outputs=tuple(output_plan(name, one) for name, one in self._world.outputs.items()),
            items=tuple(item_plan(name, one) for name, one in self._world.items.items()),
            models=tuple(models),
            steps=tuple(one for one in steps.plans.values() if isinstance(one, StepPlan)),
            aggregates=scope.aggregates,
            rules=tuple(rules),
            flow=tuple(one for one in steps.plans.values() if not isinstance(one, StepPlan)),
        )

    def _wait(self, rule: RulePlan) -> Wait:
        """Return what a rule waits for, where that is an output."""
        after = rule.after if rule.after.partition(".")[0] in self._world.outputs else ""
        return Wait(rule.name, after, tuple(effect.output for effect in rule.do))

    def _wanted(self, section: str) -> dict[str, tuple[str, Place]]:
        kinds = self._world.inputs if section == "inputs" else self._world.outputs
        return {
            name: (kinds[name].kind if name in kinds else "", place)
            for name, (_, place) in entries(self._root, section).items()
        }

    def _define(self, section: str) -> None:
        names = self._world.names
        taken = {name: kind for kind in ("input", "output", "step") for name in names.known(kind)}
        kind = section.removesuffix("s")
        for name, (_, place) in entries(self._root, section).items():
            path = join(section, name)
            named = kind not in ("rule", "model", "workflow")
            if check_name(name, place, path, self._report, named) and kind in ("output", "step") and name in taken:
                line = names.line(taken[name], name)
                self._report.add(*place, path, f"{taken[name]} '{name}' has the same name", f"defined on line {line}")
            names.define(kind, name, place, path, self._report)

    def _check_purpose(self, steps: Steps) -> None:
        """Report a pipeline of which nothing comes."""
        if self._whole is None or self._whole.rules:
            return
        if not any(isinstance(one.section, ModelStep) and one.section.report for one in steps.built.values()):
            what = "missing key 'rules'" if "rules" not in self._root.mapping else "rules: there is none"
            hint = "what is to be done; or a step with report: changes"
            self._report.add(self._root.line, self._root.column, "", what, hint)

    def _labelled(self, name: str, model: Model) -> Model:
        """Return the model with its labels as a list; ("",) where their file cannot be used, which is reported."""
        path = f"models.{name}"
        try:
            labels = labels_of(model.labels, self._bundle, self._read)
        except OSError as error:
            hint = "a path in the bundle"
            self._world.at(path, "labels", f"cannot read {model.labels}: {error.strerror or error}", hint)
            labels = ("",)
        except ValueError as error:
            self._world.at(path, "labels", str(error))
            labels = ("",)
        check_model(model, self._world.nodes[path], path, self._report)
        return dataclasses.replace(model, labels=labels)
