"""The files that the docs teach with compile, and teach all of the language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from language.bundles import EXAMPLES, compiled, example

from ripieno.cases import mutants_of, read_cases, run_case
from ripieno.engine import Book, Engine, ReadingSeen, Started
from ripieno.language.expressions.calls import AGGREGATES
from ripieno.language.problems import Problems
from ripieno.language.sections.inputs import INPUTS
from ripieno.language.sections.outputs import OUTPUTS
from ripieno.language.sections.steps import STEPS
from ripieno.plan import PipelinePlan

S = 1_000_000_000
NAMES = sorted(one.name for one in EXAMPLES.iterdir())
CASES = sorted(EXAMPLES.glob("*/cases/*.yaml"))


def plans() -> list[PipelinePlan]:
    return [compiled(*example(name)) for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_compiles_and_is_named_like_its_folder(name: str) -> None:
    assert compiled(*example(name)).name == name


def test_every_kind_of_input_output_step_and_aggregate_is_taught() -> None:
    texts = "\n".join(example(name)[0] for name in NAMES)
    every = plans()

    assert {one.kind for plan in every for one in plan.inputs} == set(INPUTS)
    assert {one.kind for plan in every for one in plan.outputs} == set(OUTPUTS)
    assert [kind for kind in STEPS if f"{kind}:" not in texts] == []
    assert {one.function for plan in every for one in plan.aggregates} >= set(AGGREGATES) - {"rate"}


def blocks_of(page: str) -> list[str]:
    """Return the YAML blocks of a page."""
    return re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_what_the_page_shows_stands_in_a_file_that_compiles() -> None:
    page = (EXAMPLES.parents[1] / "pipelines.md").read_text()
    files = [example(name)[0] for name in NAMES] + [path.read_text() for path in CASES]

    blocks = blocks_of(page)

    assert len(blocks) > 15
    assert [block for block in blocks if not any(block in text for text in files)] == []


def test_every_example_is_shown_on_the_page() -> None:
    blocks = blocks_of((EXAMPLES.parents[1] / "pipelines.md").read_text())

    assert [name for name in NAMES if not any(block in example(name)[0] for block in blocks)] == []


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs(name: str) -> None:
    engine = Engine(compiled(*example(name)))

    assert engine.step(Started(1, 0, ())) == []


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.parent.name)
def test_the_cases_of_an_example_hold_and_notice_every_change_of_it(path: Path) -> None:
    plan, problems = compiled(*example(path.parent.parent.name)), Problems()
    cases = read_cases(path.read_bytes(), plan, problems.file(path.name)).cases

    assert [str(one) for one in problems.ordered()] == []
    assert [(case.name, run_case(case, plan).failures) for case in cases if run_case(case, plan).failures] == []
    survivors = [one.what for one in mutants_of(plan) if all(run_case(case, one.plan).passed for case in cases)]
    assert survivors == []


def test_the_first_example_does_what_the_page_says() -> None:
    engine = Engine(compiled(*example("watch")))
    engine.step(Started(1, 0, ()))

    fired = [
        second
        for second in range(1, 30)
        for effect in engine.step(ReadingSeen(second * S, "oven", (250.0,), second * S, "good"))
        if isinstance(effect, Book)
    ]

    assert fired == [11]
