"""Many conditions at once: what they have in common is computed once, and only where something that they read changed.

Conditions that read the same operands are computed by one function, CHUNK_NODES subtrees at most in each; functions of
one shape share their code, so that 8,000 rules written after one pattern are compiled once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ripieno.plan import Expression
from ripieno.values import UNKNOWN

from .generate import operands_of
from .kleene import Read
from .sharing import Sharing, nodes_of, shared
from .writing import TOP, Writer, compiled

CHUNK_NODES = 1_000
Values = list[Any]


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions that are computed together.

    Attributes:
        function: values of all operands of the set -> values of these conditions.
        rules: their numbers.
        slots: of the operands that they read.
    """

    function: Callable[[Sequence[Any]], Values]
    rules: tuple[int, ...]
    slots: tuple[int, ...]


class RuleSet:
    """Conditions by number, in the order in which they were given.

    Attributes:
        reads: every operand that is read, by slot.
        groups: the functions.
    """

    def __init__(self, trees: Sequence[Expression]) -> None:
        sharing = Sharing()
        trees = [sharing.of(tree) for tree in trees]
        reads = [operands_of(tree) for tree in trees]
        self.reads: tuple[Read, ...] = tuple(dict.fromkeys(read for each in reads for read in each))
        slots = {read: slot for slot, read in enumerate(self.reads)}
        self._slots = [tuple(slots[read] for read in each) for each in reads]
        alike: dict[tuple[int, ...], list[int]] = {}
        for rule, mine in enumerate(self._slots):
            alike.setdefault(tuple(sorted(mine)), []).append(rule)
        self.groups = [
            _group(trees, chunk, mine, slots) for mine, rules in alike.items() for chunk in _chunks(trees, rules)
        ]
        order = [rule for group in self.groups for rule in group.rules]
        at = {rule: place for place, rule in enumerate(order)}
        self._sorted = None if order == sorted(order) else itemgetter(*(at[rule] for rule in range(len(trees))))

    def __len__(self) -> int:
        return len(self._slots)

    def evaluate(self, values: Sequence[Any]) -> Values:
        """Return each condition's value; `values` has one value or UNKNOWN for each of `reads`. Numbers are floats."""
        found: Values = []
        for group in self.groups:
            found += group.function(values)
        return found if self._sorted is None else list(self._sorted(found))

    def slots_of(self, rule: int) -> tuple[int, ...]:
        """Return the slots of what one condition reads, in the order of `operands_of`."""
        return self._slots[rule]

    def rules_reading(self, read: Read) -> tuple[int, ...]:
        """Return the conditions that read an operand."""
        if read not in self.reads:
            return ()
        slot = self.reads.index(read)
        return tuple(sorted(rule for group in self.groups if slot in group.slots for rule in group.rules))


class LiveRules:
    """A set of conditions with the present values of its operands: what reads none that changed is not computed again.

    At first every operand is unknown. What it holds follows from the operands alone: no snapshot needs it.

    Attributes:
        rules: the set.
        values: of the operands, by slot.
        results: of the conditions, by number; as of the last `settle`.
    """

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.values: Values = [UNKNOWN] * len(rules.reads)
        self.results = rules.evaluate(self.values)
        self._readers: list[list[int]] = [[] for _ in rules.reads]
        for number, group in enumerate(rules.groups):
            for slot in group.slots:
                self._readers[slot].append(number)
        self._kept = [[self.results[rule] for rule in group.rules] for group in rules.groups]
        self._stale: set[int] = set()

    def put(self, slot: int, value: Any) -> None:
        """Give an operand its present value."""
        before = self.values[slot]
        if value is not before and (value != before or type(value) is not type(before)):
            self.values[slot] = value
            self._stale.update(self._readers[slot])

    def settle(self) -> list[int]:
        """Compute what reads a changed operand; return the numbers of the conditions that have another value now."""
        turned: list[int] = []
        for number in sorted(self._stale):
            group = self.rules.groups[number]
            before, now = self._kept[number], group.function(self.values)
            if now == before:
                continue
            self._kept[number] = now
            for rule, old, new in zip(group.rules, before, now, strict=True):
                if new != old:
                    self.results[rule] = new
                    turned.append(rule)
        self._stale.clear()
        turned.sort()
        return turned

    def refresh(self, look_up: Callable[[Read], Any], slots: Iterable[int] | None = None) -> list[int]:
        """Look these operands up (default: all) and settle."""
        reads, values = self.rules.reads, self.values
        for slot in range(len(reads)) if slots is None else slots:
            value, before = look_up(reads[slot]), values[slot]
            if value is not before and (value != before or type(value) is not type(before)):
                values[slot] = value
                self._stale.update(self._readers[slot])
        return self.settle() if self._stale else []

    def operands(self, rule: int) -> tuple[tuple[Read, Any], ...]:
        """Return what a condition reads with the values as they are, for the record of a transition or an act."""
        return tuple((self.rules.reads[slot], self.values[slot]) for slot in self.rules.slots_of(rule))


def _chunks(trees: Sequence[Expression], rules: Sequence[int]) -> list[list[int]]:
    """Return the rules in pieces whose functions are of bounded size (one tree alone may be larger)."""
    chunks: list[list[int]] = []
    room = 0
    for rule in rules:
        size = sum(1 for _ in nodes_of(trees[rule]))
        if not chunks or size > room:
            chunks.append([])
            room = CHUNK_NODES
        chunks[-1].append(rule)
        room -= size
    return chunks


def _group(trees: Sequence[Expression], rules: Sequence[int], mine: tuple[int, ...], slots: dict[Read, int]) -> Group:
    writer = Writer(slots, as_constants=True)
    wanted = [trees[rule] for rule in rules]
    for tree in shared(wanted):
        writer.known[id(tree)] = writer.write(tree, TOP)
    results = ", ".join(writer.write(tree, TOP) for tree in wanted)
    return Group(compiled(writer.maker(f"[{results}]"))(*writer.constants), tuple(rules), mine)
