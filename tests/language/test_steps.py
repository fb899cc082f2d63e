"""Steps of every kind: what cannot be is told where it stands, with the mend."""

# ruff: noqa: E501  pinned texts stand on one line

from __future__ import annotations

import pytest
from language.bundles import compiled, example, told_of

from ripieno.errors import ConfigError

AGREE = "agree: [oven.temperature, second.temperature, third.temperature]"

MISTAKES = [
    # which kind
    ("evidence", f"    {AGREE}", f"    agre{AGREE[5:]}", "steps.sure.agre: unknown key 'agre' (did you mean 'agree'?)"),
    (
        "evidence",
        f"    {AGREE}",
        "    total: 5",
        "steps.sure.total: there is no kind of step 'total' (there is agree, ask, find, join, lookup, map, model, route, window, workflow)",
    ),
    (
        "evidence",
        f"    {AGREE}\n",
        "",
        "steps.sure: does not say what it does (one of the keys model, map, find, route, agree, lookup, ask, window, join, workflow)",
    ),
    (
        "evidence",
        f"    {AGREE}",
        f"    {AGREE}\n    map: {{a: oven.pressure}}",
        "steps.sure.map: does two things: agree and map (make two steps of it)",
    ),
    # agree
    ("evidence", "at_least: 2", "at_least: 4", "steps.sure.at_least: is more than there are values: 3 (got 4)"),
    (
        "evidence",
        "third.temperature]",
        "third.temperature, oven.pressure]",
        "steps.sure.agree: the values should be of one type (got degC, mbar)",
    ),
    (
        "evidence",
        "third.temperature]",
        "oven.temperature]",
        "steps.sure.agree: names oven.temperature twice (a value is no evidence for itself)",
    ),
    ("evidence", "third.temperature]", "200]", "steps.sure.agree: a constant is no evidence"),
    (
        "evidence",
        "    tolerance: 5\n",
        "",
        "steps.sure: missing key 'tolerance' (numbers agree within it: tolerance: 0.5)",
    ),
    (
        "evidence",
        AGREE,
        "agree: [oven.temperature, second.temperature, third.temperature, oven.door_open]",
        "steps.sure.at_least: should be more than half of 4 (got 2) (else two answers can both have enough votes)",
    ),
    # find, route, map
    (
        "service-desk",
        "amount: money",
        "amount: mony",
        "workflows.facts.steps.words.find.amount: cannot be looked for (got 'mony') (did you mean 'money'?)",
    ),
    ("service-desk", "digits 8..12", "digits 12..8", "should be from 1 to 40 digits (got 'digits 12..8')"),
    (
        "service-desk",
        "[visa, mastercard]",
        "[visa, Visa]",
        "workflows.facts.steps.words.find.card.word: names a word twice",
    ),
    ("service-desk", "{word: [visa", "{wrod: [visa", "unknown key 'wrod' (did you mean 'word'?)"),
    (
        "service-desk",
        "      ask: true",
        "      ask: customer.found",
        "steps.way.route.ask: the last branch should be 'true': where all are false, none is taken (ask: true, or one more branch)",
    ),
    (
        "service-desk",
        "    unknown: person",
        "    unknown: persn",
        "steps.way.unknown: there is no branch 'persn' (did you mean 'person'?)",
    ),
    (
        "service-desk",
        "answer: intent.score >= 0.8",
        "answer: risk.large and intent.score >= 0.8",
        "steps.way.route.answer: is never taken: where this holds, 'person' does (put it before, or narrow that one)",
    ),
    (
        "service-desk",
        "answer: intent.score >= 0.8",
        "answer: intent.score >= 1.8",
        "steps.way.route.answer: can never hold (intent.score is between 0 and 1)",
    ),
    (
        "service-desk",
        'way.branch == "answer"\n    verdict',
        'way.branch == "anser"\n    verdict',
        "rules.answer.when: way.branch is never 'anser' (did you mean 'answer'? The labels are person, answer, ask)",
    ),
    (
        "service-desk",
        "valued: customer.tier",
        "valued: customer.teir",
        "steps.risk.map.valued: step 'customer' has no field 'teir' (did you mean 'tier'?)",
    ),
    (
        "service-desk",
        "facts.amount or 0",
        "facts.card or 0",
        "steps.risk.map.large: 'or' joins conditions (got number and text)",
    ),
    # lookup, ask
    (
        "service-desk",
        "lookup: customers",
        "lookup: asked",
        "steps.customer.lookup: should be a record input ('asked' is a message)",
    ),
    (
        "service-desk",
        "by: asked.customer",
        "by: customer.name",
        "steps.customer: waits for itself: customer (line 23) -> customer (line 23) (let one of them not name the next)",
    ),
    (
        "service-desk",
        "by: asked.customer, each: question",
        "by: asked.customer",
        "steps.customer: missing key 'each' (it is for an item: question)",
    ),
    (
        "service-desk",
        "no_answer: call_back",
        "no_answer: call_bak",
        "steps.agent.no_answer: 'call_bak' is none of the answers (did you mean 'call_back'?)",
    ),
    (
        "service-desk",
        "within: 20min",
        "within: 30min",
        "steps.agent.within: 'call_back' is never said: a question is undecided after 30min (within: less than that, or items.question.decide_within: more)",
    ),
    (
        "service-desk",
        "amount: facts.amount, name",
        "waiting: since(asked.customer > 0), name",
        "steps.agent.show.waiting: a duration has no unit here (divide it by 1s)",
    ),
    (
        "service-desk",
        "risk.large or not customer.found",
        "customers.name == customer.name",
        "steps.way.route.person: input 'customers' has no field 'name' (it is looked up: name a step `lookup: customers`)",
    ),
    # models
    (
        "service-desk",
        "of: asked.text, each",
        "of: asked.customer, each",
        "steps.intent.of: model 'intent' takes a text (got a number)",
    ),
    (
        "service-desk",
        "of: asked.text, each",
        "of: [asked.text, asked.text], each",
        "steps.intent.of: model 'intent' takes one text (got 2 values)",
    ),
    (
        "service-desk",
        "of: asked.text, each",
        "of: asked.text, at: gate, each",
        "steps.intent.at: is for a model of frames (this one is asked about values: of)",
    ),
    (
        "service-desk",
        "of: asked.text, each",
        "each",
        "steps.intent: does not say what the model is asked about (input: a frame input; of: a text, or numbers)",
    ),
    (
        "wear",
        "of: [cutting.load_rms, cutting.load_slope, ",
        "of: [cutting.load_rms, ",
        "steps.tool.of: model 'wear' takes 3 numbers: load_rms, load_slope, speed_mean (got 2)",
    ),
    (
        "wear",
        "of: [cutting.load_rms, cutting.load_slope, cutting.speed_mean]",
        "input: spindle",
        "steps.tool.input: should be a frame input ('spindle' is a reading)",
    ),
    (
        "second-look",
        "crop: find",
        "crop: weighed",
        "steps.look.crop: step 'weighed' finds no boxes (a step whose model has task: detect)",
    ),
    (
        "second-look",
        "crop: find",
        "crop: fnd",
        "steps.look.crop: there is no step 'fnd' (did you mean 'find', defined on line 25?)",
    ),
    ("second-look", "crop: find, ", "", "steps.look.margin: is for a crop (crop: the step that finds the box)"),
    (
        "second-look",
        "crop: find, ",
        "crop: find, tiles: [2, 2], ",
        "steps.look.tiles: a crop is not cut into tiles (remove one of them)",
    ),
    (
        "second-look",
        "model: seam, input: top, each: part, at: camera",
        "model: seam, input: top",
        "steps.look.crop: step 'find' sees other frames (both need the same input, each and at)",
    ),
    # window, join
    (
        "wear",
        "rms(load)",
        "rmss(load)",
        "steps.cutting.features.load_rms: there is no feature 'rmss' (did you mean 'rms'?)",
    ),
    (
        "wear",
        "rms(load)",
        "rms(laod)",
        "steps.cutting.features.load_rms: input 'spindle' has no field 'laod' (did you mean 'load'?)",
    ),
    (
        "wear",
        "rms(load)",
        "load",
        "steps.cutting.features.load_rms: should be a function of a field (such as rms(load))",
    ),
    ("wear", "window: spindle", "window: work", "steps.cutting.window: there is no input 'work'"),
    ("wear", "every: 1s", "every: 1ms", "steps.cutting.every: should be at least 10ms (got 1ms)"),
    (
        "second-look",
        "nearest: 50ms, wait: 100ms",
        "nearest: 50ms, latest: 100ms",
        "steps.weighed.latest: says it in two ways: nearest and latest (remove one of them)",
    ),
    (
        "second-look",
        "nearest: 50ms, wait: 100ms",
        "wait: 100ms",
        "steps.weighed: does not say which values belong together (one of nearest, latest, all_of: 50ms)",
    ),
    (
        "second-look",
        "nearest: 50ms",
        "latest: 50ms",
        "steps.weighed.wait: is for nearest: latest waits for nothing (remove it)",
    ),
    (
        "second-look",
        "mass: scale.mass}",
        "mass: scale.mass * 2}",
        "steps.weighed.join.mass: should be NAME.FIELD of an input or a step (compute with it in a map)",
    ),
    (
        "second-look",
        "mass: scale.mass}",
        "mass: find.count}",
        "steps.weighed.join: joins nothing: all values are of 'find'",
    ),
    (
        "second-look",
        "with: find",
        "with: scale",
        "steps.weighed.with: 'scale' belongs to no part (a step with each: part, or remove 'each')",
    ),
    (
        "second-look",
        "wait: 100ms, each: part",
        "wait: 100ms",
        "steps.weighed.with: 'find' has a result for each part (give the step 'each: part')",
    ),
    # workflows
    (
        "service-desk",
        "given: {text: asked.text}",
        "given: {txt: asked.text}",
        "steps.facts.given.txt: workflow 'facts' takes no 'txt' (did you mean 'text'?)",
    ),
    (
        "service-desk",
        "given: {text: asked.text}",
        "given: {text: asked.customer}",
        "steps.facts.given.text: workflow 'facts' takes a text (got a number)",
    ),
    ("service-desk", ", given: {text: asked.text}", "", "steps.facts.workflow: workflow 'facts' also takes text"),
    (
        "service-desk",
        "workflow: facts",
        "workflow: fatcs",
        "steps.facts.workflow: there is no workflow 'fatcs' (did you mean 'facts', defined on line 49?)",
    ),
    (
        "service-desk",
        "in: given.text",
        "in: asked.text",
        "workflows.facts.steps.words.in: there is no step, input or output 'asked'",
    ),
    (
        "service-desk",
        "in: given.text",
        "in: given.txt",
        "workflows.facts.steps.words.in: step 'given' has no field 'txt' (did you mean 'text'?)",
    ),
    (
        "service-desk",
        "card: words.card",
        "card: words.crad",
        "workflows.facts.gives.card: step 'words' has no field 'crad' (did you mean 'card'?)",
    ),
    (
        "service-desk",
        "facts.account)",
        "facts.acount)",
        "rules.answer.do: step 'facts' has no field 'acount' (did you mean 'account'?)",
    ),
    (
        "service-desk",
        "in: given.text\n",
        "in: given.text\n        each: question\n",
        "workflows.facts.steps.words.each: is not for a step of a workflow (each is said where the workflow is used)",
    ),
    (
        "service-desk",
        "given: {text: asked.text}, each: question}",
        "given: {text: \"'a'\"}}",
        "workflows.facts.steps.words: a find is for an item, and the step that uses the workflow is for none (give that step 'each')",
    ),
    (
        "service-desk",
        "      known: {map",
        "      given: {map: {a: words.amount}}\n      known: {map",
        "workflows.facts.steps.given: 'given' names what the workflow is given (give it another name)",
    ),
    # of which nothing comes
    (
        "service-desk",
        "      known: {map",
        "      spare: {map: {a: words.amount}}\n      known: {map",
        "workflows.facts.steps.spare: is used nowhere: no rule needs what it says (name one of its fields in a rule, or remove it)",
    ),
    # whose values
    (
        "service-desk",
        "map:\n      large",
        "each: question\n    map:\n      late: second.amount > 1\n      large",
        "there is no step, input or output 'second'",
    ),
    (
        "second-look",
        "third.label], at_least: 2, each: part",
        "third.label], at_least: 2",
        "steps.sure.agree: 'look' has a result for each part, this step runs over time",
    ),
]


@pytest.mark.parametrize(("name", "right", "wrong", "text"), MISTAKES, ids=[one[3][:70] for one in MISTAKES])
def test_a_mistake_in_a_step_is_told_so(name: str, right: str, wrong: str, text: str) -> None:
    pipeline, files = example(name)
    assert right in pipeline
    told = told_of(pipeline.replace(right, wrong, 1), files)

    assert any(text in one for one in told), told


def test_a_condition_that_contradicts_when_its_step_runs_can_never_hold() -> None:
    pipeline, files = example("service-desk")
    wrong = pipeline.replace(
        'when: agent.answer == "call_back"', 'when: agent.answer == "call_back" and way.branch == "answer"'
    )

    (told,) = told_of(wrong, files)

    assert "rules.call_back.when: can never hold (way.branch is one text at a time" in told
    assert 'what it names is known only where way.branch != "answer"' in told


def test_a_cycle_among_steps_is_named_with_its_lines_and_told_once() -> None:
    pipeline, files = example("second-look")
    wrong = pipeline.replace("when: doubt.is}\n  third", 'when: sure.agreed == "good"}\n  third')

    (told,) = told_of(wrong, files)

    assert told.startswith(
        "29:3: steps.second: waits for itself: second (line 29) -> sure (line 31) -> second (line 29)"
    )


def test_a_workflow_that_uses_itself_by_way_of_another_is_told_with_its_lines() -> None:
    pipeline, files = example("service-desk")
    inner = "      again: {workflow: more, given: {text: given.text}}\n      known: {map"
    more = (
        "  more:\n    takes: {text: text}\n    steps: {back: {workflow: facts, given: {text: given.text}}}\n"
        "    gives: {amount: back.amount}\nrules:\n"
    )
    wrong = (
        pipeline.replace("      known: {map", inner)
        .replace("rules:\n", more)
        .replace("amount: words.amount", "amount: again.amount")
    )

    told = told_of(wrong, files)

    assert [one.partition(" (steps")[0] for one in told] == [
        "49:3: workflows.facts: uses itself: facts (line 49) -> more (line 63) -> facts (line 49)"
    ]


def test_workflows_in_workflows_that_would_be_thousands_of_steps_are_refused() -> None:
    levels = "".join(
        f"  w{level}:\n    steps:\n"
        + "".join(f"      s{one}: {{workflow: w{level + 1}}}\n" for one in range(8))
        + "    gives: {x: "
        + " + ".join(f"s{one}.x" for one in range(8))
        + "}\n"
        for level in range(6)
    )
    pipeline = (
        "ripieno: 1\nname: deep\nversion: 1.0.0\ninputs:\n  a: {kind: reading, fields: {x: bar}, max_age: 1s}\n"
        "outputs:\n  o: {kind: message}\nsteps:\n  top: {workflow: w0}\nworkflows:\n"
        + levels
        + "  w6:\n    steps: {one: {map: {x: 1 + 1}}}\n    gives: {x: one.x}\nrules:\n  r: {when: top.x > 5, do: o.send()}\n"
    )

    told = told_of(pipeline)

    assert told == ["9:3: steps: are 861330 steps with their workflows unfolded (at most 1000)"]


def test_a_step_of_which_nothing_comes_is_told_and_so_are_those_that_only_it_uses() -> None:
    pipeline, files = example("second-look")
    wrong = pipeline.replace('(sure.agreed if doubt.is else look.label) == "good"', 'look.label == "good"')

    assert told_of(wrong, files) == [
        "28:3: steps.doubt: is used only by 'second', 'third', 'sure', of which nothing comes "
        "(name one of its fields in a rule, or remove it)",
        "29:3: steps.second: is used only by 'sure', of which nothing comes "
        "(name one of its fields in a rule, give it 'report', or remove it)",
        "30:3: steps.third: is used only by 'sure', of which nothing comes "
        "(name one of its fields in a rule, give it 'report', or remove it)",
        "31:3: steps.sure: is used nowhere: no rule needs what it says (name one of its fields in a rule, or remove it)",
    ]


def test_a_workflow_of_no_step_is_told() -> None:
    pipeline, files = example("watch")
    spare = "workflows:\n  spare: {steps: {a: {map: {b: 1 + 1}}}, gives: {c: a.b}}\nrules:\n"

    assert told_of(pipeline.replace("rules:\n", spare), files) == [
        "13:3: workflows.spare: is used by no step (a step {workflow: spare, ...})"
    ]


def test_steps_come_after_those_that_they_need_whatever_their_order_in_the_file() -> None:
    pipeline, files = example("service-desk")
    head, _, rest = pipeline.partition("steps:\n")
    steps, _, tail = rest.partition("workflows:\n")
    blocks = ("\n" + steps).split("\n  ")[1:]
    entries: list[str] = []
    for block in blocks:  # a line that begins deeper belongs to the entry before it
        if block.startswith(" "):
            entries[-1] += f"\n  {block}"
        else:
            entries.append(block)
    turned = "".join(f"  {one.rstrip()}\n" for one in reversed(entries))

    plan = compiled(f"{head}steps:\n{turned}\nworkflows:\n{tail}", files)

    names = {one.name for one in compiled(pipeline, files).flow}
    seen: set[str] = set()
    for one in plan.flow:
        assert set(one.needs) & names <= seen
        seen.add(one.name)
    assert seen == names


def test_an_example_with_any_step_taken_out_is_refused() -> None:
    pipeline, files = example("service-desk")

    with pytest.raises(ConfigError):
        compiled(pipeline.replace("  customer: {lookup", "  custom: {lookup"), files)
