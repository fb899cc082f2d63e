"""One case from its first happening to its checks."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.engine.condition import observed
from ripieno.plan import PipelinePlan

from .answering import Missing
from .case_file import Case, Happening
from .checks import failures
from .coverage import Coverage
from .play import Play


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case went. `failures`: none where it holds. `is_told_wrong`: the case cannot be run as it is told."""

    case: Case
    failures: tuple[str, ...]
    plant_ns: int
    is_told_wrong: bool = False

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.failures


def run_case(case: Case, plan: PipelinePlan, coverage: Coverage | None = None) -> Outcome:
    """Run a case against a plan; `coverage` takes what it sees."""
    if coverage is None:
        return _run(case, Play(plan, case.speed, case.answers))
    with observed(coverage.observe):
        return _run(case, Play(plan, case.speed, case.answers, coverage))


def _run(case: Case, play: Play) -> Outcome:
    found: list[str] = []
    line = case.line
    try:
        for happening in case.when:
            line = happening.line
            found += _happen(play, happening)
        line = case.line
        play.finish()
    except Missing as missing:
        return Outcome(case, (f"{case.file}:{line}: {missing}",), play.t, is_told_wrong=True)
    effects = [effect for _, effect in play.effects]
    found += [f"{case.file}:{case.line}: {why}" for why in failures(case.then, effects, play.engine)]
    return Outcome(case, tuple(found), play.t)


def _happen(play: Play, happening: Happening) -> list[str]:
    found: list[str] = []
    for _ in range(happening.times):
        match happening.what:
            case "item":
                play.item(happening.name, happening.given)
            case "reading":
                for name, values in happening.given.items():
                    play.reading(name, values)
            case "frame":
                play.frame(happening.name, happening.given)
            case "message":
                play.message(happening.name, happening.given)
            case "wait":
                play.wait(happening.given)
            case "restart":
                play.restart(happening.given)
            case "expect":
                effects = [effect for _, effect in play.effects]
                found += [f"line {happening.line}: {why}" for why in failures(happening.given, effects, play.engine)]
        play.wait(happening.every_ns)
    return found
