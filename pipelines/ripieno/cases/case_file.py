"""A file of cases: `cases/*.yaml` in a bundle.

    ripieno: 1
    usual: {speed: 100, every: 500ms, answers: {look: {label: normal, score: 0.95}}}
    cases:
      a_good_part_passes:
        when:
          - part: {}                                     # the usual answers
          - part: {look: {label: over, score: 0.9}}
            times: 3
          - wait: 5s
        then: {verdicts: [good, defective, defective, defective], acts: {gate: 1}}

What happens (one of them in each entry of `when`, then `times`, and `every` as the pause before the next):

    ITEM: {STEP: ANSWER, OUTPUT: OUTCOME, INPUT: {field: value}}    an item starts; moving ones go their whole way
    reading: {INPUT: {field: value}, ...}                   sensors read; `unknown` for a value that is none
    frame: {INPUT: {STEP: ANSWER}}                          a picture that belongs to no item
    message: {INPUT: {field: value}}                        one that starts no item
    wait: 10s        restart: 30s        expect: {...}      time passes; the daemon is gone so long; as in `then`

An ANSWER is fields of the step (`{label: over, score: 0.9}`, `{found: false}`), what a person answers (`sign`, or
`{answer: sign, by: Eva, note: well seen}`), or one of `unknown` (it failed), `late`, `nobody` (no person answers),
`no_frame`, `dark`. An OUTCOME is executed, not-executed or in-doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MinLen

from ripieno.language.nearest import did_you_mean
from ripieno.language.problems import Report
from ripieno.language.quantities import NotAQuantity, Quantity, read
from ripieno.language.shape import build, is_mapping, join
from ripieno.language.source import Node, parse
from ripieno.plan import PipelinePlan

from .naming import HAPPENS, Names

WEEK_NS = 168 * 3_600_000_000_000
Pause = Annotated[int, Quantity("duration"), Ge(0), Le(WEEK_NS)]
TIMES = ("wait", "restart")
SOURCES = {"reading": "reading", "frame": "frame", "message": "message"}


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What holds where a case says nothing else. `speed`: of the belt, in mm/s."""

    speed: Annotated[float, Gt(0), Le(100_000)] = 100.0
    every: Pause = 500_000_000
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class File:
    """The whole file."""

    ripieno: Literal[1]
    cases: Annotated[Mapping[str, Any], MinLen(1)]
    usual: Usual = Usual()


@dataclass(frozen=True, kw_only=True)
class CaseShape:
    """One case."""

    when: Annotated[tuple[Any, ...], MinLen(1)]
    then: Annotated[Mapping[str, Any], MinLen(1)]
    usual: Usual | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of `when`. `what`: item, reading, frame, message, wait, restart or expect; `name`: of the item or
    input, "" of readings; `given`: as written; `line`: where.
    """

    what: str
    name: str
    given: Any
    times: int
    every_ns: int
    line: int


@dataclass(frozen=True, slots=True)
class Case:
    """A case that can be run."""

    file: str
    name: str
    line: int
    speed: float
    answers: Mapping[str, Any]
    when: tuple[Happening, ...]
    then: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The cases of one file, in its order."""

    cases: tuple[Case, ...]


def read_cases(content: bytes, plan: PipelinePlan, report: Report) -> CaseFile:
    """Return the cases that are whole; what is wrong with the others is reported with its place."""
    root = parse(content, report)
    if root is None:
        return CaseFile(())
    whole, root = build(File, root, "", report)
    if whole is None or not is_mapping(root.mapping["cases"], "cases", report):
        return CaseFile(())
    names = Names(plan, report)
    names.answers(root.mapping.get("usual"), "usual")
    found = [_case(name, node, whole.usual, names) for name, node in root.mapping["cases"].mapping.items()]
    return CaseFile(tuple(case for case in found if case is not None))


def _case(name: str, node: Node, usual: Usual, names: Names) -> Case | None:
    path = f"cases.{name}"
    shape, node = build(CaseShape, node, path, names.report)
    if shape is None:
        return None
    own = shape.usual or usual
    names.answers(node.mapping.get("usual"), f"{path}.usual")
    names.checks(node.mapping["then"], f"{path}.then")
    listed = node.mapping["when"].value
    happenings = [
        _happening(one, f"{path}.when.{index}", own, names)
        for index, one in enumerate(listed if isinstance(listed, tuple) else ())
    ]
    if any(one is None for one in happenings):
        return None
    answers = {**usual.answers, **own.answers}
    when = tuple(one for one in happenings if one is not None)
    return Case(names.report.file, name, node.line, own.speed, answers, when, dict(shape.then))


def _happening(node: Node, path: str, usual: Usual, names: Names) -> Happening | None:
    report = names.report
    if not is_mapping(node, path, report):
        return None
    told = [key for key in node.mapping if key not in HAPPENS]
    known = [*names.items, *SOURCES, *TIMES, "expect"]
    if len(told) != 1 or told[0] not in known:
        odd = next((key for key in told if key not in known), "")
        place = node.keys.get(odd, (node.line, node.column))
        what = f"'{odd}' does not happen" if odd else "should tell one thing that happens"
        report.add(*place, path, what, did_you_mean(odd, known) if odd else f"one of {', '.join(known)}")
        return None
    what, given = told[0], node.mapping[told[0]]
    times = _whole(node.mapping.get("times"), join(path, "times"), report)
    every = _pause(node.mapping.get("every"), join(path, "every"), report, usual.every)
    if times is None or every is None:
        return None
    if what in TIMES:
        pause = _pause(given, join(path, what), report, 0)
        return None if pause is None else Happening(what, "", pause, times, 0, node.line)
    if what == "expect":
        names.checks(given, join(path, what))
        return Happening(what, "", given.plain(), 1, 0, node.line)
    if not is_mapping(given, join(path, what), report):
        return None
    if what in names.items:
        names.of_item(what, given, join(path, what))
        return Happening("item", what, given.plain(), times, every, node.line)
    inputs = names.inputs(SOURCES[what])
    strange = next((one for one in given.mapping if one not in inputs), "" if not given.mapping else None)
    if strange is not None:
        place = given.keys.get(strange, (given.line, given.column))
        report.add(*place, join(path, what), f"there is no {what} input '{strange}'", did_you_mean(strange, inputs))
        return None
    if what != "reading" and len(given.mapping) > 1:
        second = list(given.keys.values())[1]
        report.add(*second, join(path, what), f"should be one {what}", "an entry of its own for each")
        return None
    for name, values in given.mapping.items():
        names.of_source(what, name, values, join(join(path, what), name))
    if what == "reading":
        return Happening(what, "", given.plain(), times, every, node.line)
    only, values = next(iter(given.mapping.items()))
    return Happening(what, only, values.plain(), times, every, node.line)


def _whole(node: Node | None, path: str, report: Report) -> int | None:
    if node is None:
        return 1
    if isinstance(node.value, int) and not isinstance(node.value, bool) and 1 <= node.value <= 10_000:
        return node.value
    report.add(node.line, node.column, path, "should be a whole number from 1 to 10000")
    return None


def _pause(node: Node | None, path: str, report: Report, usual_ns: int) -> int | None:
    if node is None:
        return usual_ns
    try:
        found = int(read(node.value, "duration").value)
    except NotAQuantity as error:
        report.add(node.line, node.column, path, error.message, error.hint)
        return None
    if found >= 0:
        return found
    report.add(node.line, node.column, path, "should not be negative")
    return None
