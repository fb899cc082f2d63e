"""Rules that wait for one another: found and named with their lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .names import Names
from .problems import Report

MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Wait:
    """A rule, what it waits for ("output.diverted" or ""), and the outputs on which it acts."""

    rule: str
    after: str
    acts_on: tuple[str, ...]


def find_cycle(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the names of one cycle, the first again at its end; empty where there is none."""
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        inside: set[str] = set()
        stack = [(start, iter(needs.get(start, ())))] if start not in done else []
        while stack:
            name, rest = stack[-1]
            if name not in inside:
                path.append(name)
                inside.add(name)
            following = next(rest, None)
            if following is None:
                stack.pop()
                path.pop()
                inside.remove(name)
                done.add(name)
            elif following in inside:
                return [*path[path.index(following) :], following]
            elif following not in done:
                stack.append((following, iter(needs.get(following, ()))))
    return []


def arrows(names: list[str]) -> str:
    """Return a way as text, of a very long one the beginning and the end."""
    if len(names) > MOST_SHOWN:
        names = [*names[: MOST_SHOWN - 2], f"{len(names) - MOST_SHOWN + 1} more", names[-1]]
    return " -> ".join(names)


def report_cycles(waits: Iterable[Wait], names: Names, report: Report) -> None:
    """Report the first cycle among the rules: a rule waits for an output, an output for the rules that act on it."""
    needs: dict[str, list[str]] = {}
    for wait in waits:
        needs.setdefault(f"rule {wait.rule}", []).extend(
            [f"output {wait.after.partition('.')[0]}"] if wait.after else []
        )
        for output in wait.acts_on:
            needs.setdefault(f"output {output}", []).append(f"rule {wait.rule}")
    cycle = find_cycle(needs)
    if not cycle:
        return
    if cycle[0].startswith("output"):
        cycle = [*cycle[1:], cycle[1]]
    shown = []
    for one in cycle:
        kind, name = one.split(" ", 1)
        shown.append(f"{name} (line {names.line(kind, name)})")
    first = cycle[0].split(" ", 1)[1]
    message = f"waits for itself: {arrows(shown)}"
    report.add(names.line("rule", first), 1, f"rules.{first}.after", message, "let one of them not wait")
