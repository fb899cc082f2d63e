"""What of a pipeline its cases have seen.

conditions     each comparison and truth value in a condition: once true and once false
branches       each condition: once true and once not; each verdict; what a verification may say
timers         for: elapsed, and broken; cooldown: it held an act back; verify, every, within, decide_within: due
unknown_paths  each condition: once unknown; each model, lookup and question: once without an answer
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ripieno import engine as rooms
from ripieno.engine import Effect, Event
from ripieno.plan import (
    And,
    AskStep,
    Choice,
    Compare,
    Const,
    Expression,
    LookupStep,
    Not,
    OneOf,
    Operand,
    Or,
    Otherwise,
    PipelinePlan,
    RouteStep,
    RulePlan,
)
from ripieno.rules import evaluate, operands_of
from ripieno.rules.spoken import aggregate_text, spoken
from ripieno.values import UNKNOWN, Health, Verdict

AGGREGATE = "window "
KINDS = ("conditions", "branches", "timers", "unknown_paths")
Fact = tuple[str, str]  # kind, what a person reads


class Coverage:
    """The facts of a plan, and which of them were seen."""

    def __init__(self, plan: PipelinePlan) -> None:
        self._plan = plan
        self._rules = {rule.name: rule for rule in plan.rules}
        self._deadlines_ns = {step.name: step.deadline_ns for step in plan.steps}
        self._owners: dict[Expression, list[str]] = {}
        for owner, tree in _conditions(plan):
            self._owners.setdefault(tree, []).append(owner)
        self._seen: dict[Fact, bool] = dict.fromkeys(_facts(plan), False)
        self._t = 0
        self._holding: set[str] = set()
        self._fired_t: dict[str, int] = {}

    def observe(self, tree: Expression, values: Sequence[object], value: object) -> None:
        """Take one evaluation of a condition."""
        owners = self._owners.get(tree)
        if owners is None:
            return
        known = dict(zip(operands_of(tree), values, strict=True))
        for owner in owners:
            if value is UNKNOWN:
                self._see("unknown_paths", f"{owner}: unknown")
            else:
                self._see("branches", f"{owner}: {_word(value)}")
            for leaf in _leaves(tree):
                seen = evaluate(leaf, operands_of(leaf), [known[read] for read in operands_of(leaf)])
                if seen is not UNKNOWN:
                    self._see("conditions", f"{owner}: {spoken(leaf, self._plan.aggregates)}: {_word(seen)}")
            if owner.startswith("rule "):
                self._time(self._rules[owner.split(" ")[1]], value is True)

    def told(self, event: Event) -> None:
        """Take what the engine is told, before it is."""
        self._t = event.t
        match event:
            case rooms.ResultSeen(step=step, health=health) if health != Health.GOOD:
                self._see("unknown_paths", f"{step}: no answer")
            case rooms.ResultSeen(step=step, t=t, called_t=called_t) if t - called_t > self._deadlines_ns[step]:
                self._see("unknown_paths", f"{step}: no answer")
            case rooms.RecordSeen(step=step, health=health) if health != Health.GOOD:
                self._see("unknown_paths", f"{step}: no answer")
            case rooms.FrameSeen(input=name, health=health) if health != Health.GOOD:
                for looking in self._plan.steps:
                    if looking.input == name:
                        self._see("unknown_paths", f"{looking.name}: no answer")

    def took(self, effect: Effect) -> None:
        """Take what the engine wanted."""
        match effect:
            case rooms.Fired(rule=rule, what="verified" | "undone" | "not-verified" as what):
                self._see("branches", f"verify of {rule}: {'true' if what == 'verified' else 'false'}")
                self._see("timers", f"verify of {rule}: due")
            case rooms.Fired(rule=rule, what="changed" | "booked"):
                self._holding.discard(rule)
                self._fired_t[rule] = self._t
                self._see("timers", f"for of {rule}: elapsed")
                self._see("timers", f"every of {rule}: due")
            case rooms.Decided(item=item, verdict=verdict, why=why):
                self._see("branches", f"{item.kind}: {verdict}")
                if why == "its time was over":
                    self._see("timers", f"decide_within of {item.kind}: due")
            case rooms.AskEnded(step=step, why="expired"):
                self._see("timers", f"within of {step}: due")
                self._see("unknown_paths", f"{step}: no answer")

    def shares(self) -> dict[str, float]:
        """Return the part of each kind that was seen, 1 where there is none of it."""
        return {kind: _share([was for (one, _), was in self._seen.items() if one == kind]) for kind in KINDS}

    def missing(self) -> list[str]:
        """Return what no case has seen, as `kind: what`."""
        return [f"{kind}: {text}" for (kind, text), was in self._seen.items() if not was]

    def _time(self, rule: RulePlan, holds: bool) -> None:
        """Follow a rule over time by what its condition was."""
        if holds and self._t < self._fired_t.get(rule.name, self._t) + rule.cooldown_ns:
            self._see("timers", f"cooldown of {rule.name}: held back")
        elif holds:
            self._holding.add(rule.name)
        elif rule.name in self._holding:
            self._holding.discard(rule.name)
            self._see("timers", f"for of {rule.name}: broken")

    def _see(self, kind: str, text: str) -> None:
        if (kind, text) in self._seen:
            self._seen[kind, text] = True


def _share(seen: list[bool]) -> float:
    return sum(seen) / len(seen) if seen else 1.0


def _word(value: object) -> str:
    return "true" if value is True else "false"


def _conditions(plan: PipelinePlan) -> Iterator[tuple[str, Expression]]:
    """Yield every condition with its owner's name."""
    for rule in plan.rules:
        if not isinstance(rule.when, Const):
            yield f"rule {rule.name}", rule.when
        if rule.verify is not None:
            yield f"verify of {rule.name}", rule.verify.that
    for step in (*plan.steps, *plan.flow):
        if step.when is not None:
            yield f"when of {step.name}", step.when
        if isinstance(step, RouteStep):
            yield from ((f"branch {name} of {step.name}", tree) for name, tree in step.branches)
    for index, aggregate in enumerate(plan.aggregates):
        if any(True for _ in _leaves(aggregate.of)):
            yield f"{AGGREGATE}{index} {aggregate_text(aggregate, plan.aggregates)}", aggregate.of


def _facts(plan: PipelinePlan) -> Iterator[Fact]:
    for owner, tree in _conditions(plan):
        is_open = not isinstance(tree, Const)
        for word in ("true", "false") if is_open else ("true",):
            yield "branches", f"{owner}: {word}"
        if is_open and not owner.startswith(
            AGGREGATE
        ):  # what an aggregate samples is unknown where its step has no answer
            yield "unknown_paths", f"{owner}: unknown"
        for leaf in _leaves(tree):
            yield from (
                ("conditions", f"{owner}: {spoken(leaf, plan.aggregates)}: {word}") for word in ("true", "false")
            )
    for rule in plan.rules:
        if rule.for_ns:
            yield from (("timers", f"for of {rule.name}: {word}") for word in ("elapsed", "broken"))
        if rule.cooldown_ns:
            yield "timers", f"cooldown of {rule.name}: held back"
        if rule.every_ns:
            yield "timers", f"every of {rule.name}: due"
        if rule.verify is not None:
            yield "timers", f"verify of {rule.name}: due"
    for step in (*plan.steps, *plan.flow):
        if hasattr(step, "deadline_ns") or isinstance(step, AskStep | LookupStep):
            yield "unknown_paths", f"{step.name}: no answer"
        if isinstance(step, AskStep):
            yield "timers", f"within of {step.name}: due"
    for item in plan.items:
        words = {rule.verdict for rule in plan.rules if rule.each == item.name and rule.verdict}
        if item.stands and words:
            yield "timers", f"decide_within of {item.name}: due"
        elif words:
            words.add(Verdict.DEFECTIVE.value)
        yield from (
            ("branches", f"{item.name}: {word}") for word in sorted({*words, Verdict.UNDECIDED.value} if words else ())
        )


def _leaves(tree: Expression) -> Iterator[Expression]:
    """Yield the comparisons and truth values that a condition is made of."""
    match tree:
        case Compare() | OneOf():
            yield tree
        case Operand(type="bool"):
            yield tree
        case Not(term):
            yield from _leaves(term)
        case And(terms) | Or(terms):
            for term in terms:
                yield from _leaves(term)
        case Choice(condition, then, otherwise):
            for part in (condition, then, otherwise):
                yield from _leaves(part)
        case Otherwise(left, right):
            yield from _leaves(left)
            yield from _leaves(right)
