"""Collects what is wrong in the files, in the order of the files and their lines, and renders it."""

from __future__ import annotations

from collections.abc import Iterable

from ripieno.errors import Problem

MOST_SHOWN = 200
MOST_TOLD = 100


class TooManyProblems(Exception):
    """A file has so many that looking for more is a waste of time."""


class Problems:
    """All problems of one pass over several files."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._files: dict[str, int] = {}
        self._reports: dict[str, Report] = {}

    def file(self, name: str) -> Report:
        """Return the report for this file; files are ordered as they are first named."""
        self._files.setdefault(name, len(self._files))
        return self._reports.setdefault(name, Report(name, self._found))

    def ordered(self) -> tuple[Problem, ...]:
        """Return each problem once, by file, line and column."""
        order = self._files
        unique = dict.fromkeys(self._found)
        return tuple(
            sorted(
                unique, key=lambda one: (order.get(one.file, len(order)), one.line, one.column, one.path, one.message)
            )
        )


class Report:
    """Takes the problems of one file."""

    def __init__(self, file: str, found: list[Problem] | None = None) -> None:
        self.file = file
        self.found: list[Problem] = [] if found is None else found
        self._own = 0

    def add(self, line: int, column: int, path: str, message: str, hint: str = "") -> None:
        """Note a problem; line and column count from 1, 0 means the whole file.

        Raises:
            TooManyProblems: this is one more than MOST_TOLD; it is noted that there may be more.
        """
        self._own += 1
        if self._own > MOST_TOLD:
            self.found.append(Problem(self.file, 0, 0, "", f"has more than {MOST_TOLD} problems", "mend these first"))
            raise TooManyProblems
        self.found.append(Problem(self.file, line, column, path, message, hint))


def as_text(problems: Iterable[Problem]) -> str:
    """Return one line for each problem, `file:line:column: path: message (hint)`; beyond 200 a count."""
    shown = [str(problem) for problem in problems]
    more = len(shown) - MOST_SHOWN
    return "\n".join([*shown[:MOST_SHOWN], *([f"... and {more} more"] if more > 0 else [])])


def as_maps(problems: Iterable[Problem]) -> list[dict[str, str | int]]:
    """Return the problems as plain maps, for JSON or msgpack."""
    return [
        {
            "file": one.file,
            "line": one.line,
            "column": one.column,
            "path": one.path,
            "message": one.message,
            "hint": one.hint,
        }
        for one in problems
    ]
