"""Effects in systems that dedupe by the act's id: bookings, messages, reports. Open until their outcome is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from ripieno.plan import AggregateRef, BookingEffect, Operand, PipelinePlan, RulePlan
from ripieno.values import UNKNOWN, Act, Booking

from .condition import Condition
from .effects import Book, Withheld
from .scene import Scene

if TYPE_CHECKING:
    from .handover import Handover


class Bookings:
    """All bookings of a pipeline.

    The index in an act's identity counts the effects on an output over all rules, in the order of the file: two rules
    that book about one item make two acts.
    """

    def __init__(self, plan: PipelinePlan, scene: Scene) -> None:
        self._scene = scene
        self._open: dict[str, Booking] = {}
        self._effects: dict[str, list[tuple[BookingEffect, int, list[tuple[str, Condition]]]]] = {}
        counted = self._counted = Counter[str]()
        for rule in plan.rules:
            for effect in rule.do:
                if isinstance(effect, BookingEffect):
                    fields = [(name, Condition(tree)) for name, tree in effect.fields]
                    self._effects.setdefault(rule.name, []).append((effect, counted[effect.output], fields))
                    counted[effect.output] += 1

    def book(
        self,
        cause: str,
        rule: RulePlan,
        look_up: Callable[[Operand | AggregateRef], object],
        spent: Collection[str] = (),
    ) -> int:
        """Want all bookings of a rule; return how many those are. What is unknown is booked as None.

        `spent`: acts (output/index) that rules of an earlier plan have had under this cause: theirs for ever.
        """
        effects = self._effects.get(rule.name, [])
        for effect, index, conditions in effects:
            while f"{effect.output}/{index}" in spent:
                index += self._counted[effect.output]
            fields = []
            for name, condition in conditions:
                value, _ = condition.value(look_up)
                fields.append((name, None if value is UNKNOWN else value))
            act, how = Act(cause, effect.output, index), self._scene.taken.get(effect.output)
            if how is not None:
                self._scene.counters[f"withheld_{how}"] += 1
                withheld = Withheld(act, effect.output, effect.verb, rule.name, how, tuple(fields))
                self._scene.effects.append(withheld)
                continue
            booking = Booking(act, effect.output, effect.verb, tuple(fields))
            self._open[str(booking.act)] = booking
            self._scene.counters["bookings"] += 1
            self._scene.effects.append(Book(booking))
        return len(effects)

    def settled(self, cause: str, output: str, index: int, kind: str) -> bool:
        """Take an outcome; False where no booking is open under this act."""
        if self._open.pop(f"{cause}/{output}/{index}", None) is None:
            return False
        self._scene.counters[f"bookings_{kind}"] += 1
        return True

    def again(self) -> None:
        """Want all open ones once more, after a start: they dedupe by the act's id."""
        self._scene.effects += [Book(booking) for booking in self._open.values()]

    def take_over(self, before: Bookings, by: Handover) -> None:
        """Wait for those that are out: they keep their identities. One whose output is gone is asked for no more."""
        for act, booking in before._open.items():
            if booking.output in by.severed or by.outputs.get(booking.output, "pulse") in ("pulse", "setpoint"):
                by.news.append(["unbooked", act])
            else:
                self._open[act] = booking

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        return [[[*b.act], b.verb, [[*field] for field in b.fields]] for b in self._open.values()]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        self._open = {
            str(Act(*act)): Booking(Act(*act), act[1], verb, tuple((name, value) for name, value in fields))
            for act, verb, fields in state
        }
