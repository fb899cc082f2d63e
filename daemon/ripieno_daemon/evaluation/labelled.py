"""labels.csv: which picture shows what.

Columns `file` (relative to the folder) and `class`; `split` where there is more than one; `near_duplicate_group` or
`group` for pictures that are not independent of each other (frames of one scene, exposures of one part).
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ripieno.errors import ConfigError, Problem

FILE_NAME: Final = "labels.csv"
NEEDED: Final = ("file", "class")
GROUPS: Final = ("near_duplicate_group", "group")
MAX_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """A labelled picture; `group` joins pictures that are not independent."""

    path: Path
    file: str
    label: str
    group: str


def read_labels(folder: Path, split: str | None, labels: Sequence[str]) -> list[Picture]:
    """Return the pictures of a split (None: all), in the order of labels.csv.

    Args:
        labels: the model's.

    Raises:
        ConfigError: no file, a missing column, a class that the model does not know, a missing picture, an empty split;
            every place at once.
    """
    place = folder / FILE_NAME
    try:
        text = place.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        hint = "columns: file, class, and split where there is more than one"
        raise ConfigError([Problem(str(place), 0, 0, "", "expected this file, found none", hint)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(place), 0, 0, "", f"cannot be read: {error}")]) from error
    rows = csv.DictReader(io.StringIO(text, newline=""))
    columns = list(rows.fieldnames or [])
    missing = [name for name in (*NEEDED, *(["split"] if split is not None else [])) if name not in columns]
    if missing:
        there = ", ".join(columns) or "none"
        raise ConfigError(
            [Problem(str(place), 1, 1, "", f"missing column {name}", f"columns here: {there}") for name in missing]
        )
    group_column = next((name for name in GROUPS if name in columns), None)
    pictures: list[Picture] = []
    problems: list[Problem] = []
    splits: set[str] = set()
    unknown: set[str] = set()
    for row in rows:
        here = (row.get("split") or "").strip()
        splits.add(here)
        if split is not None and here != split:
            continue
        file, label = (row["file"] or "").strip(), (row["class"] or "").strip()
        if label not in labels and label not in unknown:
            unknown.add(label)
            near = difflib.get_close_matches(label, labels, 1)
            hint = f"did you mean {near[0]}?" if near else f"the model's labels: {', '.join(labels[:10])}"
            message = f"{label!r} is not among the model's labels"
            problems.append(Problem(str(place), rows.line_num, columns.index("class") + 1, "class", message, hint))
        path = folder / file
        if not path.is_file():
            problems.append(
                Problem(str(place), rows.line_num, columns.index("file") + 1, "file", f"{file}: no such picture")
            )
        group = (row.get(group_column) or "").strip() if group_column else ""
        pictures.append(Picture(path, file, label, group or f"picture {len(pictures)}"))
    if not pictures and not problems:
        there = ", ".join(sorted(name for name in splits if name)) or "none"
        problems.append(Problem(str(place), 0, 0, "split", f"no picture in split {split!r}", f"splits here: {there}"))
    if problems:
        more = len(problems) - MAX_PROBLEMS
        shown = problems[:MAX_PROBLEMS]
        raise ConfigError([*shown, Problem(str(place), 0, 0, "", f"and {more} more")] if more > 0 else shown)
    return pictures
