"""Rules that wait for one another are refused, and the cycle is named with its lines."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from language.bench import check, told, with_rule

from ripieno.language.cycles import Wait, find_cycle, report_cycles
from ripieno.language.names import Names
from ripieno.language.problems import Report

GRAPHS = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=3), max_size=8)


def has_cycle(needs: dict[str, list[str]]) -> bool:
    """Take away names that need nothing until none is left, or none goes."""
    left = {name: set(needs.get(name, [])) & set(needs) for name in needs}
    while free := [name for name, rest in left.items() if not rest]:
        left = {name: rest - set(free) for name, rest in left.items() if name not in free}
    return bool(left)


@given(needs=GRAPHS)
def test_a_cycle_is_found_exactly_where_there_is_one(needs: dict[str, list[str]]) -> None:
    cycle = find_cycle(needs)

    assert bool(cycle) == has_cycle(needs)
    assert all(following in needs[name] for name, following in itertools.pairwise(cycle))
    assert not cycle or cycle[0] == cycle[-1]


def test_a_rule_that_waits_for_the_output_on_which_it_acts_is_refused_with_lines() -> None:
    pipeline = with_rule(
        "  again:\n    each: part\n    after: gate.diverted\n    when: look.score > 0.5\n"
        "    do: gate.open(part)\n    else: divert\n"
    )

    assert told(check(pipeline)) == [
        "pipeline.yaml:25:1: rules.again.after: waits for itself: again (line 25) -> gate (line 12) -> again (line 25) "
        "(let one of them not wait)"
    ]


def test_a_long_cycle_names_each_rule_and_output() -> None:
    report, names = Report("p.yaml"), Names()
    for line, (kind, name) in enumerate([("rule", "a"), ("rule", "b"), ("output", "x"), ("output", "y")], 1):
        names.define(kind, name, (line, 1), name, report)

    report_cycles([Wait("a", "x.passed", ("y",)), Wait("b", "y.diverted", ("x",))], names, report)

    assert "a (line 1) -> x (line 3) -> b (line 2) -> y (line 4) -> a (line 1)" in report.found[0].message


def test_ten_thousand_rules_in_a_row_are_no_cycle_and_no_recursion() -> None:
    assert find_cycle({str(n): [str(n + 1)] for n in range(10_000)}) == []
