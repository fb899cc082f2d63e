"""In which order steps are read and run: each after those that it names. A cycle is told with its lines."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping

from ..cycles import find_cycle
from ..source import Node

# Under these keys stand expressions, and names of steps.
_EXPRESSIONS = ("map", "when", "of", "in", "route", "agree", "by", "show", "join", "given")
_NAMES = ("crop", "with")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_NAMED = re.compile(r"([A-Za-z]\w*)\s*\.\s*[A-Za-z]")
MOST_CYCLES = 5


def named_in(node: Node) -> frozenset[str]:
    """Return the names before a dot in the expressions of a step: steps and other things."""
    texts = (text for key in _EXPRESSIONS if key in node.mapping for text in _texts(node.mapping[key]))
    found = {name for text in texts for name in _NAMED.findall(_QUOTED.sub("", text))}
    return frozenset(found | {node.mapping[key].text for key in _NAMES if key in node.mapping})


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node.value, dict):
        for one in node.value.values():
            yield from _texts(one)
    elif isinstance(node.value, tuple):
        for one in node.value:
            yield from _texts(one)
    else:
        yield node.text


def cut_cycles(needs: Mapping[str, frozenset[str]]) -> tuple[dict[str, frozenset[str]], list[list[str]]]:
    """Return the needs without those that close a cycle, and the cycles, each as names with the first again at its
    end.
    """
    left: dict[str, Iterable[str]] = {name: sorted(some) for name, some in needs.items()}
    cycles: list[list[str]] = []
    while len(cycles) < MOST_CYCLES and (cycle := find_cycle(left)):
        cycles.append(cycle)
        for name in cycle[:-1]:
            left[name] = ()
    if len(cycles) == MOST_CYCLES:
        return dict.fromkeys(left, frozenset()), cycles
    return {name: frozenset(some) for name, some in left.items()}, cycles


def in_order(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Return all names, each after those it needs and else in the order given. There is no cycle."""
    number = {name: index for index, name in enumerate(needs)}
    waiting = {name: {one for one in some if one in number} for name, some in needs.items()}
    users: dict[str, list[str]] = {}
    for name, some in waiting.items():
        for one in some:
            users.setdefault(one, []).append(name)
    ready = [number[name] for name, some in waiting.items() if not some]
    names, found = list(needs), []
    heapq.heapify(ready)
    while ready:
        name = names[heapq.heappop(ready)]
        found.append(name)
        for user in users.get(name, ()):
            waiting[user].discard(name)
            if not waiting[user]:
                heapq.heappush(ready, number[user])
    return found
