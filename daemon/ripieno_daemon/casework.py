"""A bundle's cases: found, run, and run again against every mutant of its pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ripieno.cases import Case, Coverage, Outcome, mutants_of, read_cases, run_case
from ripieno.errors import ConfigError
from ripieno.language.pipeline import compile_pipeline
from ripieno.language.problems import Problems
from ripieno.plan import PipelinePlan

from .bundles.files import read_bytes

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A bundle's pipeline and its cases."""

    plan: PipelinePlan
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """How all cases went, and what they have seen together."""

    outcomes: tuple[Outcome, ...]
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Mutated:
    """How many changes were noticed, and those that were not: {where, what}."""

    made: int
    killed: int
    survivors: list[dict[str, str]] = field(default_factory=list)


def plan_of(bundle: Path) -> PipelinePlan:
    """Return a bundle's plan.

    Raises:
        ConfigError: its pipeline has problems.
    """
    problems = Problems()
    compiled = compile_pipeline(str(bundle), read_bytes, problems)
    if compiled is None or compiled.plan is None:
        raise ConfigError(problems.ordered())
    return compiled.plan


def try_case(text: str, plan: PipelinePlan) -> list[str]:
    """Return why a case of this text cannot be told of the plan, or what it expects in vain; nothing where it holds."""
    problems = Problems()
    cases = read_cases(text.encode(), plan, problems.file("case")).cases
    told = [str(one) for one in problems.ordered()]
    return told or [why for case in cases for why in run_case(case, plan).failures]


def load(bundle: Path, named: str = "") -> Loaded:
    """Return the bundle's plan and those of its cases that have `named` in their name.

    Raises:
        ConfigError: pipeline or cases have problems, or there is no such case.
    """
    problems = Problems()
    plan = plan_of(bundle)
    paths = sorted((bundle / "cases").glob("*.yaml"))
    cases: list[Case] = []
    for path in paths:
        report = problems.file(str(path))
        cases += read_cases(read_bytes(str(path)), plan, report).cases
    chosen = tuple(case for case in cases if named in case.name)
    if not chosen and not problems.ordered():
        what = f"no case has '{named}' in its name" if paths and named else "there are no cases"
        problems.file(str(bundle / "cases")).add(0, 0, "", what, "write cases/NAME.yaml")
    if problems.ordered():
        raise ConfigError(problems.ordered())
    return Loaded(plan, chosen)


def run(loaded: Loaded, progress: Progress = lambda done, whole: None) -> Result:
    """Run all cases.

    Raises:
        ConfigError: a case cannot be run as it is told.
    """
    coverage, outcomes = Coverage(loaded.plan), []
    for index, case in enumerate(loaded.cases):
        progress(index, len(loaded.cases))
        outcomes.append(run_case(case, loaded.plan, coverage))
    wrong = [one for one in outcomes if one.is_told_wrong]
    if wrong:
        problems = Problems()
        for one in wrong:
            problems.file(one.case.file).add(one.case.line, 1, f"cases.{one.case.name}", one.failures[0])
        raise ConfigError(problems.ordered())
    return Result(tuple(outcomes), coverage)


def mutate(loaded: Loaded, progress: Progress = lambda done, whole: None) -> Mutated:
    """Run the cases against each mutant until one notices it. A case that a mutant asks too much of notices it too."""
    mutants = list(mutants_of(loaded.plan))
    order = list(loaded.cases)
    survivors: list[dict[str, str]] = []
    for index, mutant in enumerate(mutants):
        progress(index, len(mutants))
        killer = next((case for case in order if not run_case(case, mutant.plan).passed), None)
        if killer is None:
            survivors.append({"where": mutant.where, "what": mutant.what})
        else:  # the next change is likely to stand beside this one
            order.remove(killer)
            order.insert(0, killer)
    return Mutated(len(mutants), len(mutants) - len(survivors), survivors)
