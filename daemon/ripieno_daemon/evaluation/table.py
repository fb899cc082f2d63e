"""The table of a split: which file it is, its columns, its rows.

`labels.csv` with a column `split`, or a file for each split, named for it: `test.csv`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ripieno.errors import ConfigError, Problem

FILE_NAME: Final = "labels.csv"
MAX_CELL: Final = 1 << 20  # characters; the csv module's own bound is 131,072


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `line` is where it ends."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a split."""

    place: Path
    columns: Sequence[str]
    rows: Sequence[Row]

    def column(self, *names: str) -> str | None:
        """Return the first of these columns that there is."""
        return next((name for name in names if name in self.columns), None)

    def problem(self, line: int, column: str, message: str, hint: str = "") -> Problem:
        """Return a problem with its place in the file."""
        return Problem(str(self.place), line, self.columns.index(column) + 1, column, message, hint)


def read_table(folder: Path, split: str | None) -> Table:
    """Return the table of a split (None: of `labels.csv`, all).

    Raises:
        ConfigError: no such file, one that is no CSV, no column `split`, or no row.
    """
    place = _place(folder, split)
    try:
        text = place.read_text(encoding="utf-8-sig")
        limit = csv.field_size_limit(MAX_CELL)
        try:
            rows = csv.DictReader(io.StringIO(text, newline=""))
            columns = list(rows.fieldnames or [])
            read = [Row(rows.line_num, {name: row.get(name) or "" for name in columns}) for row in rows]
        finally:
            csv.field_size_limit(limit)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([Problem(str(place), 0, 0, "", f"cannot be read: {error}")]) from error
    if split is None or (place.name != FILE_NAME and "split" not in columns):
        return Table(place, columns, _some(place, read, split, ""))
    if "split" not in columns:
        there = ", ".join(columns) or "none"
        raise ConfigError([Problem(str(place), 1, 1, "", "missing column split", f"columns here: {there}")])
    chosen = [row for row in read if row.cells["split"].strip() == split]
    there = ", ".join(sorted({row.cells["split"].strip() for row in read} - {""}))
    return Table(place, columns, _some(place, chosen, split, there))


def _some(place: Path, rows: list[Row], split: str | None, there: str) -> list[Row]:
    if rows:
        return rows
    what = "no row" if split is None else f"no row of split {split!r}"
    raise ConfigError([Problem(str(place), 0, 0, "split", what, f"splits here: {there}" if there else "")])


def _place(folder: Path, split: str | None) -> Path:
    names = [FILE_NAME, *([f"{split}.csv"] if split else [])]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    there = ", ".join(sorted(path.stem for path in folder.glob("*.csv"))[:10])
    hint = f"splits here: {there}" if there else "columns: file and class of pictures, text and category of texts"
    expected = " or ".join(names)
    raise ConfigError([Problem(str(folder / names[-1]), 0, 0, "", f"expected {expected}, found none", hint)])
