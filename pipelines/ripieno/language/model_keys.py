"""Which keys of a model go together: what its task needs, and what is of a picture, a text or a vector alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .nearest import did_you_mean
from .problems import Report
from .sections.models import Model
from .shape import join
from .source import Node

ROLES = ("boxes", "classes", "scores", "count")
OF_A_PICTURE = ("colour", "resize", "range")
OF = {"threshold": ("detect",), "labels": ("classify", "detect"), "outputs": ("detect", "regress")}


class Problem(NamedTuple):
    """What is wrong below a model: at which keys, what, and the mend."""

    at: tuple[str, ...]
    message: str
    hint: str = ""


def check_model(model: Model, node: Node, path: str, report: Report) -> None:
    """Report keys that do not go together, or are missing."""
    for problem in (*_task(model, node), *_input(model, node)):
        place, where = node, path
        for key in problem.at:
            place = place.mapping.get(key, place) if isinstance(place.value, dict) else place
            where = join(where, key)
        report.add(place.line, place.column, where, problem.message, problem.hint)


def _task(model: Model, node: Node) -> Iterator[Problem]:
    for key, tasks in OF.items():
        if getattr(model, key) not in (None, ()) and model.task not in tasks:
            yield Problem((key,), f"is for task{'s' if len(tasks) > 1 else ''} {' and '.join(tasks)}")
    if model.task != "regress" and "labels" not in node.mapping:
        yield Problem((), "missing key 'labels'", "a list, or a text file of the bundle with one on each line")
    if model.task == "regress" and "outputs" not in node.mapping:
        yield Problem((), "missing key 'outputs'", "the names of its values, such as outputs: [wear]")
    outputs = model.outputs or ()
    if model.task == "regress" and len(set(outputs)) != len(outputs):
        yield Problem(("outputs",), "names a value twice")
    if model.task == "detect" and outputs and sorted(outputs) != sorted(ROLES):
        stray = [one for one in outputs if one not in ROLES]
        what = f"'{stray[0]}' is no output of a detector" if stray else "names an output twice, or leaves one out"
        yield Problem(
            ("outputs",), what, did_you_mean(stray[0], ROLES) if stray else f"each of {', '.join(ROLES)} once"
        )


def _input(model: Model, node: Node) -> Iterator[Problem]:
    taken, written = model.input, node.mapping.get("input")
    keys = list(written.mapping) if written is not None and isinstance(written.value, dict) else []
    if taken.text is None and taken.vector is None:
        if taken.scaling is not None:
            yield Problem(("input", "scaling"), "is for the fields of a vector", "vector: [FIELD, ...]")
        return
    kind = "text" if taken.text is not None else "vector"
    if taken.text is not None and taken.vector is not None:
        yield Problem(("input", "vector"), "a model takes a text or a vector, not both")
    for key in (key for key in OF_A_PICTURE if key in keys):
        yield Problem(("input", key), f"is for pictures; this model takes a {kind}")
    if model.task == "detect":
        yield Problem(("input", kind), "task detect finds objects in a picture")
    fields = taken.vector or ()
    if len(set(fields)) != len(fields):
        twice = next(one for one in fields if fields.count(one) > 1)
        yield Problem(("input", "vector"), f"names {twice} twice")
    for field in taken.scaling or {}:
        if field not in fields:
            yield Problem(("input", "scaling", field), "is no field of the vector", did_you_mean(field, fields))
