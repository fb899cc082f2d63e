"""What an engine takes over from the one of another plan: counts, items under way, acts and bookings that are out,
questions, setpoints, and whatever is the same in both plans. All else begins anew.

Nothing is told while it is taken over: that has no event. What has ended is told with the first event that follows,
and kept until then, so that a power cut in between loses none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ripieno.plan import BookingEffect, Unchanged
from ripieno.values import ItemId

from .effects import Alarm, AskEnded, Fired, Set
from .items import Item
from .scene import Scene

if TYPE_CHECKING:
    from .engine import Engine

BY: str = "plan"  # the rule that is named where a change of the plan moved a setpoint


class Handover:
    """One change of the plan.

    Args:
        severed: inputs and outputs that are gone, or another thing behind the same name.

    Attributes:
        same: what is in both plans.
        why: an item may end for it.
        goes_on: the items that the new plan has taken.
        news: told with the next event: kind, then what `tell` needs.
    """

    def __init__(self, before: Engine, after: Engine, severed: frozenset[str]) -> None:
        self.same, self.severed = Unchanged(before.plan, after.plan, severed), severed
        self.why = f"the plan was changed on its way (to {after.plan.name} {after.plan.version})"
        self.goes_on: set[ItemId] = set()
        self.news: list[list[Any]] = after.scene.news
        self.outputs = {one.name: one.kind for one in after.plan.outputs}
        self._booked = _acts(before)
        self._has_recipes = bool(after.plan.recipes)

    def carried(self, item: Item) -> Item:
        """Return the item as the new plan has it: of one that is not decided, the answers of steps that are the same.

        What its rules have booked is booked: another rule of the new plan never books under the same identity.
        """
        self.goes_on.add(item.id)
        kept = Item.from_plain(item.id.kind, item.plain())
        kept.spent = sorted({*item.spent, *(act for rule in item.fired for act in self._booked.get(rule, ()))})
        if item.verdict:
            return kept
        kept.recipe = item.recipe if self._has_recipes else ""
        known = self.same.steps | self.same.inputs
        for answers in (kept.results, kept.doubts, kept.taken, kept.seen):
            for name in [one for one in answers if one not in known]:
                del answers[name]
        kept.called = [name for name in kept.called if name in known]
        kept.why = self.why
        return kept


def tell(scene: Scene) -> None:
    """Tell what a change of the plan ended, but for items."""
    news, scene.news = scene.news, []
    for kind, *about in news:
        match kind:
            case "moot":
                step, item = about
                scene.counters["asks_moot"] += 1
                scene.effects.append(AskEnded(step, ItemId(*item), "moot", "", "", ""))
            case "unbooked":
                (act,) = about
                scene.counters["bookings_given_up"] += 1
                text = "its output is not in the plan any more; it is not known whether it was booked"
                scene.effects.append(Alarm("booking-given-up", f"{act}: {text}"))
            case "unverified":
                rule, output, value = about
                scene.effects.append(Fired(rule, "not-verified", output, value, value, ()))
            case "set":
                output, what, before, after = about
                if output in scene.setpoints:
                    scene.effects.append(Set(scene.setpoint(output)))
                scene.effects.append(Fired(BY, what, output, before, after, ()))


def _acts(engine: Engine) -> dict[str, list[str]]:
    """Return, of each rule, the acts that it books: output/index."""
    counted: dict[str, int] = {}
    acts: dict[str, list[str]] = {}
    for rule in engine.plan.rules:
        for effect in rule.do:
            if isinstance(effect, BookingEffect):
                index = counted[effect.output] = counted.get(effect.output, -1) + 1
                acts.setdefault(rule.name, []).append(f"{effect.output}/{index}")
    return acts
