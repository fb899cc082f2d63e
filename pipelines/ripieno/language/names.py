"""Names that a file defines and uses: a misspelt one is reported where it is used and where its like is defined."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

from .nearest import nearest, shown
from .problems import Report
from .scanning import Place
from .source import Node

MOST_COMPARED = 1_500  # names: looking for the nearest costs milliseconds where there are many
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class _Defined:
    line: int
    column: int
    path: str
    report: Report


class Names:
    """What is defined, by kind ("input", "step" ...), and by whom it is used."""

    def __init__(self) -> None:
        self._defined: dict[str, dict[str, _Defined]] = {}
        self._used: set[tuple[str, str]] = set()
        self._missed: list[tuple[tuple[str, ...], str, str, int, Report]] = []
        self._told: set[tuple[str, str]] = set()
        self._compared = 0

    def define(self, kind: str, name: str, place: Place, path: str, report: Report) -> None:
        """Note a definition."""
        self._defined.setdefault(kind, {})[name] = _Defined(place[0], place[1], path, report)

    def known(self, *kinds: str) -> list[str]:
        """Return the names of these kinds, in the order of definition."""
        return [name for kind in kinds for name in self._defined.get(kind, {})]

    def line(self, kind: str, name: str) -> int:
        """Return the line of a definition, 0 if there is none."""
        found = self._defined.get(kind, {}).get(name)
        return found.line if found else 0

    def use(self, name: str, kinds: tuple[str, ...], place: Place, path: str, report: Report) -> str | None:
        """Return the kind under which the name is defined; report it and return None if it is not."""
        for kind in kinds:
            if name in self._defined.get(kind, {}):
                self._used.add((kind, name))
                return kind
        known = self.known(*kinds)
        near = self._nearest(name, known)
        hint = f"there is {shown(known)}" if known else ""
        if near is not None:
            found = next(self._defined[kind][near] for kind in kinds if near in self._defined.get(kind, {}))
            elsewhere = f"{found.report.file}:" if found.report.file != report.file else "line "
            hint = f"did you mean '{near}', defined on {elsewhere}{found.line}?"
        what = " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
        report.add(place[0], place[1], path, f"there is no {what} '{name}'", hint)
        self.miss(name, kinds, place[0], path, report)
        return None

    def _nearest(self, name: str, known: list[str]) -> str | None:
        """Return the known name that is most like this one; None where none is, or enough were compared."""
        if self._compared > MOST_COMPARED:
            return None
        self._compared += len(known)
        return nearest(name, known)

    def mark(self, kind: str, name: str) -> None:
        """Note that a name is used."""
        self._used.add((kind, name))

    def miss(self, name: str, kinds: tuple[str, ...], line: int, path: str, report: Report) -> None:
        """Note a use, already reported, of a name that is not defined."""
        self._missed.append((kinds, name, path, line, report))

    @property
    def told(self) -> frozenset[tuple[str, str]]:
        """What `finish` reported, as (kind, name)."""
        return frozenset(self._told)

    def finish(self) -> None:
        """Report definitions that nothing uses while their like is used but not defined: the typo may be there."""
        self._compared = 0
        unused: dict[tuple[str, ...], dict[str, str]] = {}
        for kinds, name, path, line, report in self._missed:
            if kinds not in unused:
                unused[kinds] = {
                    one: kind for kind in kinds for one in self._defined.get(kind, {}) if (kind, one) not in self._used
                }
            near = self._nearest(name, list(unused[kinds]))
            if near is None or (unused[kinds][near], near) in self._told:
                continue
            self._told.add((unused[kinds][near], near))
            found = self._defined[unused[kinds][near]][near]
            where = f"line {line}" if report.file == found.report.file else f"{report.file}:{line}"
            what = f"is used nowhere, while {path} names '{name}' on {where}"
            found.report.add(found.line, found.column, found.path, what, f"did you mean '{name}'?")


@dataclass(frozen=True, slots=True)
class Family:
    """Names of one kind: the fields of a step, the branches of a route."""

    names: Names
    kind: str

    def mark(self, name: str) -> None:
        """Note that a name is used."""
        self.names.mark(self.kind, name)

    def miss(self, name: str, line: int, path: str, report: Report) -> None:
        """Note a use, already reported, of a name that is not defined."""
        self.names.miss(name, (self.kind,), line, path, report)

    def define(self, name: str, place: Place, path: str, report: Report) -> None:
        """Note a definition."""
        self.names.define(self.kind, name, place, path, report)


def check_name(name: str, place: Place, path: str, report: Report, in_expressions: bool = True) -> bool:
    """Whether this can be a name, one that expressions use; reports it if not."""
    why = ""
    if not _NAME.match(name):
        why = "should be a name: a letter, then letters, digits and _"
    elif "__" in name or (in_expressions and (keyword.iskeyword(name) or name in ("true", "false"))):
        why = "cannot be used as a name"
    if why:
        report.add(place[0], place[1], path, why)
    return not why


def entries(node: Node, key: str) -> dict[str, tuple[Node, Place]]:
    """Return the entries of a section with the places of their names; empty where the section is none."""
    section = node.mapping.get(key)
    if section is None:
        return {}
    return {name: (value, section.keys[name]) for name, value in section.mapping.items()}
