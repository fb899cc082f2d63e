"""Items that stand, their verdicts, schedules, and what rules may do for whom."""

# ruff: noqa: E501  pinned texts stand on one line

from __future__ import annotations

import pytest
from language.bundles import compiled, example, told_of

from ripieno.plan import BookingEffect, Const, FieldLimits, ItemPlan

MINUTE = 60_000_000_000

MISTAKES = [
    # items
    ("questions", "starts: asked", "starts: reply", "items.question.starts: there is no input 'reply'"),
    (
        "questions",
        "starts: asked",
        "starts: askd",
        "items.question.starts: there is no input 'askd' (did you mean 'asked', defined on line 7?)",
    ),
    ("questions", ", decide_within: 1min", "", "items.question: missing key 'decide_within' (a duration such as 60ms)"),
    (
        "questions",
        "decide_within",
        "decid_within",
        "items.question.decid_within: unknown key 'decid_within' (did you mean 'decide_within'?)",
    ),
    (
        "questions",
        "starts: asked,",
        "starts: asked, key: txt,",
        "items.question.key: input 'asked' has no field 'txt' (did you mean 'text'?)",
    ),
    (
        "questions",
        "items:\n",
        "items:\n  other: {starts: asked, decide_within: 1s}\n",
        "items.question.starts: item 'other' begins with the messages of 'asked' already (line 14; let a route tell its kinds apart)",
    ),
    (
        "parts",
        "starts: photo_eye.rising",
        "starts: top",
        "items.part.starts: should be an edge input's rising edge (got 'top') (such as photo_eye.rising; or a message input)",
    ),
    # verdicts
    (
        "questions",
        "after: question.undecided",
        "after: question.undecide",
        "rules.hand_on.after: no rule says 'undecide' of a question (did you mean 'undecided'?)",
    ),
    (
        "questions",
        "after: question.undecided",
        "after: question.replied",
        "rules.hand_on.after: no rule says 'replied' of a question (there is answered, undecided)",
    ),
    (
        "questions",
        "after: question.undecided",
        "after: questions.undecided",
        "rules.hand_on.after: a rule for each question waits for its own verdict (such as question.undecided)",
    ),
    (
        "questions",
        "after: question.undecided",
        "when: intent.score < 0.1",
        "items.question: an undecided question goes nowhere (a rule {each: question, after: question.undecided, do: ...})",
    ),
    (
        "questions",
        "verdict: answered",
        "verdict: undecided",
        "rules.answer.verdict: 'undecided' is what an item is without a verdict (another word; or no rule)",
    ),
    (
        "questions",
        "after: question.undecided",
        "after: question.undecided\n    verdict: late",
        "rules.hand_on.verdict: a question is decided already when this rule begins (remove 'verdict', or 'after')",
    ),
    (
        "questions",
        "verdict: answered",
        "verdict: answered\n    else: divert",
        "rules.answer.else: is for parts on a belt, and a question stands (a rule with after: question.undecided says what happens to one that is not decided)",
    ),
    (
        "questions",
        "  hand_on:",
        "  again: {each: question, when: intent.score >= 0.9, verdict: sure, do: reply.send(question)}\n  hand_on:",
        "rules.again.when: never decides: where it holds, rule 'answer' has decided (put it before that rule, or narrow that one)",
    ),
    (
        "parts",
        "else: divert",
        "else: divert\n    verdict: fine",
        "rules.pass.verdict: is for items that stand, and a part moves (a part is let through by the pulse at 'gate')",
    ),
    (
        "watch",
        "for: 10s",
        "verdict: hot",
        "rules.too_hot.verdict: is for rules with 'each' (an item that stands is decided)",
    ),
    # effects
    (
        "questions",
        "reply.send(question, to=asked.customer, about=intent.label)",
        "reply.send(about=intent.label)",
        "rules.answer.do: reply.send wants the item of this rule (write reply.send(question))",
    ),
    (
        "questions",
        "reply.send(question, to=asked.customer, about=intent.label)",
        "reply.send(question, ago=since(intent.score > 0.5))",
        "rules.answer.do: a duration has no unit there (divide it by 1s)",
    ),
    (
        "watch",
        "note.send(temperature=oven.temperature)",
        "note.send(oven)",
        "rules.too_hot.do: note.send takes named values only: this rule runs over time",
    ),
    (
        "steer",
        "pump.set(80)",
        "pump.set(melt.pressure)",
        "rules.unsteady.do: numbers of 'pump' are in %, and this is in bar",
    ),
    # schedules
    ("steer", "every: 1h", "every: 1ms", "rules.hourly.every: should be at least 100ms (got 1ms)"),
    (
        "steer",
        "every: 1h",
        "every: 1h\n    for: 10s",
        "rules.hourly.for: is for rules without a schedule (remove it, or remove 'every')",
    ),
    (
        "steer",
        "every: 1h",
        "every: 1h\n    when: melt.pressure > 500",
        "rules.hourly.when: can never hold (melt.pressure is between 0 and 400)",
    ),
    (
        "questions",
        "verdict: answered",
        "every: 1h",
        "rules.answer.every: is for rules over time (remove it, or remove 'each')",
    ),
    ("watch", "when: oven.temperature > 240", "when: true", "rules.too_hot.when: is always true"),
    # inputs
    (
        "evidence",
        "range: [-20, 400]",
        "range: [400, -20]",
        "inputs.oven.fields.temperature.range: should be [low, high] with low below high (got 400, -20)",
    ),
    (
        "evidence",
        "range: [-20, 400]",
        "range: [-60, 400]",
        "inputs.oven.fields.temperature.range: goes beyond what the sensor can tell, -50 to 450 (range: plausible; saturates: the ends of the sensor)",
    ),
    (
        "evidence",
        "stuck_after: 10min",
        "stuck_after: 10",
        "inputs.oven.fields.temperature.stuck_after: wants a duration such as 60ms (got 10, without a unit) (write 10ms if you mean that)",
    ),
    (
        "evidence",
        "saturates:",
        "saturate:",
        "inputs.oven.fields.temperature.saturate: unknown key 'saturate' (did you mean 'saturates'?)",
    ),
    (
        "evidence",
        "fields: {temperature: degC}",
        "fields: {temperature: 5}",
        "inputs.second.fields.temperature: should be a unit such as bar, or a mapping with unit, range, saturates, stuck_after (got 5)",
    ),
    (
        "evidence",
        "oven.pressure > 1.15 bar",
        "oven.pressure > 1.15 degC",
        "rules.over_pressure.when: cannot compare mbar with degC (both sides should be of one unit)",
    ),
    (
        "evidence",
        "oven.pressure > 1.15 bar",
        "oven.pressure > 1.5 bar",
        "rules.over_pressure.when: can never hold (oven.pressure is between 900 and 1200)",
    ),
    (
        "service-desk",
        "tier: text",
        "found: text",
        "inputs.customers.fields.found: says of a lookup whether there is a record (give it another name)",
    ),
    (
        "service-desk",
        "{kind: record,",
        "{kind: record, max_age: 1s,",
        "inputs.customers.max_age: unknown key 'max_age'",
    ),
]


@pytest.mark.parametrize(("name", "right", "wrong", "text"), MISTAKES, ids=[one[3][:70] for one in MISTAKES])
def test_a_mistake_is_told_so(name: str, right: str, wrong: str, text: str) -> None:
    pipeline, files = example(name)
    assert right in pipeline

    told = told_of(pipeline.replace(right, wrong, 1), files)

    assert any(text in one for one in told), told


def test_an_item_that_stands_has_no_way() -> None:
    pipeline, files = example("questions")

    plan = compiled(pipeline.replace("starts: asked,", "starts: asked, key: customer,"), files)

    assert plan.items == (ItemPlan("question", "asked", "", (), "", MINUTE, "customer"),)
    assert plan.items[0].stands
    assert [(one.verdict, one.after, one.otherwise) for one in plan.rules] == [
        ("answered", "", "hold"),
        ("", "question.undecided", "hold"),
    ]


def test_a_pulse_is_for_parts_on_a_belt() -> None:
    pipeline, files = example("questions")
    wrong = pipeline.replace("outputs:\n", "outputs:\n  bell: {kind: pulse, safe: off, hold: 1s}\n").replace(
        "do: reply.send(question, to=asked.customer, about=intent.label)", "do: bell.ring(question)"
    )

    (told,) = told_of(wrong, files)

    assert "rules.answer.do: a question stands: it never comes by the place of a pulse" in told


def test_a_setpoint_is_not_moved_by_a_rule_for_items() -> None:
    pipeline, files = example("parts")
    wrong = pipeline.replace(
        "outputs:\n", "outputs:\n  flow: {kind: setpoint, range: [0, 9], step: 1, safe: 5, lease: 1s}\n"
    ).replace('do: stock.scrap(part, reason=look.label or "undecided")', "do: flow.change(1)")

    (told,) = told_of(wrong, files)

    assert "rules.scrap.do: a setpoint is moved by rules over time, and this rule runs for each part" in told


def test_a_schedule_needs_no_condition_and_may_have_one() -> None:
    pipeline, files = example("steer")
    free, bound = compiled(pipeline, files), compiled(pipeline.replace("every: 1h", "every: 1h\n    when: true"), files)
    held = compiled(pipeline.replace("every: 1h", "every: 1h\n    when: pump.value > 90"), files)

    assert [(one.rules[-1].every_ns, one.rules[-1].after_gap) for one in (free, bound, held)] == [
        (60 * MINUTE, "keep")
    ] * 3
    assert free.rules[-1].when == bound.rules[-1].when == Const(True)
    assert held.rules[-1].when != Const(True)


def test_messages_and_reports_are_effects_like_bookings() -> None:
    plan = compiled(*example("service-desk"))

    effects = {effect.output: effect for rule in plan.rules for effect in rule.do}
    assert {one.name: one.kind for one in plan.outputs} == {"reply": "message", "tasks": "booking", "letter": "report"}
    assert all(isinstance(one, BookingEffect) for one in effects.values())


def test_limits_of_a_sensor_are_in_the_plan_where_the_file_gives_some() -> None:
    plan = compiled(*example("evidence"))
    most = 1.7976931348623157e308

    assert plan.inputs[0].fields == (("temperature", "degC"), ("pressure", "mbar"), ("door_open", ""))
    assert plan.inputs[0].limits == (
        FieldLimits("temperature", -20.0, 400.0, -50.0, 450.0, 10 * MINUTE),
        FieldLimits("pressure", 900.0, 1200.0, -most, most, 0),
        FieldLimits("door_open", 0.0, 1.0, -most, most, 0),
    )
    assert plan.inputs[1].limits == ()


def test_a_field_may_be_named_like_a_word_of_pythons() -> None:
    pipeline, files = example("watch")
    named = pipeline.replace(
        "oven: {kind: reading, fields: {temperature: degC}, max_age: 5s}",
        "oven: {kind: message, fields: {from: number, class: number}}",
    )
    named = named.replace("oven.temperature > 240", "oven.from > 240").replace(
        "note.send(temperature=oven.temperature)", "note.send(class=oven.class)"
    )

    plan = compiled(named, files)

    (effect,) = plan.rules[0].do
    assert isinstance(effect, BookingEffect)
    assert [(name, getattr(value, "field", "")) for name, value in effect.fields] == [("class", "class")]


def test_how_far_a_label_lies_before_the_next_can_be_named() -> None:
    text, files = example("questions")
    plan = compiled(text.replace("intent.score", "intent.margin"), files)

    assert "margin" in repr(plan)
