"""Steps that ask somebody else: `lookup` a system of records, `ask` a person."""

from __future__ import annotations

from ripieno.plan import AskStep, Expression, LookupStep

from ..expressions.typed import BOOL, NUMBER, TEXT, Field
from ..inputs import FOUND, Inputs
from ..names import check_name
from ..nearest import did_you_mean
from ..quantities import show
from ..sections import steps as sections
from ..sections.inputs import RecordInput
from ..sections.items import StandingItem
from .step import Made, Step


def make_lookup(step: Step, inputs: Inputs) -> Made:
    """Return a step that looks up a record."""
    one: sections.LookupStep = step.section
    world, node = step.world, step.node.mapping["lookup"]
    place, path = (node.line, node.column), f"{step.path}.lookup"
    known = world.names.use(one.lookup, ("input",), place, path, world.report) is not None
    is_record = known and isinstance(world.inputs.get(one.lookup), RecordInput)
    if known and one.lookup in world.inputs and not is_record:
        step.at("lookup", f"should be a record input ('{one.lookup}' is a {world.kind_of(one.lookup)})")
    key = step.value(step.node.mapping["by"], f"{step.path}.by")
    if step.plain(key, step.node.mapping["by"], f"{step.path}.by") and key.type not in (TEXT, NUMBER):
        step.at("by", f"a key is a text or a number (got a {key.type})")
    when = step.when()
    needs = step.needs(key.tree, when)
    plan = LookupStep(step.name, step.each, when, needs, one.lookup, key.tree, one.deadline, one.cache)
    if not is_record:
        return Made((plan,), step.unknown())
    fields = {**inputs.record_fields(one.lookup), FOUND: Field(BOOL)}
    return Made((plan,), step.source(fields, inputs.family(one.lookup)))


def make_ask(step: Step) -> Made:
    """Return a step that asks a person."""
    one: sections.AskStep = step.section
    if len(set(one.answers)) < len(one.answers):
        step.at("answers", "names an answer twice")
    if one.no_answer is not None and one.no_answer not in one.answers:
        step.at("no_answer", f"'{one.no_answer}' is none of the answers", did_you_mean(one.no_answer, one.answers))
    item = step.world.items.get(step.each)
    if isinstance(item, StandingItem) and one.no_answer is not None and one.within >= item.decide_within:
        what = f"'{one.no_answer}' is never said: a {step.each} is undecided after "
        hint = f"within: less than that, or items.{step.each}.decide_within: more"
        step.at("within", what + show("duration", item.decide_within), hint)
    show_fields: list[tuple[str, Expression]] = []
    shown = step.node.mapping.get("show")
    if shown is not None:
        for name, typed in step.values("show").items():
            path = f"{step.path}.show.{name}"
            check_name(name, shown.keys[name], path, step.world.report, False)
            if step.plain(typed, shown.mapping[name], path):
                show_fields.append((name, typed.tree))
    when = step.when()
    plan = AskStep(
        name=step.name,
        each=step.each,
        when=when,
        needs=step.needs(show_fields, when),
        role=one.role,
        question=one.ask,
        answers=one.answers,
        show=tuple(show_fields),
        within_ns=one.within,
        no_answer=one.no_answer or "",
        after_gap=one.after_gap,
    )
    fields = {"answer": Field(TEXT, labels=one.answers), "by": Field(TEXT), "note": Field(TEXT)}
    return Made((plan,), step.source(fields))
