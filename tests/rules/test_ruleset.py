"""Many conditions at once say what each says alone, and only those that read what changed are computed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.trees import conditions, numbers, texts, value_for

from ripieno.plan import And, Arithmetic, Compare, Const, Expression, OneOf, Operand, Or
from ripieno.rules import LiveRules, RuleSet, evaluate, operands_of, ruleset
from ripieno.rules.kleene import Read
from ripieno.rules.sharing import Sharing
from ripieno.rules.writing import compiled
from ripieno.values import UNKNOWN

LOAD = Operand("input", "spindle", "load", "number")
SPEED = Operand("input", "spindle", "speed", "number")
POWER = Arithmetic("*", LOAD, SPEED)


def same(one: Any, other: Any) -> bool:
    return one is other or (one == other and type(one) is type(other))


TREES = st.lists(st.one_of(conditions(2), numbers(2), texts(1)), min_size=1, max_size=6)
TRUTHS = st.lists(conditions(1), min_size=1, max_size=3)


@st.composite
def rule_lists(draw: st.DrawFn) -> list[Expression]:
    """Conditions and values, some of them again and inside others."""
    trees, truths = draw(TREES), draw(TRUTHS)
    joined: list[Expression] = [And(tuple(truths)), Or(tuple(reversed(truths)))]
    return draw(st.permutations([*trees, *truths, *joined]))


def alone(trees: list[Expression], known: dict[Read, Any]) -> list[Any]:
    return [evaluate(tree, operands_of(tree), [known[read] for read in operands_of(tree)]) for tree in trees]


@settings(max_examples=150, deadline=None)
@given(trees=rule_lists(), data=st.data())
def test_the_set_says_what_each_rule_says_alone(trees: list[Expression], data: st.DataObject) -> None:
    rules = RuleSet(trees)
    known = {read: data.draw(value_for(read)) for read in rules.reads}

    said = rules.evaluate([known[read] for read in rules.reads])

    assert len(said) == len(rules) == len(trees)
    assert all(map(same, said, alone(trees, known)))


def first_stale(make: Callable[[RuleSet], LiveRules], trees: list[Expression], steps: list[dict[int, Any]]) -> str:
    """Change operands step by step; return where a live set parts from the rules' own values, "" if it never does."""
    rules = RuleSet(trees)
    live = make(rules)
    for number, step in enumerate(steps):
        before = list(live.results)
        for slot, value in step.items():
            live.put(slot, value)
        turned = live.settle()
        wanted = alone(trees, dict(zip(rules.reads, live.values, strict=True)))
        if not all(map(same, live.results, wanted)):
            return f"step {number}: {live.results}, should be {wanted}"
        if turned != [rule for rule, (old, new) in enumerate(zip(before, wanted, strict=True)) if old != new]:
            return f"step {number}: told of {turned}"
    return ""


@settings(max_examples=150, deadline=None)
@given(trees=rule_lists(), data=st.data())
def test_a_live_set_is_never_stale_and_tells_of_every_turn(trees: list[Expression], data: st.DataObject) -> None:
    reads = RuleSet(trees).reads
    steps = []
    for _ in range(data.draw(st.integers(1, 6))):
        slots = data.draw(st.sets(st.integers(0, len(reads) - 1))) if reads else set()
        steps.append({slot: data.draw(value_for(reads[slot])) for slot in sorted(slots)})

    assert first_stale(LiveRules, trees, steps) == ""


def test_a_reader_that_is_forgotten_is_noticed() -> None:
    """Negative control of the property above."""

    class Forgetful(LiveRules):
        def __init__(self, rules: RuleSet) -> None:
            super().__init__(rules)
            self._readers[1] = []

    trees: list[Expression] = [Compare(">", LOAD, Const(1.0)), Compare(">", POWER, Const(1.0))]
    steps: list[dict[int, Any]] = [{0: 2.0, 1: 3.0}, {1: 0.1}]

    assert first_stale(LiveRules, trees, steps) == ""
    assert first_stale(Forgetful, trees, steps) != ""


def test_only_what_reads_a_changed_operand_is_computed() -> None:
    rules = RuleSet([Compare(">", LOAD, Const(1.0)), Compare(">", SPEED, Const(1.0)), Compare(">", POWER, Const(1.0))])
    computed: list[tuple[int, ...]] = []

    def counting(group: ruleset.Group) -> ruleset.Group:
        def function(values: Any) -> list[Any]:
            computed.append(group.rules)
            return group.function(values)

        return ruleset.Group(function, group.rules, group.slots)

    rules.groups = [counting(group) for group in rules.groups]
    live = LiveRules(rules)
    computed.clear()

    assert live.refresh(lambda read: 2.0 if read is LOAD else UNKNOWN) == [0]
    assert sorted(computed) == [(0,), (2,)]
    computed.clear()
    assert live.refresh(lambda read: 2.0 if read is LOAD else UNKNOWN) == []
    assert computed == []
    assert live.refresh({SPEED: 7.0}.__getitem__, slots=[1]) == [1, 2]
    assert live.operands(2) == ((LOAD, 2.0), (SPEED, 7.0))


def test_what_rules_have_in_common_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = watched(monkeypatch)

    rules = RuleSet([Compare(">", Arithmetic("/", LOAD, SPEED), Const(float(limit))) for limit in range(50)])

    assert sources[0].count("/") == 1
    assert rules.evaluate([90.0, 2.0]) == [limit < 45 for limit in range(50)]


def test_functions_are_of_bounded_size_and_share_their_code(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = watched(monkeypatch)
    trees: list[Expression] = [
        And((Compare(">=", LOAD, Const(float(i))), Compare("<", SPEED, Const(float(-i))))) for i in range(3_000)
    ]

    rules = RuleSet(trees)

    assert max(map(len, sources)) < 50_000
    assert len(set(sources)) == 2  # the last one is shorter
    assert sum(len(group.rules) for group in rules.groups) == 3_000


def test_the_source_holds_only_names_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = watched(monkeypatch)
    evil = '"); import os; os._exit(3) #'

    RuleSet([OneOf(Operand("step", evil, evil, "text"), (evil, "x")), Compare("==", LOAD, Const(3.0))])

    for source in sources:
        words = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        assert all(re.fullmatch(r"[ak]\d+|U|M|v|f", word) for word in words)
        assert "os" not in source


def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which every source is added that is compiled from now on."""
    sources: list[str] = []

    def told(source: str) -> Any:
        sources.append(source)
        return compiled(source)

    monkeypatch.setattr(ruleset, "compiled", told)
    return sources


def test_equal_numbers_that_are_not_the_same_are_kept_apart() -> None:
    """To Python, True == 1.0 and 0.0 == -0.0: as one object, a rule would give another's value."""
    sharing = Sharing()
    constants = [Const(True), Const(1.0), Const(0.0), Const(-0.0), Const(False), Const("1.0")]

    kept = [sharing.of(one) for one in constants]

    assert [repr(one) for one in kept] == [repr(one) for one in constants]
    assert sharing.of(Const(1.0)) is kept[1]
    assert [repr(one) for one in RuleSet([Const(True), Const(1.0), Const(-0.0)]).evaluate([])] == [
        "True",
        "1.0",
        "-0.0",
    ]


def test_it_knows_who_reads_what() -> None:
    rules = RuleSet([Compare(">", SPEED, LOAD), Compare(">", LOAD, Const(1.0)), Const(True)])

    assert rules.rules_reading(LOAD) == (0, 1)
    assert rules.rules_reading(SPEED) == (0,)
    assert rules.rules_reading(Operand("input", "other", "load", "number")) == ()
    assert [rules.reads[slot] for slot in rules.slots_of(0)] == [SPEED, LOAD]


def test_a_set_of_none_is_none() -> None:
    assert RuleSet([]).evaluate([]) == []
    assert LiveRules(RuleSet([])).refresh(lambda read: 0.0) == []
