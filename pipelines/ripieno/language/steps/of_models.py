"""Steps that ask a model: about frames, about a text, about the numbers of a vector."""

from __future__ import annotations

from ripieno.plan import Expression, StepPlan

from ..expressions.typed import NUMBER, TEXT, Field
from ..nearest import did_you_mean
from ..sections.inputs import FrameInput
from ..sections.items import MovingItem
from ..sections.models import Model
from ..sections.outputs import PulseOutput
from ..sections.steps import ModelStep
from .step import Made, Step

OF_FRAMES = ("at", "within", "frames", "crop", "margin", "tiles")
OF_ITEMS = ("at", "within")


def make(step: Step) -> Made:
    """Return a step that asks a model."""
    one: ModelStep = step.section
    model = _model(step, one.model)
    of: tuple[Expression, ...] = ()
    if one.of is not None:
        of = _values(step, one, model)
    elif one.input is None:
        hint = "input: a frame input; of: a text, or numbers"
        step.at("", "does not say what the model is asked about", hint)
    else:
        _frames(step, one, one.input, model)
    when = step.when()
    crop = f"{step.name.removesuffix(step.local)}{one.crop}" if one.crop else ""
    plan = StepPlan(
        name=step.name,
        model=one.model,
        input=one.input or "",
        each=step.each,
        place=one.at or "",
        match_mm=one.within if step.each and one.input else 0.0,
        frames=one.frames or ("every" if step.each else "newest"),
        priority=one.priority,
        deadline_ns=one.deadline,
        report=one.report or "",
        of=of,
        when=when,
        needs=tuple(dict.fromkeys((*([crop] if crop else []), *step.needs(of, when)))),
        crop=crop,
        margin=one.margin or 0.0,
        tiles=one.tiles or (1, 1),
    )
    if model is None:
        return Made((plan,), step.unknown())
    return Made((plan,), step.source(fields_of(model)))


def fields_of(model: Model) -> dict[str, Field]:
    """Return what expressions may name of a model's answers."""
    if model.task == "regress":
        return {name: Field(NUMBER) for name in model.outputs or ()}
    labels = tuple(model.labels) if model.labels not in ((), ("",)) else None
    if model.task == "detect":
        known = ("", *labels) if labels is not None else None
        return {"label": Field(TEXT, labels=known), "score": Field(NUMBER, 0.0, 1.0), "count": Field(NUMBER, 0.0)}
    return {"label": Field(TEXT, labels=labels), **{name: Field(NUMBER, 0.0, 1.0) for name in ("score", "margin")}}


def _model(step: Step, name: str) -> Model | None:
    node = step.node.mapping["model"]
    place = (node.line, node.column)
    step.world.names.use(name, ("model",), place, f"{step.path}.model", step.world.report)
    return step.world.models.get(name)


def _takes(model: Model | None) -> str:
    if model is None:
        return ""
    return "text" if model.input.text is not None else "vector" if model.input.vector is not None else "picture"


def _values(step: Step, one: ModelStep, model: Model | None) -> tuple[Expression, ...]:
    """Return what a model of values is asked about."""
    node = step.node.mapping["of"]
    for key in (*OF_FRAMES, "input"):
        if key in step.node.mapping:
            step.at(key, "is for a model of frames", "this one is asked about values: of")
    nodes = node.value if isinstance(node.value, tuple) else (node,)
    found = [step.value(each, f"{step.path}.of") for each in nodes]
    takes = _takes(model)
    if takes == "picture":
        step.at("of", f"model '{one.model}' takes a picture", "input: the frame input")
    elif takes == "text" and len(found) != 1:
        step.at("of", f"model '{one.model}' takes one text (got {len(found)} values)")
    elif takes == "vector" and model is not None and model.input.vector is not None:
        fields = model.input.vector
        if len(found) != len(fields):
            what = f"model '{one.model}' takes {len(fields)} numbers: {', '.join(fields)} (got {len(found)})"
            step.at("of", what)
    wanted = TEXT if takes == "text" else NUMBER
    for typed, each in zip(found, nodes, strict=True):
        if takes in ("text", "vector") and step.plain(typed, each, f"{step.path}.of") and typed.type != wanted:
            what = f"model '{one.model}' takes {'a text' if wanted == TEXT else 'numbers'} (got a {typed.type})"
            step.world.report.add(each.line, each.column, f"{step.path}.of", what)
    return tuple(typed.tree for typed in found)


def _frames(step: Step, one: ModelStep, input: str, model: Model | None) -> None:
    """Check a step over frames."""
    node = step.node.mapping["input"]
    world, path = step.world, f"{step.path}.input"
    if world.names.use(input, ("input",), (node.line, node.column), path, world.report) is not None:
        if not world.is_input(input, FrameInput):
            step.at("input", f"should be a frame input ('{input}' is a {world.kind_of(input)})")
        elif _takes(model) in ("text", "vector"):
            takes = "a text" if _takes(model) == "text" else "numbers"
            step.at("model", f"model '{one.model}' takes {takes}, no picture", "of: what it is asked about")
    _crop(step, one)
    if not step.each:
        for key in OF_ITEMS:
            if key in step.node.mapping:
                step.at(key, "is for frames of items", "give the step 'each'")
        return
    item = world.items.get(step.each)
    if item is None:
        return
    if not isinstance(item, MovingItem):
        if item.starts != input:
            where = "each" if "each" in step.node.mapping else "input"
            step.at(where, f"a {step.each} has no place where a camera sees it, and does not begin with a picture")
        for key in OF_ITEMS:
            if key in step.node.mapping:
                step.at(key, f"is for items that move: a {step.each} begins with its picture", "remove it")
    elif one.at is None:
        step.at("each", "missing key 'at'", f"the place of the camera: {', '.join(item.places)}")
    elif one.at not in item.places:
        step.at("at", f"{step.each} has no place '{one.at}'", did_you_mean(one.at, item.places))
        step.misspelt_place(item, one.at)
    elif one.at != item.decide_before and item.decide_before in item.places:
        _check_way(step, one, one.at, item)


def _check_way(step: Step, one: ModelStep, at: str, item: MovingItem) -> None:
    """Report a camera that sees the item too late."""
    seen, end = item.places[at], item.places[item.decide_before]
    output = step.world.outputs.get(item.decide_before)
    before = output.before if isinstance(output, PulseOutput) else 0.0
    if seen + one.within >= end - before:
        what = f"is seen at '{at}' ({seen:g}mm +- {one.within:g}mm), but must be decided at {end - before:g}mm"
        begins = f" and begins {before:g}mm before" if before else ""
        step.at("at", what, f"'{item.decide_before}' is at {end:g}mm{begins}")


def _crop(step: Step, one: ModelStep) -> None:
    """Check that a crop has a detecting step that sees the same frames."""
    if one.margin is not None and one.crop is None:
        step.at("margin", "is for a crop", "crop: the step that finds the box")
    if one.crop is None:
        return
    if one.tiles is not None:
        step.at("tiles", "a crop is not cut into tiles", "remove one of them")
    node, names = step.node.mapping["crop"], step.scope.names
    place, path = (node.line, node.column), f"{step.path}.crop"
    if names.use(one.crop, ("step",), place, path, step.world.report) is None:
        return
    finder = step.sections.get(one.crop)
    if finder is None:
        return
    model = step.world.models.get(finder.model) if isinstance(finder, ModelStep) else None
    if not isinstance(finder, ModelStep) or (model is not None and model.task != "detect"):
        step.at("crop", f"step '{one.crop}' finds no boxes", "a step whose model has task: detect")
    elif (finder.input, finder.at) != (one.input, one.at) or step.scope.sources[one.crop].each != step.each:
        step.at("crop", f"step '{one.crop}' sees other frames", "both need the same input, each and at")
