"""What a model is asked, and what it should say: each row of a table.

Columns: `file` (a picture, relative to the folder), or `text`, or one for each field of a model over numbers; the label
in `class`, `category`, `label` or `intent`; `near_duplicate_group` or `group` for rows that are not independent of each
other (frames of one scene, exposures of one part). The same text twice is one group by itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ripieno.errors import ConfigError, Problem
from ripieno.models import ModelSpec, TakesNumbers, TakesPicture, TakesText
from ripieno.values import Given, PictureRef, Text, Vector

from .table import Row, Table, read_table

LABELS: Final = ("class", "category", "label", "intent")
GROUPS: Final = ("near_duplicate_group", "group")
MAX_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class Labelled:
    """What is given, its label, its name for people; `group` joins rows that are not independent."""

    given: Given
    name: str
    label: str
    group: str


def read_labelled(folder: Path, split: str | None, spec: ModelSpec) -> list[Labelled]:
    """Return what a split holds for a model, in the order of the file.

    Raises:
        ConfigError: no file, a missing column, a label that the model does not know, a missing picture, what is no
            number, an empty split; every place at once.
    """
    table = read_table(folder, split)
    label_column = _columns(table, spec)
    group_column = table.column(*GROUPS)
    found: list[Labelled] = []
    problems: list[Problem] = []
    unknown: set[str] = set()
    for row in table.rows:
        label = row.cells[label_column].strip()
        if label not in spec.labels and label not in unknown:
            unknown.add(label)
            problems.append(_unknown(table, row, label_column, label, spec.labels))
        try:
            given, name = _given(table, row, folder, spec)
        except ConfigError as error:
            problems += error.problems
            continue
        group = row.cells[group_column].strip() if group_column else given.text if isinstance(given, Text) else ""
        found.append(Labelled(given, name, label, group or f"row {row.line}"))
    if problems:
        more = len(problems) - MAX_PROBLEMS
        shown = problems[:MAX_PROBLEMS]
        raise ConfigError([*shown, Problem(str(table.place), 0, 0, "", f"and {more} more")] if more > 0 else shown)
    return found


def _columns(table: Table, spec: ModelSpec) -> str:
    """Return the label's column. Raises ConfigError: it, or what the model takes, is missing."""
    match spec.takes:
        case TakesPicture():
            needed: Sequence[str] = ("file",)
        case TakesText():
            needed = ("text",)
        case TakesNumbers(fields):
            needed = fields
    missing = [name for name in needed if name not in table.columns]
    label = table.column(*LABELS)
    if label is None:
        missing.append(f"class (or {', '.join(LABELS[1:])})")
    there = ", ".join(table.columns) or "none"
    if label is None or missing:
        hint = f"columns here: {there}"
        raise ConfigError([Problem(str(table.place), 1, 1, "", f"missing column {one}", hint) for one in missing])
    return label


def _given(table: Table, row: Row, folder: Path, spec: ModelSpec) -> tuple[Given, str]:
    match spec.takes:
        case TakesPicture():
            file = row.cells["file"].strip()
            path = folder / file
            if not path.is_file():
                raise ConfigError([table.problem(row.line, "file", f"{file}: no such picture")])
            return PictureRef(str(path.absolute())), file
        case TakesText():
            return Text(row.cells["text"]), f"{table.place.name}:{row.line}"
        case TakesNumbers(fields):
            return Vector(_numbers(table, row, fields)), f"{table.place.name}:{row.line}"


def _numbers(table: Table, row: Row, fields: Sequence[str]) -> tuple[float, ...]:
    numbers: list[float] = []
    problems: list[Problem] = []
    for field in fields:
        try:
            numbers.append(float(row.cells[field]))
        except ValueError:
            problems.append(table.problem(row.line, field, f"should be a number (got {row.cells[field][:40]!r})"))
    if problems:
        raise ConfigError(problems)
    return tuple(numbers)


def _unknown(table: Table, row: Row, column: str, label: str, labels: Sequence[str]) -> Problem:
    near = difflib.get_close_matches(label, labels, 1)
    hint = f"did you mean {near[0]}?" if near else f"the model's labels: {', '.join(labels[:10])}"
    return table.problem(row.line, column, f"{label!r} is not among the model's labels", hint)
