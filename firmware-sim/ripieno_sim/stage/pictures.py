"""What the camera shows of a part: a picture drawn from its bead's width, or one from a folder whose class fits."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import ConfigError, Problem
from ripieno_sim.plant.parts import Part
from ripieno_sim.seeds import stream

Picture = Callable[[Part], tuple[bytes, str]]  # the encoded picture and its file ending


@dataclass(frozen=True, slots=True)
class Rendered:
    """Draws the bead; the same part of the same seed looks the same."""

    seed: int

    def __call__(self, part: Part) -> tuple[bytes, str]:
        """Return the picture."""
        return drawn(part.width_ratio, picture_seed(self.seed, part.index))


def picture_seed(seed: int, index: int) -> int:
    """Return the seed of the scene around part `index`."""
    return stream(seed, f"picture/{index}").getrandbits(32)


def drawn(width_ratio: float, seed: int) -> tuple[bytes, str]:
    """Return the picture of a bead of this width, and its file ending."""
    from ripieno_sim.plant.picture import render

    picture = render(width_ratio, seed)
    return picture, ".png" if picture.startswith(b"\x89PNG") else ".jpg"


class FromFolder:
    """Takes pictures of a folder with `labels.csv`: the bead's state picks the class, the seed picks the picture.

    Where the table has a column `split` with rows of `test`, only those are used: a model is not shown what it was
    trained on.

    Raises:
        ConfigError: no table, a column or a class is missing, or a file is not there; the message names it.
    """

    def __init__(self, folder: Path, seed: int, classes: Collection[str]) -> None:
        self._seed = seed
        self._files = _by_class(folder, classes)

    def __call__(self, part: Part) -> tuple[bytes, str]:
        """Return the picture."""
        files = self._files[part.state]
        chosen = files[stream(self._seed, f"picture/{part.index}").randrange(len(files))]
        return chosen.read_bytes(), chosen.suffix.lower()


def _by_class(folder: Path, classes: Collection[str]) -> dict[str, list[Path]]:
    table = folder / "labels.csv"
    if not table.is_file():
        raise _wrong(folder, 0, "there is no labels.csv", "a table with the columns file and class is needed")
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = {"file", "class"} - set(reader.fieldnames or ())
        if missing:
            raise _wrong(table, 1, f"the column {min(missing)!r} is missing", f"there are {reader.fieldnames}")
        rows = list(reader)
    if any(row.get("split") == "test" for row in rows):
        rows = [row for row in rows if row["split"] == "test"]
    found: dict[str, list[Path]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):
        if row["class"] in classes:
            path = folder / row["file"]
            if not path.is_file():
                raise _wrong(table, number, f"the file {row['file']!r} is not there", f"looked for {path}")
            found[row["class"]].append(path)
    for name in sorted(classes):
        if not found[name]:
            there = ", ".join(sorted({row["class"] for row in rows})) or "none"
            raise _wrong(table, 0, f"no picture of class {name!r}", f"the table has {there}")
    return {name: sorted(files) for name, files in found.items()}


def _wrong(path: Path, line: int, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(str(path), line, 1 if line else 0, "", message, hint)])
