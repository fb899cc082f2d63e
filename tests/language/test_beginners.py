"""Mistakes of the first day: each is told once, at its place, with the mend."""

# ruff: noqa: E501  pinned texts stand on one line

from __future__ import annotations

import pytest
from language.bundles import told_of

DAY_ONE = """\
ripieno: 1
name: day-one
version: 1.0.0
inputs:
  oven: {kind: reading, fields: {heat: degC}, max_age: 2s}
  told: {kind: message, fields: {text: text, customer: number}}
  people: {kind: record, fields: {name: text, age: number}}
outputs:
  note: {kind: message}
items:
  order: {starts: told, decide_within: 1min}
steps:
  who: {lookup: people, by: told.customer, each: order, deadline: 1s}
  sign: {ask: "Sign?", role: clerk, answers: ["no", "yes"], within: 50s, each: order, when: who.found}
rules:
  hot:
    when: oven.heat > 240 and oven.heat < 300
    do: note.send(heat=oven.heat)
  hourly:
    every: 1h
    do: note.send(heat=oven.heat)
  accept:
    each: order
    when: sign.answer == "yes"
    verdict: accepted
    do: note.send(order, to=who.name)
  lost:
    each: order
    after: order.undecided
    do: note.send(order, to="nobody")
"""
MISTAKES = [
    ("  told: {kind", "\ttold: {kind", "6:1: is not valid YAML: a tab (indent with blanks)"),
    (
        "  told: {kind",
        "   told: {kind",
        "6:4: is not valid YAML: did not find expected key (the keys of one block begin in one column; look at the line above, too)",
    ),
    (
        "name: day-one",
        "name:day-one",
        "2:1: is not valid YAML: could not find expected ':' (a key is followed by a colon and a blank; a text of several words goes on further in, or into quotes)",
    ),
    ("oven.heat > 240", "(oven.heat > 240", "17:11: rules.hot.when: '(' is never closed"),
    ("oven.heat > 240", "oven.heat) > 240", "17:20: rules.hot.when: ')' closes nothing"),
    (" and oven", " AND oven", "17:27: rules.hot.when: cannot be read as an expression (write 'and')"),
    ("    when: oven.heat > 240 and oven.heat < 300", "    when:", "17:10: rules.hot.when: is empty"),
    (
        "oven.heat > 240",
        "oven.heat > 240,5",
        "17:11: rules.hot.when: a list of values is not part of the language (a number has a point: 0.5)",
    ),
    (
        "oven.heat > 240",
        "oven.heat > 0xF0",
        "17:23: rules.hot.when: '0 xF0' is not a value here (there is cm, d, degC, h, m, min, mm, ms, ns, s, us)",
    ),
    ("every: 1h", "every: 1ms", "20:12: rules.hourly.every: should be at least 100ms (got 1ms)"),
    (
        '"no", "yes"]',
        '"no", true]',
        "14:53: steps.sign.answers.1: should be text (got true) (put it into quotes)",
    ),
    (
        "starts: told",
        "starts: oven",
        "11:19: items.order.starts: no item begins with a reading ('oven') (a message or frame input, or an edge: photo_eye.rising)",
    ),
    (", decide_within: 1min", "", "11:10: items.order: missing key 'decide_within' (a duration such as 60ms)"),
    (
        "    verdict: accepted\n",
        "",
        "11:10: items.order: no rule decides 'order': each is undecided (give a rule {each: order, when: ..., verdict: WORD})",
    ),
]


def test_the_file_of_day_one_is_good() -> None:
    assert told_of(DAY_ONE) == []


@pytest.mark.parametrize(("right", "wrong", "text"), MISTAKES, ids=[one[2][:60] for one in MISTAKES])
def test_a_mistake_of_the_first_day_is_one_problem_with_its_mend(right: str, wrong: str, text: str) -> None:
    assert right in DAY_ONE

    assert told_of(DAY_ONE.replace(right, wrong, 1)) == [text]


def test_a_file_in_utf_16_is_told_so() -> None:
    from ripieno.language.problems import Report
    from ripieno.language.source import parse

    report = Report("pipeline.yaml")
    parse(DAY_ONE.encode("utf-16"), report)

    assert [str(one) for one in report.found] == [
        "pipeline.yaml:1:1: is not UTF-8 text (it is UTF-16; save it as UTF-8)"
    ]


@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
def test_what_other_systems_editors_leave_is_no_mistake(change: object) -> None:
    assert callable(change)

    assert told_of(change(DAY_ONE)) == []
